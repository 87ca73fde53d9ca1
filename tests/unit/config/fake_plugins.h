// SPDX-License-Identifier: MIT
/* Plugins that do nothing, with options of every type, for tests of the configuration. */
#ifndef TESTS_CONFIG_FAKE_PLUGINS_H
#define TESTS_CONFIG_FAKE_PLUGINS_H

#include <weir/plugin.h>

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
	 .flags = WEIR_OPTION_COMPUTED, .doc = "Fields"},
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

#endif
