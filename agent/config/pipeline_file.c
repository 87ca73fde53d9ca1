// SPDX-License-Identifier: MIT
/* Every problem of the file is reported: a broken list does not hide the ones after it. */
#include "config/pipeline_file.h"

#include <inttypes.h>
#include <string.h>

#include "base/nearest.h"
#include "config/fingerprint.h"
#include "config/interpolation.h"
#include "config/option_check.h"
#include "config/service.h"
#include "config/stage.h"

#define STAGES_MAX 100 /* in one list */

/* Folder, name of the pipeline, bytes. */
#define DEFAULT_DEAD_LETTER "[{file: {path: '%s/dead/%s.jsonl', max_bytes: %" PRIu64 "}}]"

static const struct weir_option top_options[] = {
	WEIR_OPTION("id", WEIR_TYPE_STRING, NULL, "Keeps positions through a rename of the file"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "on_corrupt_state",
	 .values = "stop|beginning|end",
	 .doc = "What to do when the state database is damaged"},
	WEIR_OPTION("inputs", WEIR_TYPE_ANY, NULL, "Where records come from"),
	WEIR_OPTION("filters", WEIR_TYPE_ANY, NULL, "What is done with them, in order"),
	WEIR_OPTION("outputs", WEIR_TYPE_ANY, NULL, "Where they go"),
	WEIR_OPTION("dead_letter", WEIR_TYPE_ANY, NULL, "Where those go that can't be delivered"),
	WEIR_OPTION_END,
};

static void unknown_key(struct config_file *file, const struct tree_node *key)
{
	struct nearest nearest = nearest_to(key->text);
	const struct weir_option *option;

	if (option_find(service_options, key->text)) {
		config_file_error(
			file, key->line, key->column,
			"\"%s\" is a setting of weir.yaml, not of a pipeline; move it there",
			key->text.data);
		return;
	}
	for (option = top_options; option->struct_size; option++)
		nearest_offer(&nearest, weir_slice_of(option->name));
	if (nearest.best.size)
		config_file_error(file, key->line, key->column,
				  "unknown key \"%.64s\" of a pipeline; did you mean \"%.*s\"?",
				  key->text.data, (int)nearest.best.size, nearest.best.data);
	else
		config_file_error(
			file, key->line, key->column,
			"unknown key \"%.64s\" of a pipeline; expected id, inputs, filters, "
			"outputs, dead_letter or on_corrupt_state",
			key->text.data);
}

static void read_id(struct config_file *file, const struct tree_node *node,
		    struct config_pipeline *pipeline)
{
	const struct weir_node *checked = option_check_value(file, node, &top_options[0], "id");

	if (!checked)
		return;
	pipeline->id = config_copy(file->config->memory, checked->text.data, checked->text.size);
	if (pipeline->id && !stage_is_name(pipeline->id))
		config_file_error(file, node->line, node->column,
				  "\"%.64s\" is no id; use letters, digits, _ and -, at most 64",
				  pipeline->id);
}

static void read_on_corrupt(struct config_file *file, const struct tree_node *node,
			    struct config_pipeline *pipeline)
{
	const struct weir_node *checked =
		option_check_value(file, node, &top_options[1], "on_corrupt_state");

	if (!checked)
		return;
	pipeline->on_corrupt_state = weir_slice_equals(checked->text, "stop") ? CONFIG_CORRUPT_STOP
				     : weir_slice_equals(checked->text, "end")
					     ? CONFIG_CORRUPT_END
					     : CONFIG_CORRUPT_BEGINNING;
}

/* ---- lists of stages ------------------------------------------------------------------------- */

static int is_empty_list(const struct tree_node *node)
{
	return node->kind == TREE_LIST && node->count == 0;
}

/* Whether it is a list with something in it, or nothing where nothing will do. */
static int is_usable_list(struct config_file *file, const struct tree_node *node, const char *name)
{
	if (node->kind == TREE_BAD || tree_is_null(node))
		return 0;
	if (node->kind == TREE_MAP && node->count)
		config_file_error(file, node->line, node->column,
				  "expected \"%s\" to be a list; write \"- \" before \"%.64s:\"",
				  name, node->keys[0]->text.data);
	else if (node->kind != TREE_LIST)
		config_file_error(
			file, node->line, node->column,
			"expected \"%s\" to be a list of \"- plugin: {options}\", found %s", name,
			tree_describe(file, node));
	else if (node->count > STAGES_MAX)
		config_file_error(file, node->line, node->column,
				  "\"%s\" has %u entries; at most %d are allowed", name,
				  node->count, STAGES_MAX);
	else
		return 1;
	return 0;
}

static void read_stages(struct config_file *file, struct registry *registry, uint32_t kind,
			const char *name, const struct tree_node *list,
			struct config_stage **ret_stages, size_t *ret_count)
{
	struct config_stage *stages;
	size_t count = 0;

	if (!is_usable_list(file, list, name))
		return;
	stages = config_alloc(file->config->memory, (list->count + 1) * sizeof(*stages));
	for (uint32_t i = 0; stages && i < list->count; i++)
		if (stage_read(file, registry, kind, name, list->items[i], &stages[count]) == 0)
			count++;
	if (!stages)
		return;
	stage_name_all(file, stages, count);
	*ret_stages = stages;
	*ret_count = count;
}

