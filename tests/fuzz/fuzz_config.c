// SPDX-License-Identifier: MIT
/*
 * Any bytes as a pipeline and as weir.yaml. What must hold besides not crashing: a file with a
 * problem is broken, one without is whole, and every problem says where and what.
 */
#include <stdlib.h>

#include "config/pipeline_file.h"
#include "config/service.h"
#include "fake_plugins.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct registry *registry_of_fakes(void)
{
	struct weir_error error = {0};
	struct registry *registry = NULL;

	if (registry_create(0, &registry, &error) ||
	    registry_add(registry, &fake_list, "/fake.so", &error))
		abort();
	return registry;
}

static void check_problems(const struct config *config)
{
	for (size_t i = 0; i < config->problem_count; i++)
		if (!config->problems[i].text[0] || !config->problems[i].path[0] ||
		    (config->problems[i].line == 0) != (config->problems[i].column == 0))
			abort();
}

static struct config *empty_config(void)
{
	struct weir_error error = {0};
	struct config *config = NULL;

	if (config_load("/dev/null", &config, &error) || config->problem_count)
		abort();
	return config;
}

static void read_as_pipeline(struct registry *registry, struct weir_slice text)
{
	static char name[] = "fuzz";
	struct config_pipeline pipeline = {.name = name, .path = name};
	struct config *config = empty_config();
	struct config_file file;

	config_file_of(&file, config, "fuzz.yaml", text);
	pipeline_file_read(&file, registry, &pipeline);
	config_file_done(&file);
	check_problems(config);
	if (pipeline.broken != (config_errors(config) > 0))
		abort();
	if (!pipeline.broken && (!pipeline.input_count || !pipeline.output_count ||
				 !pipeline.dead_letter_count || !pipeline.id))
		abort();
	config_free(config);
}

static void read_as_service(struct weir_slice text)
{
	struct config *config = empty_config();
	struct config_file file;

	config_file_of(&file, config, "weir.yaml", text);
	service_read(&file);
	config_file_done(&file);
	check_problems(config);
	if (!config_errors(config) && (!config->state_dir || !config->memory_limit ||
				       config->workers < 1 || config->workers > 64))
		abort();
	config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct registry *registry;
	struct weir_slice text = {(const char *)data, size};

	if (!registry)
		registry = registry_of_fakes();
	read_as_pipeline(registry, text);
	read_as_service(text);
	return 0;
}
