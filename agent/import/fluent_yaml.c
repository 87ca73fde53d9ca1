// SPDX-License-Identifier: MIT
/* The YAML form: the same keys, as maps in lists. */
#include "import/fluent.h"

struct reading {
	struct fluent *fluent;
	struct config_file *file;
	int depth;
};

static void take_pairs(struct reading *reading, struct fluent_section *section,
		       const struct tree_node *map);

/* Rules of multiline parsers are maps; here they become what the classic form writes. */
static void take_rule(struct reading *reading, struct fluent_section *section,
		      const struct tree_node *rule)
{
	const char *state = import_find_text(rule, "state");
	const char *regex = import_find_text(rule, "regex");
	const char *next = import_find_text(rule, "next_state");
	char *text = config_print(reading->fluent->import->memory, "\"%s\" \"%s\" \"%s\"",
				  state ? state : "", regex ? regex : "", next ? next : "");

	if (text)
		fluent_set(reading->fluent, section, weir_slice_of("rule"), weir_slice_of(text),
			   rule->line);
}

static void take_value(struct reading *reading, struct fluent_section *section,
		       const struct tree_node *key, const struct tree_node *value)
{
	if (weir_slice_equals(key->text, "rules") && value->kind == TREE_LIST) {
		for (uint32_t i = 0; i < value->count; i++)
			take_rule(reading, section, value->items[i]);
	} else if (value->kind == TREE_LIST) {
		for (uint32_t i = 0; i < value->count; i++)
			take_value(reading, section, key, value->items[i]);
	} else if (value->kind == TREE_MAP) { /* nothing there that is carried over has one */
		fluent_set(reading->fluent, section, key->text, weir_slice_of("{...}"), key->line);
	} else if (value->kind == TREE_SCALAR) {
		fluent_set(reading->fluent, section, key->text, value->text, key->line);
	}
}

static void take_pairs(struct reading *reading, struct fluent_section *section,
		       const struct tree_node *map)
{
	for (uint32_t i = 0; section && map->kind == TREE_MAP && i < map->count; i++)
		take_value(reading, section, map->keys[i], map->items[i]);
}

static void take_list(struct reading *reading, const struct tree_node *list, int kind,
		      const char *title)
{
	for (uint32_t i = 0; list && list->kind == TREE_LIST && i < list->count; i++)
		take_pairs(reading, fluent_add(reading->fluent, kind, title, list->items[i]->line),
			   list->items[i]);
}

static void take_environment(struct reading *reading, const struct tree_node *map)
{
	for (uint32_t i = 0; map && map->kind == TREE_MAP && i < map->count; i++)
		if (map->items[i]->kind == TREE_SCALAR)
			fluent_define(reading->fluent, map->keys[i]->text, map->items[i]->text);
}

static void take_includes(struct reading *reading, const struct tree_node *list)
{
	for (uint32_t i = 0; list && list->kind == TREE_LIST && i < list->count; i++)
		if (list->items[i]->kind == TREE_SCALAR)
			fluent_include(reading->fluent, reading->file->path,
				       config_copy(reading->fluent->import->memory,
						   list->items[i]->text.data
							   ? list->items[i]->text.data
							   : "",
						   list->items[i]->text.size),
				       reading->depth);
}

static void take_root(struct reading *reading, const struct tree_node *root)
{
	const struct tree_node *pipeline = import_find(root, "pipeline");
	const struct tree_node *service = import_find(root, "service");

	take_environment(reading, import_find(root, "env"));
	take_includes(reading, import_find(root, "includes"));
	if (service)
		take_pairs(reading,
			   fluent_add(reading->fluent, FLUENT_SERVICE, "service", service->line),
			   service);
	take_list(reading, import_find(root, "parsers"), FLUENT_PARSER, "parsers");
	take_list(reading, import_find(root, "multiline_parsers"), FLUENT_MULTILINE,
		  "multiline_parsers");
	take_list(reading, import_find(pipeline, "inputs"), FLUENT_INPUT, "inputs");
	take_list(reading, import_find(pipeline, "filters"), FLUENT_FILTER, "filters");
	take_list(reading, import_find(pipeline, "outputs"), FLUENT_OUTPUT, "outputs");
}

void fluent_read_yaml(struct fluent *fluent, struct config_file *file, int depth)
{
	struct reading reading = {fluent, file, depth};
	struct tree_node *root = NULL;

	if (tree_read(file, &root) < 0)
		return;
	if (!root || root->kind != TREE_MAP)
		config_file_error(file, 1, 1, "expected \"pipeline:\" with inputs and outputs");
	else
		take_root(&reading, root);
}
