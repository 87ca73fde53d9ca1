// SPDX-License-Identifier: MIT
/* Options as their declarations have them; nested members are indented under their map. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "batch/json.h"
#include "cli/plugins.h"
#include "cli/terminal.h"
#include "config/stage.h"
#include "config/units.h"
#include "host/plugin_gate.h"

#define LIMIT_TEXT 32
#define INDENT 2

static const char *type_name(uint32_t type)
{
	static const char *const names[] = {
		[WEIR_TYPE_STRING] = "string",    [WEIR_TYPE_BOOL] = "true or false",
		[WEIR_TYPE_INT] = "whole number", [WEIR_TYPE_DOUBLE] = "number",
		[WEIR_TYPE_SIZE] = "size",        [WEIR_TYPE_DURATION] = "duration",
		[WEIR_TYPE_SECRET] = "secret",    [WEIR_TYPE_EXPR] = "expression",
		[WEIR_TYPE_REGEX] = "regex",      [WEIR_TYPE_LIST] = "list",
		[WEIR_TYPE_MAP] = "map",          [WEIR_TYPE_ANY] = "any value",
	};

	return type < sizeof(names) / sizeof(names[0]) && names[type] ? names[type] : "value";
}

static void append_type(struct buffer *out, const struct weir_option *option)
{
	buffer_text(out, type_name(option->type));
	if (option->type == WEIR_TYPE_LIST)
		buffer_printf(out, " of %s", type_name(option->element));
	else if (option->type == WEIR_TYPE_MAP && !option->members)
		buffer_printf(out, " of any keys to %s", type_name(option->element));
}

static void append_limit(struct buffer *out, const struct weir_option *option, int64_t limit)
{
	uint32_t type = option->type == WEIR_TYPE_LIST ? option->element : option->type;
	char text[LIMIT_TEXT];

	if (type == WEIR_TYPE_SIZE)
		units_print_size(limit, text, sizeof(text));
	else if (type == WEIR_TYPE_DURATION)
		units_print_duration(limit, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%" PRId64, limit);
	buffer_text(out, text);
}

static void append_range(struct buffer *out, const struct weir_option *option)
{
	if (option->min >= option->max)
		return;
	if (option->max == INT64_MAX) {
		buffer_text(out, "; at least ");
		append_limit(out, option, option->min);
		return;
	}
	buffer_text(out, "; ");
	append_limit(out, option, option->min);
	buffer_text(out, " to ");
	append_limit(out, option, option->max);
}

static void append_values(struct buffer *out, const char *values)
{
	const char *separator = ": ";

	for (; values && *values; separator = ", ") {
		size_t size = strcspn(values, "|");

		buffer_printf(out, "%s%.*s", separator, (int)size, values);
		values += size + (values[size] == '|');
	}
}

static void describe_options(const struct weir_option *options, unsigned indent)
{
	for (const struct weir_option *raw = options; raw && raw->struct_size;
	     raw = plugin_next_option(raw)) {
		struct weir_option option = plugin_read_option(raw);
		struct buffer facts = {0};

		buffer_text(&facts, "(");
		append_type(&facts, &option);
		append_values(&facts, option.values);
		append_range(&facts, &option);
		if (option.flags & WEIR_OPTION_REQUIRED)
			buffer_text(&facts, "; required");
		else if (option.default_text)
			buffer_printf(&facts, "; default %s",
				      option.default_text[0] ? option.default_text : "\"\"");
		buffer_text(&facts, ")");
		printf("%*s%s%s%s  %s", (int)indent, "", terminal_style(TERMINAL_BOLD), option.name,
		       terminal_style(TERMINAL_PLAIN), terminal_style(TERMINAL_DIM));
		terminal_fold_from(indent + (unsigned)strlen(option.name) + INDENT,
				   indent + 2 * INDENT, buffer_cstr(&facts));
		printf("%s", terminal_style(TERMINAL_PLAIN));
		if (option.doc)
			terminal_fold(indent + 2 * INDENT, option.doc);
		describe_options(option.members, indent + 2 * INDENT);
		buffer_done(&facts);
	}
}

void plugins_describe(const struct registry_entry *entry, int more)
{
	const struct weir_plugin *plugin = entry->plugin;
	const char *short_option = plugin_short_option(plugin);

	printf("%s%s%s%s: %s, version %s\n", more ? "\n" : "", terminal_style(TERMINAL_BOLD),
	       plugin->name, terminal_style(TERMINAL_PLAIN), registry_kind_name(plugin->kind),
	       plugin->version);
	terminal_fold(INDENT, plugin->summary);
	printf("  %s%s, plugin ABI %u.%u%s\n", terminal_style(TERMINAL_DIM), entry->path,
	       entry->abi_major, entry->abi_minor, terminal_style(TERMINAL_PLAIN));
	if (short_option)
		printf("  Short form: \"%s: VALUE\" sets \"%s\"\n", plugin->name, short_option);
	printf("\nOptions%s\n", plugin->options && plugin->options->struct_size ? "" : ": none");
	describe_options(plugin->options, INDENT);
	printf("\nOptions of every %s\n", registry_kind_name(plugin->kind));
	describe_options(stage_host_options(plugin->kind), INDENT);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void append_options(struct buffer *out, const struct weir_option *options)
{
	const char *separator = "";

	buffer_text(out, "[");
	for (const struct weir_option *raw = options; raw && raw->struct_size;
	     raw = plugin_next_option(raw), separator = ",") {
		struct weir_option option = plugin_read_option(raw);
		struct buffer type = {0};

		append_type(&type, &option);
		buffer_printf(out, "%s{\"required\":%s", separator,
			      option.flags & WEIR_OPTION_REQUIRED ? "true" : "false");
		json_append_member(out, "name", option.name);
		json_append_member(out, "type", buffer_cstr(&type));
		json_append_member(out, "default", option.default_text);
		json_append_member(out, "values", option.values);
		json_append_member(out, "doc", option.doc);
		if (option.min < option.max)
			buffer_printf(out, ",\"min\":%" PRId64 ",\"max\":%" PRId64, option.min,
				      option.max);
		if (option.members) {
			buffer_text(out, ",\"members\":");
			append_options(out, option.members);
		}
		buffer_text(out, "}");
		buffer_done(&type);
	}
	buffer_text(out, "]");
}

void plugins_append_json(struct buffer *out, const struct registry_entry *entry, int with_options)
{
	buffer_printf(out, "{\"kind\":\"%s\"", registry_kind_name(entry->plugin->kind));
	json_append_member(out, "name", entry->plugin->name);
	json_append_member(out, "version", entry->plugin->version);
	json_append_member(out, "summary", entry->plugin->summary);
	json_append_member(out, "path", entry->path);
	buffer_printf(out, ",\"abi\":\"%u.%u\"", entry->abi_major, entry->abi_minor);
	if (with_options) {
		json_append_member(out, "short_option", plugin_short_option(entry->plugin));
		buffer_text(out, ",\"options\":");
		append_options(out, entry->plugin->options);
		buffer_text(out, ",\"host_options\":");
		append_options(out, stage_host_options(entry->plugin->kind));
	}
	buffer_text(out, "}");
}

void plugins_print_json(const struct registry *registry, const char *name)
{
	struct buffer out = {0};
	const char *separator = "";

	buffer_text(&out, "{\"plugins\":[");
	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct registry_entry *entry = registry_at(registry, i);

		if (name && strcmp(entry->plugin->name, name) != 0)
			continue;
		buffer_text(&out, separator);
		plugins_append_json(&out, entry, name != NULL);
		separator = ",";
	}
	buffer_text(&out, "]");
	for (size_t i = 0; !name && i < registry_refusal_count(registry); i++) {
		buffer_text(&out, i ? ",{\"path\":" : ",\"refused\":[{\"path\":");
		json_append_string(&out, weir_slice_of(registry_refusal_at(registry, i)->path));
		json_append_member(&out, "why", registry_refusal_at(registry, i)->why);
		buffer_text(&out, "}");
	}
	if (!name)
		buffer_text(&out, registry_refusal_count(registry) ? "]" : ",\"refused\":[]");
	buffer_text(&out, "}");
	puts(buffer_cstr(&out));
	buffer_done(&out);
}
