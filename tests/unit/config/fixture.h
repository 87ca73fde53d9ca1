// SPDX-License-Identifier: MIT
/*
 * A registry of made-up plugins and a folder of its own for each test, so that configurations are
 * read from real files against declarations that the test can see.
 */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "fake_plugins.h"

/* ---- a folder, and what was read from it ----------------------------------------------------- */

struct fixture {
	char dir[64];
	char path[128]; /* of the file written last */
	struct registry *registry;
	struct config *config;
};

static inline void write_file(struct fixture *fixture, const char *name, const void *text,
			      size_t size)
{
	FILE *file;

	snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->dir, name);
	file = fopen(fixture->path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct weir_error error = {0};
	char conf_dir[80];

	snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/weir-config-XXXXXX");
	if (!mkdtemp(fixture->dir) || registry_create(0, &fixture->registry, &error) ||
	    registry_add(fixture->registry, &fake_list, "/fake.so", &error))
		return -1;
	snprintf(conf_dir, sizeof(conf_dir), "%s/conf.d", fixture->dir);
	*state = fixture;
	return mkdir(conf_dir, 0755);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[96];
	int result;

	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->dir);
	result = system(command);
	config_free(fixture->config);
	registry_destroy(fixture->registry);
	free(fixture);
	return result;
}

/* Reads `text` as weir.yaml. */
static inline struct config *load_service(struct fixture *fixture, const char *text)
{
	struct weir_error error = {0};

	write_file(fixture, "weir.yaml", text, strlen(text));
	config_free(fixture->config);
	fixture->config = NULL;
	assert_int_equal(config_load(fixture->path, &fixture->config, &error), 0);
	return fixture->config;
}

/* Reads bytes as conf.d/web.yaml, beside an empty weir.yaml. */
static inline struct config_pipeline *load_bytes(struct fixture *fixture, const void *text,
						 size_t size)
{
	struct weir_error error = {0};
	struct config *config = load_service(fixture, "");

	write_file(fixture, "conf.d/web.yaml", text, size);
	assert_int_equal(config_load_pipeline(config, fixture->registry, fixture->path, &error), 0);
	return &config->pipelines[0];
}

static inline struct config_pipeline *load_pipeline(struct fixture *fixture, const char *text)
{
	return load_bytes(fixture, text, strlen(text));
}

static inline void print_problems(const struct config *config)
{
	for (size_t i = 0; i < config->problem_count && i < 10; i++)
		print_message("  %s:%u:%u: %s\n", config->problems[i].path,
			      config->problems[i].line, config->problems[i].column,
			      config->problems[i].text);
}

/* The problem `index` is this one, to the letter. */
static inline void expect_problem_at(const struct fixture *fixture, size_t index, uint32_t severity,
				     uint32_t line, uint32_t column, const char *text)
{
	const struct config *config = fixture->config;

	if (index >= config->problem_count || config->problems[index].line != line ||
	    config->problems[index].column != column)
		print_problems(config);
	assert_in_range(index, 0, config->problem_count - 1);
	assert_string_equal(config->problems[index].text, text);
	assert_int_equal(config->problems[index].line, line);
	assert_int_equal(config->problems[index].column, column);
	assert_int_equal(config->problems[index].severity, severity);
	assert_string_equal(config->problems[index].path, fixture->path);
}

/* The one problem that there is. */
static inline void expect_error(const struct fixture *fixture, uint32_t line, uint32_t column,
				const char *text)
{
	if (fixture->config->problem_count != 1)
		print_problems(fixture->config);
	assert_int_equal(fixture->config->problem_count, 1);
	expect_problem_at(fixture, 0, CONFIG_ERROR, line, column, text);
}

static inline void expect_no_problem(const struct fixture *fixture)
{
	print_problems(fixture->config);
	assert_int_equal(fixture->config->problem_count, 0);
}

/* A pipeline around one stage of each kind. */
#define INPUTS "inputs:\n  - stdin\n"
#define OUTPUTS "outputs:\n  - stdout\n"

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
