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

/* ---- plugins that do nothing ----------------------------------------------------------------- */

static int32_t fake_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	(void)host, (void)context, (void)options, (void)ret_instance, (void)error;
	return 0;
}

static int32_t fake_start(void *instance, uint32_t once, struct weir_error *error)
{
	(void)instance, (void)once, (void)error;
	return 0;
}

static void fake_stop(void *instance)
{
	(void)instance;
}

static int32_t fake_read(void *instance, void *source, struct weir_batch *batch,
			 struct weir_error *error)
{
	(void)instance, (void)source, (void)batch, (void)error;
	return 0;
}

static int32_t fake_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	(void)instance, (void)batch, (void)error;
	return 0;
}

static void fake_write(void *instance, const struct weir_delivery_view *delivery)
{
	(void)instance, (void)delivery;
}

static const struct weir_input_ops fake_input = {.struct_size = sizeof(fake_input),
						 .create = fake_create,
						 .start = fake_start,
						 .stop = fake_stop,
						 .destroy = fake_stop,
						 .read = fake_read};
static const struct weir_filter_ops fake_filter = {.struct_size = sizeof(fake_filter),
						   .create = fake_create,
						   .destroy = fake_stop,
						   .process = fake_process};
static const struct weir_output_ops fake_output = {.struct_size = sizeof(fake_output),
						   .create = fake_create,
						   .stop = fake_stop,
						   .destroy = fake_stop,
						   .write = fake_write};

/* ---- options of every type ------------------------------------------------------------------- */

#define FAKE_OPTION .struct_size = sizeof(struct weir_option)

static const struct weir_option rotate_members[] = {
	{FAKE_OPTION, .type = WEIR_TYPE_SIZE, .name = "size", .flags = WEIR_OPTION_REQUIRED,
	 .doc = "At this size"},
	{FAKE_OPTION, .type = WEIR_TYPE_INT, .name = "keep", .default_text = "3", .min = 1,
	 .max = 10, .doc = "How many"},
	WEIR_OPTION_END,
};
static const struct weir_option tail_options[] = {
	{FAKE_OPTION, .type = WEIR_TYPE_LIST, .element = WEIR_TYPE_STRING, .name = "paths",
	 .flags = WEIR_OPTION_REQUIRED, .doc = "Files to follow"},
	{FAKE_OPTION, .type = WEIR_TYPE_STRING, .name = "start", .default_text = "end",
	 .values = "beginning|end", .doc = "Where"},
	{FAKE_OPTION, .type = WEIR_TYPE_SIZE, .name = "max_line", .default_text = "1MiB",
	 .min = 1024, .max = 1 << 30, .doc = "Bound"},
	{FAKE_OPTION, .type = WEIR_TYPE_DURATION, .name = "rescan", .default_text = "10s",
	 .min = 1000000, .max = INT64_C(3600000000000), .doc = "Every"},
	{FAKE_OPTION, .type = WEIR_TYPE_LIST, .element = WEIR_TYPE_STRING, .name = "exclude",
	 .default_text = "[\"*.gz\", '*.zst']", .doc = "Not these"},
	WEIR_OPTION_END,
};
static const struct weir_option parse_options[] = {
	{FAKE_OPTION, .type = WEIR_TYPE_STRING, .name = "format", .values = "json|combined|regex",
	 .flags = WEIR_OPTION_REQUIRED, .doc = "What the text is"},
	{FAKE_OPTION, .type = WEIR_TYPE_REGEX, .name = "pattern", .doc = "For regex"},
	{FAKE_OPTION, .type = WEIR_TYPE_BOOL, .name = "keep", .default_text = "false",
	 .doc = "Keep"},
	{FAKE_OPTION, .type = WEIR_TYPE_MAP, .element = WEIR_TYPE_STRING, .name = "types",
	 .values = "int|string", .doc = "Types"},
	WEIR_OPTION_END,
};
static const struct weir_option set_options[] = {
	{FAKE_OPTION, .type = WEIR_TYPE_MAP, .element = WEIR_TYPE_ANY, .name = "fields",
	 .doc = "Fields"},
	WEIR_OPTION_END,
};
static const struct weir_option file_options[] = {
	{FAKE_OPTION, .type = WEIR_TYPE_STRING, .name = "path", .flags = WEIR_OPTION_REQUIRED,
	 .doc = "Where to"},
	{FAKE_OPTION, .type = WEIR_TYPE_MAP, .members = rotate_members, .name = "rotate",
	 .flags = WEIR_OPTION_SHORT, .doc = "Rotation"},
	{FAKE_OPTION, .type = WEIR_TYPE_DOUBLE, .name = "ratio", .default_text = "0.5",
	 .doc = "Ratio"},
	{FAKE_OPTION, .type = WEIR_TYPE_SECRET, .name = "password", .doc = "Password"},
	{FAKE_OPTION, .type = WEIR_TYPE_STRING, .name = "separator", .default_text = ",",
	 .doc = "Between"},
	{FAKE_OPTION, .type = WEIR_TYPE_SIZE, .name = "max_bytes", .doc = "Bound"},
	WEIR_OPTION_END,
};

#define FAKE_PLUGIN(plugin_name, ...)                                                             \
	{                                                                                         \
		.struct_size = sizeof(struct weir_plugin), .name = (plugin_name), .version = "1", \
		.summary = "a plugin of the tests", __VA_ARGS__                                   \
	}

static const struct weir_plugin fake_plugins[] = {
	FAKE_PLUGIN("tail", .kind = WEIR_INPUT, .input = &fake_input, .options = tail_options,
		    .short_option = "paths"),
	FAKE_PLUGIN("stdin", .kind = WEIR_INPUT, .input = &fake_input),
	FAKE_PLUGIN("parse", .kind = WEIR_FILTER, .filter = &fake_filter, .options = parse_options,
		    .short_option = "format"),
	FAKE_PLUGIN("set", .kind = WEIR_FILTER, .filter = &fake_filter, .options = set_options,
		    .short_option = "fields"),
	FAKE_PLUGIN("file", .kind = WEIR_OUTPUT, .output = &fake_output, .options = file_options,
		    .short_option = "path"),
	FAKE_PLUGIN("stdout", .kind = WEIR_OUTPUT, .output = &fake_output),
};
static const struct weir_plugin *const fake_pointers[] = {&fake_plugins[0], &fake_plugins[1],
							  &fake_plugins[2], &fake_plugins[3],
							  &fake_plugins[4], &fake_plugins[5]};
static const struct weir_plugin_list fake_list = {
	WEIR_PLUGINS_MAGIC, sizeof(fake_list), WEIR_ABI_MAJOR, WEIR_ABI_MINOR, 6, fake_pointers};

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
	if (!mkdtemp(fixture->dir) || registry_create(&fixture->registry, &error) ||
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
	for (size_t i = 0; i < config->problem_count; i++)
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
