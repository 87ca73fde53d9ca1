// SPDX-License-Identifier: MIT
/*
 * Walks tree and declaration side by side. Nodes are allocated in the config, which they outlive the
 * file with; the tree is not referred to afterwards.
 */
#include "config/option_check.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/nearest.h"
#include "base/secrets.h"
#include "config/option_node.h"
#include "config/option_value.h"
#include "config/scalar.h"
#include "host/plugin_gate.h"

#define NAME_TEXT 128

/* ---- single values --------------------------------------------------------------------------- */

/* What stands where a secret was meant. */
static void hide(struct config_file *file, const struct tree_node *node)
{
	if (node->kind == TREE_SCALAR)
		secrets_add(&file->config->secrets, node->text);
	for (uint32_t i = 0; i < node->count; i++)
		hide(file, node->items[i]);
}

static struct weir_slice copy_key(struct config_file *file, struct weir_slice key)
{
	struct weir_slice copy = {config_copy(file->config->memory, key.data, key.size), key.size};

	return copy;
}

static const struct weir_node *check_typed(struct config_file *file, const struct tree_node *node,
					   const struct weir_option *option, uint32_t type,
					   const char *name);

static void check_sets(struct config_file *file, const struct tree_node *map, const char *owner,
		       const char *prefix, uint32_t line, uint32_t column, struct option_set *sets,
		       size_t count);

static const struct weir_node *wrong_kind(struct config_file *file, const struct tree_node *node,
					  uint32_t type, const char *name)
{
	config_file_error(file, node->line, node->column, "\"%s\" wants %s, found %s", name,
			  scalar_type_wants(type), tree_describe(file, node));
	return NULL;
}

static const struct weir_node *check_list(struct config_file *file, const struct tree_node *node,
					  const struct weir_option *option, uint32_t element,
					  const char *name)
{
	const struct weir_node **items;
	struct weir_slice *keys;
	uint32_t count = node->kind == TREE_LIST ? node->count : 1;
	struct weir_node *list =
		option_node_collection(file, node, WEIR_TYPE_LIST, count, &items, &keys);

	for (uint32_t i = 0; list && i < count; i++) {
		const struct tree_node *item = node->kind == TREE_LIST ? node->items[i] : node;

		items[list->count] = check_typed(file, item, option, element, name);
		list->count += items[list->count] != NULL;
	}
	return list;
}

/* {expr: TEXT} */
static int is_expression(const struct tree_node *node)
{
	return node->kind == TREE_MAP && node->count == 1 &&
	       weir_slice_equals(node->keys[0]->text, "expr");
}

static const struct weir_node *check_free_map(struct config_file *file,
					      const struct tree_node *node,
					      const struct weir_option *option, uint32_t element,
					      int computed, const char *name)
{
	const struct weir_node **items;
	struct weir_slice *keys;
	struct weir_node *map =
		option_node_collection(file, node, WEIR_TYPE_MAP, node->count, &items, &keys);

	for (uint32_t i = 0; map && i < node->count; i++) {
		char path[NAME_TEXT];
		const struct weir_node *item;

		snprintf(path, sizeof(path), "%s.%s", name, node->keys[i]->text.data);
		if (computed && is_expression(node->items[i]))
			item = check_free_map(file, node->items[i], option, WEIR_TYPE_EXPR, 0,
					      path);
		else
			item = check_typed(file, node->items[i], option, element, path);
		if (!item)
			continue;
		keys[map->count] = copy_key(file, node->keys[i]->text);
		option_node_place_key(map, map->count, node->keys[i]);
		items[map->count++] = item;
	}
	return map;
}

/* {FIRST_MEMBER: scalar} in place of the scalar. */
static const struct tree_node *lengthen(struct config_file *file, const struct tree_node *scalar,
					const struct weir_option *members)
{
	struct config_memory *memory = &file->memory;
	struct tree_node *map = config_alloc(memory, sizeof(*map));
	struct tree_node *key = config_alloc(memory, sizeof(*key));
	struct tree_node *value = config_alloc(memory, sizeof(*value));
	struct tree_node **pair = config_alloc(memory, 2 * sizeof(*pair));

	if (!map || !key || !value || !pair)
		return NULL;
	*value = *scalar;
	*key = (struct tree_node){.kind = TREE_SCALAR,
				  .line = scalar->line,
				  .column = scalar->column,
				  .text = weir_slice_of(members->name)};
	pair[0] = value;
	pair[1] = key;
	*map = (struct tree_node){.kind = TREE_MAP,
				  .line = scalar->line,
				  .column = scalar->column,
				  .count = 1,
				  .items = &pair[0],
				  .keys = &pair[1]};
	return map;
}

