// SPDX-License-Identifier: MIT
/* What is wrong in a plugin or too much in a file, rather than misspelt. */
#include "base/buffer.h"
#include "fixture.h"

static const struct weir_option wrong_defaults[] = {
	{FAKE_OPTION, .type = WEIR_TYPE_INT, .name = "count", .default_text = "many", .doc = "x"},
	{FAKE_OPTION, .type = WEIR_TYPE_LIST, .element = WEIR_TYPE_STRING, .name = "words",
	 .default_text = "[a, b", .doc = "x"},
	WEIR_OPTION_END,
};
static const struct weir_plugin wrong = FAKE_PLUGIN(
	"wrong", .kind = WEIR_FILTER, .filter = &fake_filter, .options = wrong_defaults);
static const struct weir_plugin *const wrong_pointers[] = {&wrong};
static const struct weir_plugin_list wrong_list = {
	WEIR_PLUGINS_MAGIC, sizeof(wrong_list), WEIR_ABI_MAJOR, WEIR_ABI_MINOR, 1, wrong_pointers};

static void a_default_that_is_wrong_in_the_plugin_is_told_so(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	assert_int_equal(registry_add(fixture->registry, &wrong_list, "/wrong.so", &error), 0);
	assert_true(load_pipeline(fixture, INPUTS OUTPUTS "filters:\n  - wrong\n")->broken);
	assert_int_equal(fixture->config->problem_count, 4);
	expect_problem_at(fixture, 0, CONFIG_ERROR, 0, 0,
			  "\"count\" wants a whole number, found \"many\"");
	expect_problem_at(fixture, 1, CONFIG_ERROR, 0, 0,
			  "the default of \"count\" is wrong in the plugin itself; set the option, "
			  "and tell the plugin's author");
	expect_problem_at(fixture, 2, CONFIG_ERROR, 0, 0,
			  "the default of \"words\" is wrong in the plugin itself; set the option, "
			  "and tell the plugin's author");
}

static void setting_the_option_gets_around_a_wrong_default(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	assert_int_equal(registry_add(fixture->registry, &wrong_list, "/wrong.so", &error), 0);
	assert_false(load_pipeline(fixture,
				   INPUTS OUTPUTS "filters:\n  - wrong: { count: 1, words: a }\n")
			     ->broken);
	expect_no_problem(fixture);
}

static const struct weir_plugin *const few_pointers[] = {&fake_plugins[1], &fake_plugins[5]};
static const struct weir_plugin_list few_list = {
	WEIR_PLUGINS_MAGIC, sizeof(few_list), WEIR_ABI_MAJOR, WEIR_ABI_MINOR, 2, few_pointers};

static void a_default_dead_letter_without_its_plugin_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};
	char path[160];

	registry_destroy(fixture->registry);
	fixture->registry = NULL;
	assert_int_equal(registry_create(0, &fixture->registry, &error), 0);
	assert_int_equal(registry_add(fixture->registry, &few_list, "/few.so", &error), 0);
	assert_true(load_pipeline(fixture, INPUTS OUTPUTS)->broken);
	snprintf(path, sizeof(path), "%s (the default dead_letter)", fixture->path);
	assert_int_equal(fixture->config->problem_count, 1);
	assert_string_equal(fixture->config->problems[0].path, path);
	assert_string_equal(fixture->config->problems[0].text,
			    "there is no output \"file\"; for the list: weir plugins");
	assert_false(load_pipeline(fixture, INPUTS OUTPUTS "dead_letter: [stdout]\n")->broken);
}

static void a_map_of_too_many_keys_ends_the_reading(void **state)
{
	struct buffer text = {0};

	buffer_text(&text, INPUTS OUTPUTS "filters:\n  - set:\n      fields:\n");
	for (int i = 0; i < 3000; i++)
		buffer_printf(&text, "        k%d: 1\n", i);
	assert_true(load_pipeline(*state, buffer_cstr(&text))->broken);
	expect_error(*state, 2008, 9, "a map of more than 2000 keys; split it");
	buffer_done(&text);
}

static void a_list_of_too_many_stages_is_refused(void **state)
{
	struct buffer text = {0};

	buffer_text(&text, INPUTS OUTPUTS "filters:\n");
	for (int i = 0; i < 101; i++)
		buffer_text(&text, "  - parse: json\n");
	assert_true(load_pipeline(*state, buffer_cstr(&text))->broken);
	expect_error(*state, 6, 3, "\"filters\" has 101 entries; at most 100 are allowed");
	buffer_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_default_that_is_wrong_in_the_plugin_is_told_so),
		FIXTURE_TEST(setting_the_option_gets_around_a_wrong_default),
		FIXTURE_TEST(a_default_dead_letter_without_its_plugin_is_an_error),
		FIXTURE_TEST(a_map_of_too_many_keys_ends_the_reading),
		FIXTURE_TEST(a_list_of_too_many_stages_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
