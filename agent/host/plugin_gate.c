// SPDX-License-Identifier: MIT
/*
 * The checks go from the outside in, so that nothing is read before the size that covers it has been
 * looked at. A member beyond the size that a table declares counts as absent.
 */
#include "host/plugin_gate.h"

#include <ctype.h>

#define PLUGINS_MAX 64     /* in one file */
#define NAME_SIZE_MAX 32   /* weir/plugin.h */
#define OPTION_DEPTH_MAX 8 /* of nested maps; a cycle in `members` would have no end */
#define OPTIONS_MAX 512    /* in one map; an array without its end would have no end */

/* The flags that have a meaning; others are for later minors. */
#define PLUGIN_FLAGS WEIR_PLUGIN_CONCURRENT
#define OPTION_FLAGS (WEIR_OPTION_REQUIRED | WEIR_OPTION_SHORT | WEIR_OPTION_COMPUTED)

const char *const plugin_host_options[] = {"name",     "when",   "isolate", "buffer",
					   "ordering", "linger", "retry",   NULL};

const struct weir_option *plugin_next_option(const struct weir_option *option)
{
	return (const struct weir_option *)(const void *)((const char *)option +
							  option->struct_size);
}

struct weir_option plugin_read_option(const struct weir_option *option)
{
	struct weir_option copy = {0};

	memcpy(&copy, option,
	       option->struct_size < sizeof(copy) ? option->struct_size : sizeof(copy));
	return copy;
}

const char *plugin_short_option(const struct weir_plugin *plugin)
{
	return WEIR_HAS(plugin, short_option) ? plugin->short_option : NULL;
}

int plugin_gate_list(const struct weir_plugin_list *list, struct weir_error *error)
{
	if (list->magic != WEIR_PLUGINS_MAGIC)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"its weir_plugins is no plugin list (wrong magic number); declare it "
			"with WEIR_PLUGINS()");
	if (list->abi_major != WEIR_ABI_MAJOR)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "it is built for plugin ABI %u.%u, this agent has %d.%d; build it "
				 "against this agent's headers",
				 list->abi_major, list->abi_minor, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	if (list->abi_minor > WEIR_ABI_MINOR)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"it needs plugin ABI %u.%u, this agent has %d.%d; upgrade the agent, "
			"or build the plugin against its headers",
			list->abi_major, list->abi_minor, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	if (!WEIR_HAS(list, plugins) || list->count == 0 || list->count > PLUGINS_MAX ||
	    !list->plugins)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"its plugin list is empty or damaged; declare it with WEIR_PLUGINS()");
	return 0;
}

int plugin_gate_is_name(const char *name)
{
	size_t size = name ? strlen(name) : 0;

	if (size == 0 || size > NAME_SIZE_MAX || !islower((unsigned char)name[0]))
		return 0;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static int is_host_option(const char *name)
{
	for (size_t i = 0; plugin_host_options[i]; i++)
		if (strcmp(name, plugin_host_options[i]) == 0)
			return 1;
	return 0;
}

static int needs_element(uint32_t type)
{
	return type == WEIR_TYPE_LIST || type == WEIR_TYPE_MAP;
}

static int check_options(const char *plugin, const struct weir_option *first, uint32_t depth,
			 struct weir_error *error);

static int check_option(const char *plugin, const struct weir_option *raw, uint32_t depth,
			struct weir_error *error)
{
	struct weir_option option;

	if (!WEIR_HAS(raw, doc) || raw->struct_size % _Alignof(struct weir_option))
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" has an option with a damaged size; end its list of "
				 "options with WEIR_OPTION_END",
				 plugin);
	option = plugin_read_option(raw);
	if (!option.name || !option.name[0] || option.type < WEIR_TYPE_STRING ||
	    option.type > WEIR_TYPE_ANY)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"plugin \"%s\" has an option without a name or with an unknown type %u; "
			"correct its declaration",
			plugin, option.type);
	if (option.flags & ~(uint32_t)OPTION_FLAGS)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" sets flags of the option \"%s\" that this agent "
				 "does not know (0x%x); set only WEIR_OPTION_*",
				 plugin, option.name, option.flags);
	if (depth == 0 && is_host_option(option.name))
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"plugin \"%s\" declares the option \"%s\", which belongs to the host; "
			"rename it",
			plugin, option.name);
	if (needs_element(option.type) && !option.members &&
	    (option.element < WEIR_TYPE_STRING || option.element > WEIR_TYPE_ANY ||
	     option.element == WEIR_TYPE_LIST))
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" does not say what the option \"%s\" holds; set its "
				 "members, or an element that is no list",
				 plugin, option.name);
	return option.members ? check_options(plugin, option.members, depth + 1, error) : 0;
}

static int check_options(const char *plugin, const struct weir_option *first, uint32_t depth,
			 struct weir_error *error)
{
	uint32_t count = 0;

