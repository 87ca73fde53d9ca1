// SPDX-License-Identifier: MIT
/* Loading from the outside: which files, in which order, and what a missing one means. */
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_file.h"
#include "config/pipeline_file.h"
#include "config/service.h"
#include "config/stage.h"

#define SUFFIX ".yaml"
#define SHORT_SUFFIX ".yml"
#define TEST_SUFFIX ".test.yaml"

static int no_memory(struct weir_error *error)
{
	return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the configuration");
}

static int ends_in(const char *name, const char *suffix)
{
	size_t size = strlen(name), suffix_size = strlen(suffix);

	return size > suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	if (config->keepers) {
		config->keepers--;
		return;
	}
	free(config->pipelines);
	free(config->problems);
	secrets_drop(&config->secrets);
	if (config->memory)
		config_memory_done(config->memory);
	free(config->memory);
	free(config);
}

void config_keep(struct config *config)
{
	config->keepers++;
}

static struct config *config_create(const char *path)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->memory = calloc(1, sizeof(*config->memory));
	if (config->memory)
		config->path = config_copy(config->memory, path, strlen(path));
	if (!config->path) {
		config_free(config);
		return NULL;
	}
	return config;
}

int config_load(const char *path, struct config **ret_config, struct weir_error *error)
{
	const char *given = path ? path : WEIR_SYSCONFDIR "/weir/weir.yaml";
	struct config *config = config_create(given);
	struct config_file file;

	if (!config)
		return no_memory(error);
	if (config_file_open(&file, config, config->path) == WEIR_ERR_NOT_FOUND && !path)
		config->problem_count = file.first_problem;
	service_read(&file);
	config_file_done(&file);
	if (config->memory->failed) {
		config_free(config);
		return no_memory(error);
	}
	*ret_config = config;
	return 0;
}

/* ---- pipelines ------------------------------------------------------------------------------- */

static struct config_pipeline *add_pipeline(struct config *config, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t size = strlen(name) - (ends_in(name, SUFFIX) ? strlen(SUFFIX) : 0);
	struct config_pipeline *grown = realloc(
		config->pipelines, (config->pipeline_count + 1) * sizeof(*config->pipelines));
	struct config_pipeline pipeline = {0};

	if (!grown)
		return NULL;
	config->pipelines = grown;
	pipeline.name = config_copy(config->memory, name, size);
	pipeline.path = config_copy(config->memory, path, strlen(path));
	if (!pipeline.name || !pipeline.path)
		return NULL;
	grown[config->pipeline_count] = pipeline;
	return &grown[config->pipeline_count++];
}

static void check_file_name(struct config_file *file, const char *name)
{
	if (ends_in(file->path, TEST_SUFFIX))
		config_file_error(
			file, 0, 0,
			"the file holds the tests of a pipeline; check the pipeline itself");
	else if (!stage_is_name(name))
		config_file_error(
			file, 0, 0,
			"\"%.80s\" is no name for a pipeline; rename the file, with letters, "
			"digits, _ and -, at most 64 before .yaml",
			name);
}

int config_load_pipeline(struct config *config, struct registry *registry, const char *path,
			 struct weir_error *error)
{
	struct config_pipeline *pipeline = add_pipeline(config, path);
	struct config_file file;

	if (!pipeline)
		return no_memory(error);
	if (config_file_open(&file, config, pipeline->path) == 0) {
		check_file_name(&file, pipeline->name);
		pipeline_file_read(&file, registry, pipeline);
	} else {
		pipeline->id = pipeline->name;
		pipeline->broken = 1;
	}
	config_file_done(&file);
	return config->memory->failed ? no_memory(error) : 0;
}

/* Positions are kept by id: two pipelines with the same would take each other's. */
static void check_ids(struct config *config)
{
	for (size_t i = 0; i < config->pipeline_count; i++)
		for (size_t j = 0; j < i; j++) {
			if (strcmp(config->pipelines[i].id, config->pipelines[j].id) != 0)
				continue;
			config_add_problem(
				config, CONFIG_ERROR, config->pipelines[i].path, 0, 0,
				"the id \"%s\" is that of %s already; give each pipeline its "
				"own \"id\"",
				config->pipelines[i].id, config->pipelines[j].path);
			config->pipelines[i].broken = 1;
		}
}

/* Takes .yml in, too: who wrote it meant a pipeline and is told so. */
static int is_yaml(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !ends_in(entry->d_name, TEST_SUFFIX) &&
	       (ends_in(entry->d_name, SUFFIX) || ends_in(entry->d_name, SHORT_SUFFIX));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void report_folder(struct config *config, int number)
{
	if (number == ENOENT)
		config_add_problem(
			config, CONFIG_WARNING, config->conf_dir, 0, 0,
			"the folder does not exist, so there are no pipelines; make it, and "
			"put a NAME.yaml in it for each");
	else
		config_add_problem(config, CONFIG_ERROR, config->conf_dir, 0, 0,
				   "the folder cannot be read: %s", strerror(number));
}

static int load_entry(struct config *config, struct registry *registry, const char *name,
		      struct weir_error *error)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", config->conf_dir, name);
	if (ends_in(name, SUFFIX))
		return config_load_pipeline(config, registry, path, error);
	config_add_problem(config, CONFIG_WARNING, path, 0, 0,
			   "the file is left out, because pipelines end in .yaml; rename it");
	return 0;
}

int config_load_pipelines(struct config *config, struct registry *registry,
			  struct weir_error *error)
{
	struct dirent **names;
	int result = 0;
	int count;

	if (!config->conf_dir) /* reported by config_load() */
		return 0;
	count = scandir(config->conf_dir, &names, is_yaml, by_name);
	if (count < 0) {
		report_folder(config, errno);
		return 0;
	}
	if (count == 0)
		config_add_problem(
			config, CONFIG_WARNING, config->conf_dir, 0, 0,
			"there are no pipelines in this folder; put a NAME.yaml in it for "
			"each");
	for (int i = 0; i < count; i++) {
		if (!result)
			result = load_entry(config, registry, names[i]->d_name, error);
		free(names[i]);
	}
	free(names);
	if (!result)
		check_ids(config);
	return result;
}
