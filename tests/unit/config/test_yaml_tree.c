// SPDX-License-Identifier: MIT
/* Broken and unwelcome YAML: each with the place and the words that the user sees. */
#include "fixture.h"

static void expect(void **state, const char *text, uint32_t line, uint32_t column,
		   const char *problem)
{
	assert_true(load_pipeline(*state, text)->broken);
	expect_error(*state, line, column, problem);
}

static void a_tab_as_indentation_is_named(void **state)
{
	expect(state, "inputs:\n\t- stdin\n", 2, 1,
	       "found a tab where YAML wants spaces; indent with spaces");
}

static void an_open_quote_is_shown_where_it_opens(void **state)
{
	expect(state, "inputs:\n  - tail: \"x\n  - stdin\n", 2, 11,
	       "the quote that opens here is never closed; close it");
}

static void a_second_colon_asks_for_quotes(void **state)
{
	expect(state, "inputs:\n  - tail: a: b\n", 2, 12,
	       "a \":\" has no place here; indent the line as its neighbours are, or put quotes "
	       "around "
	       "a value that holds \": \"");
}

static void an_open_list_is_named(void **state)
{
	expect(state, "inputs: [stdin\noutputs: [stdout]\n", 2, 8,
	       "expected \",\" or \"]\" in the list that begins with \"[\"; close it, or put "
	       "quotes "
	       "around its text");
}

static void a_star_without_quotes_asks_for_them(void **state)
{
	expect(state, "inputs:\n  - tail: { paths: [*.log] }\n", 2, 21,
	       "text that begins with * must be in quotes, as \"*.log\"");
}

static void a_percent_without_quotes_asks_for_them(void **state)
{
	expect(state, "inputs:\n  - tail: %h\n", 2, 11,
	       "text that begins with % must be in quotes");
}

static void a_reference_in_a_flow_map_asks_for_quotes(void **state)
{
	expect(state, "inputs:\n  - tail: { paths: ${HOME} }\n", 2, 20,
	       "inside { } and [ ] a ${...} must be in quotes, as \"${NAME}\"");
}

static void a_backslash_in_double_quotes_is_explained(void **state)
{
	expect(state, "inputs:\n  - tail: \"\\d+\"\n", 2, 12,
	       "unknown escape in a \"...\" text; write \\\\ for a backslash, or use '...' where "
	       "backslashes are plain");
}

static void a_wrong_indentation_is_named(void **state)
{
	expect(state, "inputs:\n  - stdin\n outputs:\n  - stdout\n", 3, 2,
	       "expected \"key: value\" at the indentation of the lines above; correct the "
	       "indentation, or put quotes around the value before it");
}

static void a_key_written_twice_names_the_first_line(void **state)
{
	expect(state, INPUTS OUTPUTS "inputs:\n  - stdin\n", 5, 1,
	       "\"inputs\" is set twice, first on line 1; remove one");
}

static void an_anchor_is_refused_in_words(void **state)
{
	expect(state, "inputs:\n  - tail: { paths: &p [a] }\n" OUTPUTS, 2, 20,
	       "anchors (&p) are not supported; write the value out where it is used, or put text "
	       "that begins with & in quotes");
}

static void an_alias_is_refused_in_words(void **state)
{
	load_pipeline(*state,
		      "inputs:\n  - tail: { paths: &p [a] }\n  - tail: { paths: *p }\n" OUTPUTS);
	expect_problem_at(
		*state, 1, CONFIG_ERROR, 3, 20,
		"aliases (*p) are not supported; write the value out, or put text that begins "
		"with * in quotes");
	assert_int_equal(((struct fixture *)*state)->config->problem_count, 2);
}

static void a_tag_is_refused_in_words(void **state)
{
	expect(state, INPUTS "outputs:\n  - file: !path /x\n", 4, 11,
	       "tags (!path) are not supported; put text that begins with ! in quotes");
}

/* Nine levels of nine would be a billion words if aliases were followed. */
static void a_billion_laughs_are_one_refusal_each(void **state)
{
	char text[1024] = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
	char line[128];

	for (char c = 'b'; c <= 'i'; c++) {
		char p = (char)(c - 1);

		snprintf(line, sizeof(line), "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c,
			 c, p, p, p, p, p, p, p, p, p);
		strcat(text, line);
	}
	assert_true(load_pipeline(*state, text)->broken);
	assert_in_range(((struct fixture *)*state)->config->problem_count, 80, 100);
}

static void a_second_document_is_refused(void **state)
{
	expect(state, "---\n" INPUTS OUTPUTS "---\n" INPUTS, 6, 1,
	       "a second YAML document begins here; put it in a file of its own");
}

static void an_empty_file_says_what_it_needs(void **state)
{
	expect(state, "", 1, 1, "the file is empty; a pipeline needs \"inputs\" and \"outputs\"");
	expect(state, "# nothing\n\n", 1, 1,
	       "the file is empty; a pipeline needs \"inputs\" and \"outputs\"");
}

static void a_byte_that_is_no_utf8_is_located(void **state)
{
	expect(state, "inputs:\n  - tail: caf\xE9\n", 2, 14,
	       "the text is not UTF-8 here (byte 0xE9); save the file as UTF-8");
}

static void utf16_is_no_utf8(void **state)
{
	load_bytes(*state, "\xFF\xFEi\0n\0", 6);
	expect_error(*state, 1, 1,
		     "the text is not UTF-8 here (byte 0xFF); save the file as UTF-8");
}

