// SPDX-License-Identifier: MIT
/* ${...} in values. */
#include "fixture.h"

/* What the path of the file output becomes. */
static const char *path_of(void **state, const char *written)
{
	char text[512];
	struct config_pipeline *pipeline;

	snprintf(text, sizeof(text), INPUTS "outputs:\n  - file:\n      path: %s\n", written);
	pipeline = load_pipeline(*state, text);
	expect_no_problem(*state);
	return weir_node_text(pipeline->outputs[0].options, "path");
}

static void expect(void **state, const char *written, uint32_t column, const char *problem)
{
	char text[512];

	snprintf(text, sizeof(text), INPUTS "outputs:\n  - file:\n      path: %s\n", written);
	assert_true(load_pipeline(*state, text)->broken);
	expect_error(*state, 5, column, problem);
}

static void a_variable_is_put_in(void **state)
{
	setenv("WEIR_T", "value", 1);
	assert_string_equal(path_of(state, "${WEIR_T}"), "value");
	assert_string_equal(path_of(state, "/a/${WEIR_T}/b${WEIR_T}"), "/a/value/bvalue");
	assert_string_equal(path_of(state, "'${WEIR_T}'"), "value");
}

static void a_default_stands_in_for_unset_and_empty(void **state)
{
	unsetenv("WEIR_T");
	assert_string_equal(path_of(state, "${WEIR_T:-fallback}"), "fallback");
	assert_string_equal(path_of(state, "${WEIR_T:-}x"), "x");
	setenv("WEIR_T", "", 1);
	assert_string_equal(path_of(state, "${WEIR_T:-fallback}"), "fallback");
	setenv("WEIR_T", "set", 1);
	assert_string_equal(path_of(state, "${WEIR_T:-fallback}"), "set");
}

static void a_variable_set_to_nothing_is_an_empty_text(void **state)
{
	setenv("WEIR_T", "", 1);
	assert_string_equal(path_of(state, "${WEIR_T}"), "");
}

static void two_dollars_are_one_and_others_stay(void **state)
{
	assert_string_equal(path_of(state, "a$${WEIR_T}"), "a${WEIR_T}");
	assert_string_equal(path_of(state, "^a$|b$"), "^a$|b$");
	assert_string_equal(path_of(state, "$x"), "$x");
}

static void a_value_cannot_change_the_structure(void **state)
{
	setenv("WEIR_T", "x\noutputs: [none]", 1);
	assert_string_equal(path_of(state, "${WEIR_T}"), "x\noutputs: [none]");
}

static void comments_and_keys_are_left_alone(void **state)
{
	unsetenv("WEIR_T");
	assert_false(load_pipeline(*state, "# ${WEIR_T}\n" INPUTS OUTPUTS
					   "filters:\n  - set: { fields: { '${WEIR_T}': 1 } }\n")
			     ->broken);
	expect_no_problem(*state);
}

static void a_number_may_come_from_a_variable(void **state)
{
	struct config *config;

	setenv("WEIR_T", "3", 1);
	config = load_service(*state, "workers: ${WEIR_T}\n");
	assert_int_equal(config->workers, 3);
	assert_int_equal(config_errors(config), 0);
}

static void a_file_is_put_in_without_its_last_newline(void **state)
{
	struct fixture *fixture = *state;
	char written[160];

	write_file(fixture, "secret", "top\nsecret\n", 11);
	snprintf(written, sizeof(written), "${file:%s}", fixture->path);
	assert_string_equal(path_of(state, written), "top\nsecret");
}

static void a_relative_file_lies_beside_the_configuration(void **state)
{
	write_file(*state, "conf.d/word", "here", 4);
	assert_string_equal(path_of(state, "${file:word}"), "here");
}

static void a_missing_variable_names_the_remedy(void **state)
{
	unsetenv("WEIR_T");
	expect(state, "/logs/${WEIR_T}", 19,
	       "the environment variable WEIR_T is not set; set it, or give a default: "
	       "${WEIR_T:-...}");
	expect(state, "\"/logs/${WEIR_T}\"", 20,
	       "the environment variable WEIR_T is not set; set it, or give a default: "
	       "${WEIR_T:-...}");
}

static void a_missing_file_names_the_remedy(void **state)
{
	expect(state, "${file:/no/such}", 13,
	       "the file /no/such cannot be read: No such file or directory; correct ${file:...}, "
	       "or "
	       "let the agent's user read it");
}

static void a_folder_is_no_file_to_put_in(void **state)
{
	expect(state, "${file:/tmp}", 13,
	       "the file /tmp cannot be read: Is a directory; correct ${file:...}, or let the "
	       "agent's "
	       "user read it");
}

static void an_endless_file_is_refused(void **state)
{
	write_file(*state, "conf.d/word", (char[70000]){0}, 70000);
	expect(state, "${file:word}", 13,
	       "the file word is longer than 64 KiB, too long for a setting");
}

static void a_file_with_a_nul_is_refused(void **state)
{
	write_file(*state, "conf.d/word", "a\0b", 3);
	expect(state, "${file:word}", 13, "the file word holds a NUL byte; it must be text");
}

static void an_open_brace_is_refused(void **state)
{
	expect(state, "x${WEIR_T", 14,
	       "the ${ has no } after it; close it, or write $${ for a plain ${");
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const wrong[] = {"${}",     "${1A}",  "${A B}",
					    "${A:+x}", "${A-x}", "${:-x}"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(state, wrong[i], 13,
		       "expected ${NAME}, ${NAME:-default} or ${file:/path}; for a plain $ write "
		       "$$");
}

static void a_reference_inside_another_is_refused(void **state)
{
	expect(state, "${A:-${B}}", 13,
	       "a ${...} inside another is not supported; set a variable for it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_variable_is_put_in),
		FIXTURE_TEST(a_default_stands_in_for_unset_and_empty),
		FIXTURE_TEST(a_variable_set_to_nothing_is_an_empty_text),
		FIXTURE_TEST(two_dollars_are_one_and_others_stay),
		FIXTURE_TEST(a_value_cannot_change_the_structure),
		FIXTURE_TEST(comments_and_keys_are_left_alone),
		FIXTURE_TEST(a_number_may_come_from_a_variable),
		FIXTURE_TEST(a_file_is_put_in_without_its_last_newline),
		FIXTURE_TEST(a_relative_file_lies_beside_the_configuration),
		FIXTURE_TEST(a_missing_variable_names_the_remedy),
		FIXTURE_TEST(a_missing_file_names_the_remedy),
		FIXTURE_TEST(a_folder_is_no_file_to_put_in),
		FIXTURE_TEST(an_endless_file_is_refused),
		FIXTURE_TEST(a_file_with_a_nul_is_refused),
		FIXTURE_TEST(an_open_brace_is_refused),
		FIXTURE_TEST(what_is_no_name_is_refused),
		FIXTURE_TEST(a_reference_inside_another_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
