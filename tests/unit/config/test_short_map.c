// SPDX-License-Identifier: MIT
/* A plugin whose options may be a map of any keys: `set: {env: prod}`. */
#include "config/fixture.h"

static const struct weir_node *fields_of(const struct config_pipeline *pipeline)
{
	const struct weir_node *fields = weir_node_find(pipeline->filters[0].options, "fields");

	assert_non_null(fields);
	return fields;
}

static void a_map_of_any_keys_is_the_short_option(void **state)
{
	struct config_pipeline *web = load_pipeline(
		*state, INPUTS "filters:\n  - set: {env: prod, n: 5, more: {a: [1]}}\n" OUTPUTS);

	expect_no_problem(*state);
	assert_int_equal(fields_of(web)->count, 3);
	assert_string_equal(weir_node_text(fields_of(web), "env"), "prod");
	assert_int_equal(weir_node_int(fields_of(web), "n", 0), 5);
	assert_int_equal(weir_node_find(fields_of(web), "more")->type, WEIR_TYPE_MAP);
}

static void the_long_form_takes_the_options_of_the_host_beside_it(void **state)
{
	struct config_pipeline *web = load_pipeline(
		*state, INPUTS "filters:\n  - set: {fields: {name: bob}, name: first}\n" OUTPUTS);

	expect_no_problem(*state);
	assert_int_equal(fields_of(web)->count, 1);
	assert_string_equal(weir_node_text(fields_of(web), "name"), "bob");
	assert_string_equal(web->filters[0].name, "first");
}

static void a_key_that_could_be_both_is_asked_about(void **state)
{
	(void)load_pipeline(*state,
			    INPUTS "filters:\n  - set: {env: prod, when: \"a == 1\"}\n" OUTPUTS);
	expect_error(*state, 4, 22,
		     "\"when\" could be an option or one of the fields here; write "
		     "\"set: {fields: {...}}\", with the option beside \"fields\"");
}

static void computed_values_are_checked_as_expressions(void **state)
{
	(void)load_pipeline(*state, INPUTS "filters:\n  - set: {a: {expr: \"b = 1\"}}\n" OUTPUTS);
	expect_error(*state, 4, 24,
		     "in \"fields.a.expr\": '=' compares nothing: write ==, or =~ for a pattern");
	(void)load_pipeline(*state, INPUTS
			    "filters:\n  - set: {expr: b = 1, deep: {m: {expr: b = 1}}}\n" OUTPUTS);
	expect_no_problem(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_map_of_any_keys_is_the_short_option),
		FIXTURE_TEST(the_long_form_takes_the_options_of_the_host_beside_it),
		FIXTURE_TEST(computed_values_are_checked_as_expressions),
		FIXTURE_TEST(a_key_that_could_be_both_is_asked_about),
	};

	return cmocka_run_group_tests_name("config_short_map", tests, NULL, NULL);
}