static void a_control_character_is_located(void **state)
{
	load_bytes(*state, "inputs:\n  - st\0din\n", 18);
	expect_error(*state, 2, 7,
		     "found the control character 0x00; remove it, or write it as an escape in a "
		     "\"...\" text");
}

static void an_escaped_nul_is_refused(void **state)
{
	expect(state, INPUTS "outputs:\n  - file: \"a\\0b\"\n", 4, 11,
	       "the text holds a NUL character, which no setting can; remove it");
}

static void a_bom_is_read_past(void **state)
{
	load_pipeline(*state, "\xEF\xBB\xBF" INPUTS OUTPUTS "nonsens: 1\n");
	expect_error(
		*state, 5, 1,
		"unknown key \"nonsens\" of a pipeline; expected id, inputs, filters, outputs, "
		"dead_letter or on_corrupt_state");
}

static void windows_line_ends_are_line_ends(void **state)
{
	assert_false(load_pipeline(*state, "inputs:\r\n  - stdin\r\noutputs:\r\n  - stdout\r\n")
			     ->broken);
	expect_no_problem(*state);
}

static void columns_count_characters(void **state)
{
	expect(state, INPUTS "outputs:\n  - file: { path: \"\xC3\xA9\xC3\xA9\", nope: 1 }\n", 4, 25,
	       "unknown option \"nope\" of file; did you mean \"name\"?");
}

static void a_file_over_one_mebibyte_is_refused(void **state)
{
	size_t size = 1024 * 1024 + 1;
	char *text = malloc(size);

	memset(text, '#', size);
	load_bytes(*state, text, size);
	expect_error(
		*state, 0, 0,
		"the file is larger than 1 MiB, which no configuration is; is it the right file?");
	free(text);
}

static void deep_nesting_is_refused(void **state)
{
	char text[200] = "inputs: ";

	memset(text + 8, '[', 100);
	expect(state, text, 1, 40, "nested deeper than 32 levels; flatten it");
}

static void a_huge_number_of_values_is_refused(void **state)
{
	size_t size = 300000;
	char *text = malloc(size);

	memcpy(text, "x: [", 4);
	for (size_t i = 4; i < size; i += 2)
		memcpy(text + i, "a,", 2);
	assert_true(load_bytes(*state, text, size)->broken);
	expect_error(
		*state, 1, 99999,
		"the file holds more than 50000 values, which no configuration does; is it the "
		"right file?");
	free(text);
}

static void a_key_that_is_a_list_is_refused(void **state)
{
	expect(state, INPUTS OUTPUTS "[a]: b\n", 5, 1,
	       "expected a word before the \":\", found a list; put quotes around text that begins "
	       "with { or [");
}

static void a_folder_in_place_of_the_file_is_named(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	load_service(fixture, "");
	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d/dir.yaml", fixture->dir);
	assert_int_equal(mkdir(fixture->path, 0755), 0);
	assert_int_equal(
		config_load_pipeline(fixture->config, fixture->registry, fixture->path, &error), 0);
	assert_true(fixture->config->pipelines[0].broken);
	expect_error(fixture, 0, 0, "it is a folder, not a file; give the path of a file");
}

static void a_pipe_in_place_of_the_file_does_not_hang(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	load_service(fixture, "");
	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d/pipe.yaml", fixture->dir);
	assert_int_equal(mkfifo(fixture->path, 0644), 0);
	assert_int_equal(
		config_load_pipeline(fixture->config, fixture->registry, fixture->path, &error), 0);
	expect_error(fixture, 0, 0,
		     "it is a pipe or a device, not a file; give the path of a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_tab_as_indentation_is_named),
		FIXTURE_TEST(an_open_quote_is_shown_where_it_opens),
		FIXTURE_TEST(a_second_colon_asks_for_quotes),
		FIXTURE_TEST(an_open_list_is_named),
		FIXTURE_TEST(a_star_without_quotes_asks_for_them),
		FIXTURE_TEST(a_percent_without_quotes_asks_for_them),
		FIXTURE_TEST(a_reference_in_a_flow_map_asks_for_quotes),
		FIXTURE_TEST(a_backslash_in_double_quotes_is_explained),
		FIXTURE_TEST(a_wrong_indentation_is_named),
		FIXTURE_TEST(a_key_written_twice_names_the_first_line),
		FIXTURE_TEST(an_anchor_is_refused_in_words),
		FIXTURE_TEST(an_alias_is_refused_in_words),
		FIXTURE_TEST(a_tag_is_refused_in_words),
		FIXTURE_TEST(a_billion_laughs_are_one_refusal_each),
		FIXTURE_TEST(a_second_document_is_refused),
		FIXTURE_TEST(an_empty_file_says_what_it_needs),
		FIXTURE_TEST(a_byte_that_is_no_utf8_is_located),
		FIXTURE_TEST(utf16_is_no_utf8),
		FIXTURE_TEST(a_control_character_is_located),
		FIXTURE_TEST(an_escaped_nul_is_refused),
		FIXTURE_TEST(a_bom_is_read_past),
		FIXTURE_TEST(windows_line_ends_are_line_ends),
		FIXTURE_TEST(columns_count_characters),
		FIXTURE_TEST(a_file_over_one_mebibyte_is_refused),
		FIXTURE_TEST(deep_nesting_is_refused),
		FIXTURE_TEST(a_huge_number_of_values_is_refused),
		FIXTURE_TEST(a_key_that_is_a_list_is_refused),
		FIXTURE_TEST(a_folder_in_place_of_the_file_is_named),
		FIXTURE_TEST(a_pipe_in_place_of_the_file_does_not_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
