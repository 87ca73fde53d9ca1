// SPDX-License-Identifier: MIT
/* Descriptors in memory, each with one thing wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/plugin_gate.h"
#include "host/registry.h"

static int32_t create(const struct weir_services *host, struct weir_context *context,
		      const struct weir_node *options, void **ret_instance,
		      struct weir_error *error)
{
	(void)host, (void)context, (void)options, (void)ret_instance, (void)error;
	return WEIR_OK;
}

static int32_t start(void *instance, uint32_t once, struct weir_error *error)
{
	(void)instance, (void)once, (void)error;
	return WEIR_OK;
}

static void end(void *instance)
{
	(void)instance;
}

static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	(void)instance, (void)batch, (void)error;
	return WEIR_OK;
}

static int32_t read_some(void *instance, void *source, struct weir_batch *batch,
			 struct weir_error *error)
{
	(void)instance, (void)source, (void)batch, (void)error;
	return WEIR_READ_IDLE;
}

static void write_some(void *instance, const struct weir_delivery_view *delivery)
{
	(void)instance, (void)delivery;
}

static struct weir_input_ops input;
static struct weir_filter_ops filter;
static struct weir_output_ops output;
static struct weir_plugin plugin;
static const struct weir_plugin *plugins[2];
static struct weir_plugin_list list;
static struct registry *registry;
static int plugin_starts, plugin_stops;

static int setup(void **state)
{
	(void)state;
	input = (struct weir_input_ops){.struct_size = sizeof(input),
					.create = create,
					.start = start,
					.stop = end,
					.destroy = end,
					.read = read_some};
	filter = (struct weir_filter_ops){.struct_size = sizeof(filter),
					  .create = create,
					  .destroy = end,
					  .process = process};
	output = (struct weir_output_ops){.struct_size = sizeof(output),
					  .create = create,
					  .stop = end,
					  .destroy = end,
					  .write = write_some};
	plugin = (struct weir_plugin){.struct_size = sizeof(plugin),
				      .kind = WEIR_FILTER,
				      .name = "good",
				      .version = "1",
				      .summary = "Does nothing",
				      .input = &input,
				      .filter = &filter,
				      .output = &output};
	plugins[0] = &plugin;
	list = (struct weir_plugin_list){
		WEIR_PLUGINS_MAGIC, sizeof(list), WEIR_ABI_MAJOR, WEIR_ABI_MINOR, 1, plugins};
	plugin_starts = plugin_stops = 0;
	return registry_create(0, &registry, NULL);
}

static int teardown(void **state)
{
	(void)state;
	registry_destroy(registry);
	registry = NULL;
	return 0;
}

static void expect_refused(const char *sentence)
{
	struct weir_error error = {0};

	assert_int_equal(registry_add(registry, &list, "/x.so", &error), WEIR_ERR_REFUSED);
	assert_string_equal(error.text, sentence);
	assert_int_equal(registry_count(registry), 0);
}

static void expect_accepted(void)
{
	struct weir_error error = {0};
	size_t before = registry_count(registry);

	if (registry_add(registry, &list, "/x.so", &error))
		fail_msg("%s", error.text);
	assert_int_equal(registry_count(registry), before + list.count);
}

static void each_kind_passes_with_its_required_functions(void **state)
{
	(void)state;
	for (plugin.kind = WEIR_INPUT; plugin.kind <= WEIR_OUTPUT; plugin.kind++) {
		static struct weir_plugin copies[4];

		copies[plugin.kind] = plugin;
		plugins[0] = &copies[plugin.kind];
		expect_accepted();
	}
}

static void a_wrong_magic_is_refused(void **state)
{
	(void)state;
	list.magic = 1;
	expect_refused("its weir_plugins is no plugin list (wrong magic number); declare it with "
		       "WEIR_PLUGINS()");
}

static void another_major_is_refused(void **state)
{
	char sentence[128];

	(void)state;
	list.abi_major = WEIR_ABI_MAJOR + 7;
	list.abi_minor = 3;
	(void)snprintf(sentence, sizeof(sentence),
		       "it is built for plugin ABI %d.3, this agent has %d.%d; build it against "
		       "this agent's headers",
		       WEIR_ABI_MAJOR + 7, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	expect_refused(sentence);
}

static void a_newer_minor_is_refused(void **state)
{
	char sentence[128];

	(void)state;
	list.abi_minor = WEIR_ABI_MINOR + 1;
	(void)snprintf(sentence, sizeof(sentence),
		       "it needs plugin ABI %d.%d, this agent has %d.%d; upgrade the agent, or "
		       "build the plugin against its headers",
		       WEIR_ABI_MAJOR, WEIR_ABI_MINOR + 1, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	expect_refused(sentence);
}

static void an_older_minor_passes(void **state)
{
	(void)state;
	list.abi_minor = 0;
	expect_accepted();
}

static void an_empty_list_is_refused(void **state)
{
	(void)state;
	list.count = 0;
	expect_refused("its plugin list is empty or damaged; declare it with WEIR_PLUGINS()");
}

static void a_missing_required_function_is_named(void **state)
{
	(void)state;
	filter.process = NULL;
	expect_refused("plugin \"good\" lacks the function process; set it in its descriptor");
	filter.create = NULL;
	expect_refused("plugin \"good\" lacks the function create; set it in its descriptor");
	plugin.kind = WEIR_INPUT;
	input.read = NULL;
	expect_refused("plugin \"good\" lacks the function read; set it in its descriptor");
	plugin.kind = WEIR_OUTPUT;
	output.write = NULL;
	expect_refused("plugin \"good\" lacks the function write; set it in its descriptor");
}

static void a_table_too_short_for_a_function_lacks_it(void **state)
{
	(void)state;
	filter.struct_size = offsetof(struct weir_filter_ops, process);
	expect_refused("plugin \"good\" lacks the function process; set it in its descriptor");
}

static void a_table_without_the_optional_functions_passes(void **state)
{
	(void)state;
	filter.struct_size = offsetof(struct weir_filter_ops, timer);
	expect_accepted();
}

static void a_kind_without_its_table_is_refused(void **state)
{
	(void)state;
	plugin.filter = NULL;
	expect_refused(
		"plugin \"good\" lacks the table of filter functions; set it in its descriptor");
}

static void a_descriptor_of_an_older_minor_passes(void **state)
{
	(void)state;
	plugin.struct_size = offsetof(struct weir_plugin, short_option);
	plugin.short_option = (const char *)16; /* beyond its size: must not be looked at */
	expect_accepted();
	assert_null(plugin_short_option(&plugin));
}