/* Text as it goes between single quotes. */
static const char *yaml_quoted(struct config_memory *memory, const char *text)
{
	char *quoted = config_alloc(memory, 2 * strlen(text) + 1);
	char *end = quoted;

	for (; quoted && *text; text++) {
		if (*text == '\'')
			*end++ = '\'';
		*end++ = *text;
	}
	return quoted ? quoted : "";
}

/* A pipeline always has a bad stream beside the good one: a bounded file under the state folder. */
static void default_dead_letter(struct config_file *file, struct registry *registry,
				struct config_pipeline *pipeline)
{
	struct config *config = file->config;
	struct config_memory *memory = &file->memory;
	struct tree_node *list = NULL;
	struct config_file inner;
	char *path, *text;

	if (!config->state_dir) /* reported by config_load() */
		return;
	path = config_print(memory, "%s (the default dead_letter)", file->path);
	text = config_print(memory, DEFAULT_DEAD_LETTER, yaml_quoted(memory, config->state_dir),
			    pipeline->name, config->dead_letter_max);
	if (!path || !text)
		return;
	config_file_of(&inner, config, path, weir_slice_of(text));
	if (tree_read(&inner, &list) == 0 && list) {
		tree_forget_positions(list);
		read_stages(&inner, registry, WEIR_OUTPUT, "dead_letter", list,
			    &pipeline->dead_letter, &pipeline->dead_letter_count);
	}
	file->errors += inner.errors;
	config_file_done(&inner);
}

static void read_key(struct config_file *file, struct registry *registry,
		     const struct tree_node *key, const struct tree_node *value,
		     struct config_pipeline *pipeline)
{
	if (weir_slice_equals(key->text, "id"))
		read_id(file, value, pipeline);
	else if (weir_slice_equals(key->text, "on_corrupt_state"))
		read_on_corrupt(file, value, pipeline);
	else if (weir_slice_equals(key->text, "inputs"))
		read_stages(file, registry, WEIR_INPUT, "inputs", value, &pipeline->inputs,
			    &pipeline->input_count);
	else if (weir_slice_equals(key->text, "filters"))
		read_stages(file, registry, WEIR_FILTER, "filters", value, &pipeline->filters,
			    &pipeline->filter_count);
	else if (weir_slice_equals(key->text, "outputs"))
		read_stages(file, registry, WEIR_OUTPUT, "outputs", value, &pipeline->outputs,
			    &pipeline->output_count);
	else if (weir_slice_equals(key->text, "dead_letter"))
		read_stages(file, registry, WEIR_OUTPUT, "dead_letter", value,
			    &pipeline->dead_letter, &pipeline->dead_letter_count);
	else
		unknown_key(file, key);
}

/* Whether a key is there with a value. */
static int is_written(const struct tree_node *root, const char *name)
{
	for (uint32_t i = 0; i < root->count; i++)
		if (weir_slice_equals(root->keys[i]->text, name))
			return !tree_is_null(root->items[i]) && !is_empty_list(root->items[i]);
	return 0;
}

/* A list that must not be empty: missing altogether, or written with nothing in it. */
static void require_list(struct config_file *file, const struct tree_node *root, const char *name,
			 const char *example)
{
	for (uint32_t i = 0; i < root->count; i++) {
		const struct tree_node *value = root->items[i];

		if (!weir_slice_equals(root->keys[i]->text, name))
			continue;
		if (tree_is_null(value) || is_empty_list(value))
			config_file_error(file, root->keys[i]->line, root->keys[i]->column,
					  "\"%s\" is empty; give it at least one, as \"- %s\"",
					  name, example);
		return;
	}
	config_file_error(file, root->line, root->column,
			  "the pipeline has no \"%s\"; give it at least one, as \"%s: [%s]\"", name,
			  name, example);
}

static void read_root(struct config_file *file, struct registry *registry,
		      const struct tree_node *root, struct config_pipeline *pipeline)
{
	if (!root || tree_is_null(root)) {
		config_file_error(file, 1, 1,
				  "the file is empty; a pipeline needs \"inputs\" and \"outputs\"");
		return;
	}
	if (root->kind == TREE_BAD)
		return;
	if (root->kind != TREE_MAP) {
		config_file_error(file, root->line, root->column,
				  "expected \"inputs:\", \"filters:\" and \"outputs:\", found %s",
				  tree_describe(file, root));
		return;
	}
	for (uint32_t i = 0; i < root->count; i++)
		read_key(file, registry, root->keys[i], root->items[i], pipeline);
	require_list(file, root, "inputs", "tail: {paths: [/var/log/app.log]}");
	require_list(file, root, "outputs", "stdout");
	if (!is_written(root, "dead_letter"))
		default_dead_letter(file, registry, pipeline);
}

void pipeline_file_read(struct config_file *file, struct registry *registry,
			struct config_pipeline *pipeline)
{
	struct tree_node *root = NULL;

	pipeline->on_corrupt_state = file->config->on_corrupt_state;
	if (tree_read(file, &root) == 0) {
		if (root)
			interpolation_apply(file, root);
		read_root(file, registry, root, pipeline);
	}
	/* dead_letter_max is an option of the default dead letter, as if written there. */
	pipeline->fingerprint = fingerprint_of(root, root && root->kind == TREE_MAP &&
								     is_written(root, "dead_letter")
							     ? 0
							     : file->config->dead_letter_max);
	if (!pipeline->id)
		pipeline->id = pipeline->name;
	pipeline->broken = file->errors > 0;
}