	if (depth > OPTION_DEPTH_MAX)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" nests its options deeper than %d; flatten them",
				 plugin, OPTION_DEPTH_MAX);
	for (const struct weir_option *option = first; option->struct_size;
	     option = plugin_next_option(option)) {
		int result = check_option(plugin, option, depth, error);

		if (result)
			return result;
		if (++count > OPTIONS_MAX)
			return weir_fail(
				error, WEIR_ERR_REFUSED,
				"plugin \"%s\" has more than %d options; end the list with "
				"WEIR_OPTION_END",
				plugin, OPTIONS_MAX);
		for (const struct weir_option *other = first; other != option;
		     other = plugin_next_option(other))
			if (strcmp(other->name, option->name) == 0)
				return weir_fail(
					error, WEIR_ERR_REFUSED,
					"plugin \"%s\" declares the option \"%s\" twice; remove "
					"one",
					plugin, option->name);
	}
	return 0;
}

static int check_short_option(const struct weir_plugin *plugin, struct weir_error *error)
{
	const char *name = plugin_short_option(plugin);
	const struct weir_option *option = plugin->options;

	while (name && option && option->struct_size && strcmp(option->name, name) != 0)
		option = plugin_next_option(option);
	if (name && (!option || !option->struct_size))
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"plugin \"%s\" has the short option \"%s\", which it does not declare; "
			"declare it",
			plugin->name, name);
	return 0;
}

/* `reserved` of the table of its kind. */
static uint32_t reserved_of_table(const struct weir_plugin *plugin)
{
	return plugin->kind == WEIR_INPUT    ? plugin->input->reserved
	       : plugin->kind == WEIR_FILTER ? plugin->filter->reserved
					     : plugin->output->reserved;
}

static int check_reserved(const struct weir_plugin *plugin, struct weir_error *error)
{
	if (plugin->flags & ~(uint32_t)PLUGIN_FLAGS)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" sets flags that this agent does not know (0x%x); "
				 "set only WEIR_PLUGIN_*",
				 plugin->name, plugin->flags);
	if (plugin->reserved || reserved_of_table(plugin))
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" does not leave the reserved members of its "
				 "descriptor and its table of functions 0; begin with zeroed ones",
				 plugin->name);
	return 0;
}

/* The first function of a kind that must be there and is not, or NULL. */
#define LACKS(ops, member) (!WEIR_HAS(ops, member) || !(ops)->member)

static const char *missing_function(const struct weir_plugin *plugin)
{
	const struct weir_input_ops *input = plugin->input;
	const struct weir_filter_ops *filter = plugin->filter;
	const struct weir_output_ops *output = plugin->output;

	switch (plugin->kind) {
	case WEIR_INPUT:
		return !input                  ? "the table of input functions"
		       : LACKS(input, create)  ? "create"
		       : LACKS(input, start)   ? "start"
		       : LACKS(input, stop)    ? "stop"
		       : LACKS(input, destroy) ? "destroy"
		       : LACKS(input, read)    ? "read"
					       : NULL;
	case WEIR_FILTER:
		return !filter                  ? "the table of filter functions"
		       : LACKS(filter, create)  ? "create"
		       : LACKS(filter, destroy) ? "destroy"
		       : LACKS(filter, process) ? "process"
						: NULL;
	default:
		return !output                  ? "the table of output functions"
		       : LACKS(output, create)  ? "create"
		       : LACKS(output, stop)    ? "stop"
		       : LACKS(output, destroy) ? "destroy"
		       : LACKS(output, write)   ? "write"
						: NULL;
	}
}

int plugin_gate_plugin(const struct weir_plugin *plugin, struct weir_error *error)
{
	const char *missing;
	int result;

	if (!plugin || !WEIR_HAS(plugin, output))
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"one of its descriptors is missing or too short; set .struct_size = "
			"sizeof(struct weir_plugin)");
	if (!plugin_gate_is_name(plugin->name))
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"\"%.40s\" is no name for a plugin; use [a-z][a-z0-9_]*, at most %d",
			plugin->name ? plugin->name : "", NAME_SIZE_MAX);
	if (plugin->kind < WEIR_INPUT || plugin->kind > WEIR_OUTPUT)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" is of unknown kind %u; set .kind to WEIR_INPUT, "
				 "WEIR_FILTER or WEIR_OUTPUT",
				 plugin->name, plugin->kind);
	if (!plugin->version || !plugin->summary)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" has no version or no summary; set both",
				 plugin->name);
	missing = missing_function(plugin);
	if (missing)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "plugin \"%s\" lacks %s%s; set it in its descriptor", plugin->name,
				 strchr(missing, ' ') ? "" : "the function ", missing);
	result = check_reserved(plugin, error);
	if (!result && plugin->options)
		result = check_options(plugin->name, plugin->options, 0, error);
	return result ? result : check_short_option(plugin, error);
}