static void a_descriptor_too_short_for_its_tables_is_refused(void **state)
{
	(void)state;
	plugin.struct_size = offsetof(struct weir_plugin, output);
	expect_refused("one of its descriptors is missing or too short; set .struct_size = "
		       "sizeof(struct weir_plugin)");
	plugins[0] = NULL;
	expect_refused("one of its descriptors is missing or too short; set .struct_size = "
		       "sizeof(struct weir_plugin)");
}

static void a_bad_name_is_refused(void **state)
{
	static const char *const names[] = {
		"", "Good", "1st", "my-plugin", "_x", "a23456789012345678901234567890123"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char sentence[160];

		snprintf(sentence, sizeof(sentence),
			 "\"%s\" is no name for a plugin; use [a-z][a-z0-9_]*, at most 32",
			 names[i]);
		plugin.name = names[i];
		expect_refused(sentence);
	}
}

static void an_unknown_kind_is_refused(void **state)
{
	(void)state;
	plugin.kind = 4;
	expect_refused(
		"plugin \"good\" is of unknown kind 4; set .kind to WEIR_INPUT, WEIR_FILTER or "
		"WEIR_OUTPUT");
}

static void a_plugin_without_summary_is_refused(void **state)
{
	(void)state;
	plugin.summary = NULL;
	expect_refused("plugin \"good\" has no version or no summary; set both");
}

