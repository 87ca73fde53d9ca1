// SPDX-License-Identifier: MIT
/*
 * Two inputs overlap when a file that exists is named by the `paths` of both, or a pattern is the same.
 * Two outputs are one destination when they are the same plugin with the same options, but for those that
 * say how records are sent there and which.
 */
#include "cli/check_overlap.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* Files of one pattern that are compared, at most. */
#define FILES_MAX 2000

/* Options that don't change where records go. */
static const char *const manners[] = {
	"fields",      "format",  "separator",       "metadata",
	"newline",     "gzip",    "batch_bytes",     "batch_records",
	"concurrency", "timeout", "connect_timeout", "pack",
	"rotate",      "sync",    "partition_key",   "explicit_hash_key",
	"aggregate",   "wire",    "http_version",    "compression",
	"hedge"};

static int is_manner(struct weir_slice key)
{
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++)
		if (weir_slice_equals(key, manners[i]))
			return 1;
	return 0;
}

static int same_node(const struct weir_node *a, const struct weir_node *b)
{
	if (!a || !b || a->type != b->type || a->count != b->count)
		return a == b;
	if (a->count == 0)
		return a->text.size == b->text.size &&
		       (a->text.size == 0 || memcmp(a->text.data, b->text.data, a->text.size) == 0);
	for (uint32_t i = 0; i < a->count; i++)
		if (!same_node(a->items[i],
			       a->keys ? weir_node_find(b, a->keys[i].data) : b->items[i]))
			return 0;
	return 1;
}

/* 1 when every option of `a` that matters is the same in `b`. */
static int agrees(const struct config_stage *a, const struct config_stage *b)
{
	const struct weir_node *options = a->options;

	for (uint32_t i = 0; i < options->count; i++)
		if (!is_manner(options->keys[i]) &&
		    !same_node(options->items[i],
			       weir_node_find(b->options, options->keys[i].data)))
			return 0;
	return 1;
}

static int is_one_destination(const struct config_stage *a, const struct config_stage *b)
{
	return a->plugin == b->plugin && agrees(a, b) && agrees(b, a);
}

/* ---- files ---- */

static int has(const glob_t *files, const char *path)
{
	for (size_t i = 0; i < files->gl_pathc && i < FILES_MAX; i++)
		if (strcmp(files->gl_pathv[i], path) == 0)
			return 1;
	return 0;
}

static void list(const struct weir_node *paths, glob_t *ret_files)
{
	memset(ret_files, 0, sizeof(*ret_files));
	for (uint32_t i = 0; i < paths->count; i++)
		(void)glob(paths->items[i]->text.data, GLOB_BRACE | (i ? GLOB_APPEND : 0), NULL,
			   ret_files);
}

/* A file or pattern of both, copied; NULL when there is none. */
static char *common(const struct weir_node *a, const struct weir_node *b)
{
	char *found = NULL;
	glob_t first, second;

	for (uint32_t i = 0; i < a->count; i++)
		for (uint32_t k = 0; k < b->count; k++)
			if (strcmp(a->items[i]->text.data, b->items[k]->text.data) == 0)
				return strdup(a->items[i]->text.data);
	list(a, &first);
	list(b, &second);
	for (size_t i = 0; !found && i < first.gl_pathc && i < FILES_MAX; i++)
		if (has(&second, first.gl_pathv[i]))
			found = strdup(first.gl_pathv[i]);
	globfree(&first);
	globfree(&second);
	return found;
}

static const struct weir_node *paths_of(const struct config_stage *input)
{
	const struct weir_node *paths = weir_node_find(input->options, "paths");

	return paths && paths->type == WEIR_TYPE_LIST ? paths : NULL;
}

/* ---- pairs ---- */

static char *common_file(const struct config_pipeline *a, const struct config_pipeline *b)
{
	for (size_t i = 0; i < a->input_count; i++)
		for (size_t k = 0; k < b->input_count; k++) {
			const struct weir_node *first = paths_of(&a->inputs[i]);
			const struct weir_node *second = paths_of(&b->inputs[k]);
			char *found = first && second && a->inputs[i].plugin == b->inputs[k].plugin
					      ? common(first, second)
					      : NULL;

			if (found)
				return found;
		}
	return NULL;
}

static const struct config_stage *common_output(const struct config_pipeline *a,
						const struct config_pipeline *b)
{
	for (size_t i = 0; i < a->output_count; i++)
		for (size_t k = 0; k < b->output_count; k++)
			if (is_one_destination(&a->outputs[i], &b->outputs[k]))
				return &b->outputs[k];
	return NULL;
}

static void check_pair(struct config *config, const struct config_pipeline *a,
		       const struct config_pipeline *b)
{
	const struct config_stage *output = common_output(a, b);
	char *file = output ? common_file(a, b) : NULL;

	if (file)
		config_add_problem(
			config, CONFIG_WARNING, b->path, output->line, output->column,
			"%s is read by the pipeline %s as well, into the same destination: its "
			"lines arrive twice; take the file out of one of them",
			file, a->name);
	free(file);
}

void check_overlap(struct config *config)
{
	for (size_t i = 0; i < config->pipeline_count; i++)
		for (size_t k = i + 1; k < config->pipeline_count; k++)
			if (!config->pipelines[i].broken && !config->pipelines[k].broken)
				check_pair(config, &config->pipelines[i], &config->pipelines[k]);
}