static const struct weir_node *check_map(struct config_file *file, const struct tree_node *node,
					 const struct weir_option *option, const char *name)
{
	struct option_set set = {.options = option->members};

	if (node->kind == TREE_SCALAR && !tree_is_null(node) && option->members &&
	    (option->flags & WEIR_OPTION_SHORT))
		node = lengthen(file, node, option->members);
	if (!node)
		return NULL;
	if (node->kind == TREE_LIST || (node->kind == TREE_SCALAR && !tree_is_null(node)))
		return wrong_kind(file, node, WEIR_TYPE_MAP, name);
	if (!option->members)
		return check_free_map(file, node, option, option->element,
				      (option->flags & WEIR_OPTION_COMPUTED) != 0, name);
	check_sets(file, node, name, name, node->line, node->column, &set, 1);
	return set.ret_node;
}

static const struct weir_node *check_any(struct config_file *file, const struct tree_node *node,
					 const struct weir_option *option, const char *name)
{
	struct weir_node *scalar;

	if (node->kind == TREE_LIST)
		return check_list(file, node, option, WEIR_TYPE_ANY, name);
	if (node->kind == TREE_MAP)
		return check_free_map(file, node, option, WEIR_TYPE_ANY, 0, name);
	scalar = option_node_create(file, node, WEIR_TYPE_STRING);
	if (scalar)
		(void)option_value_read(file, node, option, WEIR_TYPE_ANY, name, scalar);
	return scalar;
}

static const struct weir_node *check_typed(struct config_file *file, const struct tree_node *node,
					   const struct weir_option *option, uint32_t type,
					   const char *name)
{
	struct weir_node *scalar;

	if (node->kind == TREE_BAD)
		return NULL;
	if (type == WEIR_TYPE_ANY)
		return check_any(file, node, option, name);
	if (type == WEIR_TYPE_MAP)
		return check_map(file, node, option, name);
	if (type == WEIR_TYPE_LIST && !tree_is_null(node))
		return check_list(file, node, option, option->element, name);
	if (node->kind != TREE_SCALAR && type == WEIR_TYPE_SECRET)
		hide(file, node);
	if (node->kind != TREE_SCALAR)
		return wrong_kind(file, node, type, name);
	scalar = option_node_create(file, node, type);
	if (!scalar || option_value_read(file, node, option, type, name, scalar))
		return NULL;
	return scalar;
}

const struct weir_node *option_check_value(struct config_file *file, const struct tree_node *node,
					   const struct weir_option *option, const char *name)
{
	return check_typed(file, node, option, option->type, name);
}

/* ---- maps with declared members -------------------------------------------------------------- */

const struct weir_option *option_find(const struct weir_option *options, struct weir_slice name)
{
	for (const struct weir_option *option = options; option && option->struct_size;
	     option = plugin_next_option(option))
		if (weir_slice_equals(name, option->name))
			return option;
	return NULL;
}

static int is_secret(const struct weir_option *option)
{
	return option->type == WEIR_TYPE_SECRET || option->element == WEIR_TYPE_SECRET;
}

static const struct tree_node *find_written(const struct tree_node *map, const char *name)
{
	for (uint32_t i = 0; map && i < map->count; i++)
		if (weir_slice_equals(map->keys[i]->text, name))
			return map->items[i];
	return NULL;
}

static void unknown_option(struct config_file *file, const struct tree_node *key,
			   const struct tree_node *value, const char *owner,
			   const struct option_set *sets, size_t count)
{
	struct nearest nearest = nearest_to(key->text);
	struct buffer names = {0};

	for (size_t i = 0; i < count; i++)
		for (const struct weir_option *option = sets[i].options;
		     option && option->struct_size; option = plugin_next_option(option)) {
			nearest_offer(&nearest, weir_slice_of(option->name));
			buffer_printf(&names, "%s%s", names.size ? ", " : "", option->name);
		}
	for (size_t i = 0; i < count && nearest.best.size; i++) {
		const struct weir_option *meant = option_find(sets[i].options, nearest.best);

		if (meant && is_secret(meant))
			hide(file, value);
	}
	if (nearest.best.size)
		config_file_error(file, key->line, key->column,
				  "unknown option \"%.64s\" of %s; did you mean \"%.*s\"?",
				  key->text.data, owner, (int)nearest.best.size, nearest.best.data);
	else
		config_file_error(file, key->line, key->column,
				  "unknown option \"%.64s\" of %s; expected %s%s", key->text.data,
				  owner, names.size ? "one of: " : "none", buffer_cstr(&names));
	buffer_done(&names);
}

static void report_unknown(struct config_file *file, const struct tree_node *map, const char *owner,
			   const struct option_set *sets, size_t count)
{
	for (uint32_t i = 0; map && i < map->count; i++) {
		const struct weir_option *found = NULL;

		for (size_t j = 0; !found && j < count; j++)
			found = option_find(sets[j].options, map->keys[i]->text);
		if (!found && map->keys[i]->kind == TREE_SCALAR)
			unknown_option(file, map->keys[i], map->items[i], owner, sets, count);
	}
}