static void options_of_the_host_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; plugin_host_options[i]; i++) {
		const struct weir_option options[] = {
			WEIR_OPTION(plugin_host_options[i], WEIR_TYPE_STRING, NULL, "x"),
			WEIR_OPTION_END};
		char sentence[160];

		plugin.options = options;
		snprintf(sentence, sizeof(sentence),
			 "plugin \"good\" declares the option \"%s\", which belongs to the host; "
			 "rename "
			 "it",
			 plugin_host_options[i]);
		expect_refused(sentence);
	}
}

static void a_member_may_be_called_as_the_host_likes(void **state)
{
	static const struct weir_option members[] = {
		WEIR_OPTION("name", WEIR_TYPE_STRING, NULL, "x"), WEIR_OPTION_END};
	static const struct weir_option options[] = {{.struct_size = sizeof(struct weir_option),
						      .type = WEIR_TYPE_MAP,
						      .name = "user",
						      .members = members},
						     WEIR_OPTION_END};

	(void)state;
	plugin.options = options;
	expect_accepted();
}

static void an_option_declared_twice_is_refused(void **state)
{
	static const struct weir_option options[] = {WEIR_OPTION("a", WEIR_TYPE_STRING, NULL, "x"),
						     WEIR_OPTION("a", WEIR_TYPE_INT, NULL, "x"),
						     WEIR_OPTION_END};

	(void)state;
	plugin.options = options;
	expect_refused("plugin \"good\" declares the option \"a\" twice; remove one");
}

static void an_option_of_unknown_type_is_refused(void **state)
{
	static const struct weir_option options[] = {WEIR_OPTION("a", 99, NULL, "x"),
						     WEIR_OPTION_END};

	(void)state;
	plugin.options = options;
	expect_refused("plugin \"good\" has an option without a name or with an unknown type 99; "
		       "correct its declaration");
}

static void a_list_of_nothing_is_refused(void **state)
{
	static const struct weir_option options[] = {WEIR_OPTION("a", WEIR_TYPE_LIST, NULL, "x"),
						     WEIR_OPTION_END};

	(void)state;
	plugin.options = options;
	expect_refused(
		"plugin \"good\" does not say what the option \"a\" holds; set its members, or "
		"an element that is no list");
}

static void a_short_option_must_be_declared(void **state)
{
	static const struct weir_option options[] = {
		WEIR_OPTION("format", WEIR_TYPE_STRING, NULL, "x"), WEIR_OPTION_END};

	(void)state;
	plugin.short_option = "formt";
	expect_refused("plugin \"good\" has the short option \"formt\", which it does not declare; "
		       "declare it");
	plugin.options = options;
	expect_refused("plugin \"good\" has the short option \"formt\", which it does not declare; "
		       "declare it");
	plugin.short_option = "format";
	expect_accepted();
}

static void members_that_contain_themselves_are_refused(void **state)
{
	static struct weir_option options[2];

	(void)state;
	options[0] = (struct weir_option){.struct_size = sizeof(options[0]),
					  .type = WEIR_TYPE_MAP,
					  .name = "a",
					  .members = options};
	plugin.options = options;
	expect_refused("plugin \"good\" nests its options deeper than 8; flatten them");
}

/* An older minor's options are smaller: the host must step by their size, not by its own. */
static void options_of_an_older_minor_are_read_by_their_size(void **state)
{
	static struct {
		unsigned char first[offsetof(struct weir_option, values)];
		unsigned char second[offsetof(struct weir_option, values)];
		uint32_t end;
	} old __attribute__((aligned(8)));
	struct weir_option option = WEIR_OPTION("first", WEIR_TYPE_STRING, NULL, "x");
	const struct weir_option *first = (const struct weir_option *)(const void *)old.first;

	(void)state;
	option.struct_size = sizeof(old.first);
	memcpy(old.first, &option, sizeof(old.first));
	option.name = "second";
	memcpy(old.second, &option, sizeof(old.second));
	plugin.options = first;
	expect_accepted();
	assert_string_equal(plugin_read_option(plugin_next_option(first)).name, "second");
	assert_null(plugin_read_option(first).values);
	assert_int_equal(plugin_next_option(plugin_next_option(first))->struct_size, 0);
}

static void one_refused_plugin_refuses_its_file(void **state)
{
	static struct weir_plugin other;

	(void)state;
	other = plugin;
	other.name = "Bad";
	plugins[1] = &other;
	list.count = 2;
	expect_refused("\"Bad\" is no name for a plugin; use [a-z][a-z0-9_]*, at most 32");
}

static void the_same_plugin_twice_in_a_file_is_refused(void **state)
{
	(void)state;
	plugins[1] = &plugin;
	list.count = 2;
	expect_refused(
		"it offers the filter \"good\", which /x.so offers already; keep one of the two "
		"files");
}

static int32_t count_start(const struct weir_services *host, struct weir_error *error)
{
	(void)host;
	if (plugin_starts++ == 0)
		return WEIR_OK;
	return weir_fail(error, WEIR_ERR_INTERNAL, "started twice");
}

static void count_stop(void)
{
	plugin_stops++;
}

static void a_plugin_is_started_once_and_stopped_at_the_end(void **state)
{
	struct weir_error error = {0};

	(void)state;
	plugin.plugin_start = count_start;
	plugin.plugin_stop = count_stop;
	expect_accepted();
	assert_int_equal(registry_start_plugin(registry, &plugin, NULL, &error), 0);
	assert_int_equal(registry_start_plugin(registry, &plugin, NULL, &error), 0);
	assert_int_equal(plugin_starts, 1);
	assert_int_equal(registry_at(registry, 0)->started, 1);
	registry_destroy(registry);
	registry = NULL;
	assert_int_equal(plugin_stops, 1);
}

static void a_plugin_that_was_not_started_is_not_stopped(void **state)
{
	(void)state;
	plugin.plugin_stop = count_stop;
	expect_accepted();
	registry_destroy(registry);
	registry = NULL;
	assert_int_equal(plugin_stops, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_passes_with_its_required_functions),
		TEST(a_wrong_magic_is_refused),
		TEST(another_major_is_refused),
		TEST(a_newer_minor_is_refused),
		TEST(an_older_minor_passes),
		TEST(an_empty_list_is_refused),
		TEST(a_missing_required_function_is_named),
		TEST(a_table_too_short_for_a_function_lacks_it),
		TEST(a_table_without_the_optional_functions_passes),
		TEST(a_kind_without_its_table_is_refused),
		TEST(a_descriptor_of_an_older_minor_passes),
		TEST(a_descriptor_too_short_for_its_tables_is_refused),
		TEST(a_bad_name_is_refused),
		TEST(an_unknown_kind_is_refused),
		TEST(a_plugin_without_summary_is_refused),
		TEST(options_of_the_host_are_refused),
		TEST(a_member_may_be_called_as_the_host_likes),
		TEST(an_option_declared_twice_is_refused),
		TEST(an_option_of_unknown_type_is_refused),
		TEST(a_list_of_nothing_is_refused),
		TEST(a_short_option_must_be_declared),
		TEST(members_that_contain_themselves_are_refused),
		TEST(options_of_an_older_minor_are_read_by_their_size),
		TEST(one_refused_plugin_refuses_its_file),
		TEST(the_same_plugin_twice_in_a_file_is_refused),
		TEST(a_plugin_is_started_once_and_stopped_at_the_end),
		TEST(a_plugin_that_was_not_started_is_not_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