/* A default is written by a programmer as the user would: its scalars need no YAML quotes, though. */
static struct tree_node *read_default(struct config_file *inner, const struct weir_option *option)
{
	struct weir_slice text = weir_slice_of(option->default_text);
	struct tree_node *node = NULL;
	int is_structure = option->type == WEIR_TYPE_LIST || option->type == WEIR_TYPE_MAP ||
			   option->type == WEIR_TYPE_ANY;

	if (is_structure || text.data[0] == '"' || text.data[0] == '\'')
		return tree_read(inner, &node) ? NULL : node;
	node = config_alloc(&inner->memory, sizeof(*node));
	if (node)
		*node = (struct tree_node){.kind = TREE_SCALAR, .text = text};
	return node;
}

static const struct weir_node *check_default(struct config_file *file,
					     const struct weir_option *option, const char *name)
{
	const struct weir_node *checked = NULL;
	struct config_file inner;
	struct tree_node *node;

	config_file_of(&inner, file->config, file->path, weir_slice_of(option->default_text));
	node = read_default(&inner, option);
	if (node) {
		tree_forget_positions(node);
		checked = option_check_value(&inner, node, option, name);
	}
	if (inner.errors)
		config_file_error(
			file, 0, 0,
			"the default of \"%s\" is wrong in the plugin itself; set the option, "
			"and tell the plugin's author",
			name);
	file->errors += inner.errors;
	config_file_done(&inner);
	return checked;
}

static const char *option_path(char buffer[NAME_TEXT], const char *prefix, const char *name)
{
	if (!prefix)
		return name;
	snprintf(buffer, NAME_TEXT, "%s.%s", prefix, name);
	return buffer;
}

/* A set's node while it is filled: first what is written, in its order, then the defaults. */
struct filling {
	struct config_file *file;
	const struct tree_node *map; /* what is written, or NULL */
	const char *owner, *prefix;
	uint32_t line, column;
	struct weir_node *node;
	const struct weir_node **items;
	struct weir_slice *keys;
};

static void fill(struct filling *filling, const char *name, const struct weir_node *item)
{
	if (!item)
		return;
	filling->keys[filling->node->count] = weir_slice_of(name);
	filling->items[filling->node->count++] = item;
}

static void fill_written(struct filling *filling, const struct weir_option *options)
{
	const struct tree_node *map = filling->map;
	char path[NAME_TEXT];

	for (uint32_t i = 0; map && i < map->count; i++) {
		const struct weir_option *raw = option_find(options, map->keys[i]->text);
		struct weir_option option;

		if (!raw)
			continue;
		option = plugin_read_option(raw);
		fill(filling, option.name,
		     option_check_value(filling->file, map->items[i], &option,
					option_path(path, filling->prefix, option.name)));
	}
}

static void fill_missing(struct filling *filling, const struct weir_option *options)
{
	char path[NAME_TEXT];

	for (const struct weir_option *raw = options; raw && raw->struct_size;
	     raw = plugin_next_option(raw)) {
		struct weir_option option = plugin_read_option(raw);
		const char *name = option_path(path, filling->prefix, option.name);

		if (find_written(filling->map, option.name))
			continue;
		if (option.flags & WEIR_OPTION_REQUIRED)
			config_file_error(filling->file, filling->line, filling->column,
					  "%s needs \"%s\": %s", filling->owner, name,
					  option.doc ? option.doc : "");
		else if (option.default_text)
			fill(filling, option.name, check_default(filling->file, &option, name));
	}
}

static void check_set(struct filling filling, struct option_set *set)
{
	uint32_t room = 0;

	for (const struct weir_option *raw = set->options; raw && raw->struct_size;
	     raw = plugin_next_option(raw))
		room++;
	filling.node = option_node_collection(filling.file, filling.map, WEIR_TYPE_MAP, room,
					      &filling.items, &filling.keys);
	set->ret_node = filling.node;
	if (!filling.node)
		return;
	fill_written(&filling, set->options);
	fill_missing(&filling, set->options);
}

static void check_sets(struct config_file *file, const struct tree_node *map, const char *owner,
		       const char *prefix, uint32_t line, uint32_t column, struct option_set *sets,
		       size_t count)
{
	if (map && map->kind != TREE_MAP)
		map = NULL;
	report_unknown(file, map, owner, sets, count);
	for (size_t i = 0; i < count; i++)
		check_set((struct filling){.file = file,
					   .map = map,
					   .owner = owner,
					   .prefix = prefix,
					   .line = line,
					   .column = column},
			  &sets[i]);
}

void option_check_map(struct config_file *file, const struct tree_node *map, const char *owner,
		      uint32_t line, uint32_t column, struct option_set *sets, size_t count)
{
	check_sets(file, map, owner, NULL, line, column, sets, count);
}
