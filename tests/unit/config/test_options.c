// SPDX-License-Identifier: MIT
/* Options against their declarations: values that pass, and every way in which one does not. */
#include <math.h>

#include "fixture.h"

#define FILE_WITH(options) "inputs:\n  - stdin\noutputs:\n  - file:\n      path: /x\n" options
#define SET_WITH(fields) INPUTS OUTPUTS "filters:\n  - set:\n      fields:\n" fields

static void expect(void **state, const char *text, uint32_t line, uint32_t column,
		   const char *problem)
{
	assert_true(load_pipeline(*state, text)->broken);
	expect_error(*state, line, column, problem);
}

static const struct weir_node *options_of(void **state, const char *text)
{
	struct config_pipeline *pipeline = load_pipeline(*state, text);

	expect_no_problem(*state);
	assert_false(pipeline->broken);
	return pipeline->filter_count ? pipeline->filters[0].options : pipeline->outputs[0].options;
}

/* ---- what passes ---- */

static void defaults_are_filled_in(void **state)
{
	struct config_pipeline *pipeline =
		load_pipeline(*state, "inputs:\n  - tail: { paths: [/a, /b] }\n" OUTPUTS);
	const struct weir_node *options = pipeline->inputs[0].options;
	const struct weir_node *paths = weir_node_find(options, "paths");
	const struct weir_node *exclude = weir_node_find(options, "exclude");

	expect_no_problem(*state);
	assert_int_equal(paths->count, 2);
	assert_string_equal(paths->items[1]->text.data, "/b");
	assert_int_equal(paths->line, 2);
	assert_int_equal(paths->column, 20);
	assert_string_equal(weir_node_text(options, "start"), "end");
	assert_int_equal(weir_node_int(options, "max_line", 0), 1 << 20);
	assert_int_equal(weir_node_int(options, "rescan", 0), 10000000000);
	assert_int_equal(exclude->count, 2);
	assert_int_equal(exclude->line, 0);
	assert_string_equal(exclude->items[0]->text.data, "*.gz");
	assert_string_equal(exclude->items[1]->text.data, "*.zst");
}

static void a_default_need_not_be_quoted(void **state)
{
	assert_string_equal(weir_node_text(options_of(state, FILE_WITH("")), "separator"), ",");
}

static void an_option_without_default_is_missing(void **state)
{
	assert_null(weir_node_find(options_of(state, FILE_WITH("")), "rotate"));
}

static void a_scalar_is_a_list_of_one(void **state)
{
	struct config_pipeline *pipeline =
		load_pipeline(*state, "inputs:\n  - tail: { paths: /a }\n" OUTPUTS);
	const struct weir_node *paths = weir_node_find(pipeline->inputs[0].options, "paths");

	expect_no_problem(*state);
	assert_int_equal(paths->type, WEIR_TYPE_LIST);
	assert_int_equal(paths->count, 1);
	assert_string_equal(paths->items[0]->text.data, "/a");
}

static void members_of_a_map_have_defaults_too(void **state)
{
	const struct weir_node *rotate = weir_node_find(
		options_of(state, FILE_WITH("      rotate: { size: 5MB }\n")), "rotate");

	assert_int_equal(weir_node_int(rotate, "size", 0), 5000000);
	assert_int_equal(weir_node_int(rotate, "keep", 0), 3);
}

static void a_scalar_is_the_first_member_of_a_short_map(void **state)
{
	const struct weir_node *rotate =
		weir_node_find(options_of(state, FILE_WITH("      rotate: 1GiB\n")), "rotate");

	assert_int_equal(weir_node_int(rotate, "size", 0), 1 << 30);
}

static void any_values_follow_the_core_schema(void **state)
{
	const struct weir_node *fields = weir_node_find(
		options_of(state, SET_WITH("        a: yes\n        b: TRUE\n        c: 12\n"
					   "        d: 1.5e3\n        e: '12'\n        f: ~\n"
					   "        g: [1, x]\n        h: { k: null }\n"
					   "        i: .nan\n        j: 0x1F\n        k: -.INF\n"
					   "        l:\n        m: 1.2.3\n        n: 0o17\n")),
		"fields");
	static const uint32_t types[] = {WEIR_TYPE_STRING, WEIR_TYPE_BOOL,   WEIR_TYPE_INT,
					 WEIR_TYPE_DOUBLE, WEIR_TYPE_STRING, WEIR_TYPE_NULL,
					 WEIR_TYPE_LIST,   WEIR_TYPE_MAP,    WEIR_TYPE_DOUBLE,
					 WEIR_TYPE_INT,    WEIR_TYPE_DOUBLE, WEIR_TYPE_NULL,
					 WEIR_TYPE_STRING, WEIR_TYPE_INT};

	assert_int_equal(fields->count, 14);
	for (uint32_t i = 0; i < fields->count; i++)
		assert_int_equal(fields->items[i]->type, types[i]);
	assert_int_equal(fields->items[1]->i64, 1);
	assert_int_equal(fields->items[2]->i64, 12);
	assert_true(fields->items[3]->f64 > 1499 && fields->items[3]->f64 < 1501);
	assert_int_equal(fields->items[6]->items[0]->i64, 1);
	assert_int_equal(fields->items[7]->items[0]->type, WEIR_TYPE_NULL);
	assert_true(isnan(fields->items[8]->f64));
	assert_int_equal(fields->items[9]->i64, 31);
	assert_true(isinf(fields->items[10]->f64) && fields->items[10]->f64 < 0);
	assert_int_equal(fields->items[13]->i64, 15);
	assert_string_equal(fields->keys[3].data, "d");
}

static void booleans_have_their_usual_words(void **state)
{
	static const char *const words[] = {"true", "yes", "On", "false", "no", "OFF"};
	char text[128];

	for (size_t i = 0; i < 6; i++) {
		snprintf(text, sizeof(text),
			 INPUTS OUTPUTS "filters:\n  - parse: { format: json, keep: %s }\n",
			 words[i]);
		assert_int_equal(weir_node_int(options_of(state, text), "keep", -1), i < 3);
	}
}

static void text_may_look_like_a_number(void **state)
{
	assert_string_equal(
		weir_node_text(options_of(state, INPUTS "outputs:\n  - file: { path: 42 }\n"),
			       "path"),
		"42");
}

static void an_empty_text_in_quotes_is_a_value(void **state)
{
	assert_string_equal(
		weir_node_text(options_of(state, INPUTS "outputs:\n  - file: { path: '' }\n"),
			       "path"),
		"");
}

/* ---- what does not ---- */

static void a_misspelt_option_names_the_nearest(void **state)
{
	expect(state, FILE_WITH("      seperator: x\n"), 6, 7,
	       "unknown option \"seperator\" of file; did you mean \"separator\"?");
}

static void an_option_like_no_other_lists_those_there_are(void **state)
{
	expect(state, "inputs:\n  - stdin: { colour: red }\n" OUTPUTS, 2, 14,
	       "unknown option \"colour\" of stdin; expected one of: name, isolate");
}

static void a_missing_required_option_is_named_with_its_meaning(void **state)
{
	expect(state, "inputs:\n  - tail:\n" OUTPUTS, 2, 5,
	       "tail needs \"paths\": Files to follow");
}

static void a_missing_required_member_is_named(void **state)
{
	expect(state, FILE_WITH("      rotate: { keep: 2 }\n"), 6, 15,
	       "rotate needs \"rotate.size\": At this size");
}

static void a_member_names_its_map(void **state)
{
	expect(state, FILE_WITH("      rotate: { size: 1, keep: 11 }\n"), 6, 32,
	       "\"rotate.keep\" must be from 1 to 10, found 11");
	expect(state, FILE_WITH("      rotate: { size: 1, keeep: 1 }\n"), 6, 26,
	       "unknown option \"keeep\" of rotate; did you mean \"keep\"?");
}

static void a_wrong_word_names_the_right_ones(void **state)
{
	expect(state, "inputs:\n  - tail: { paths: /x, start: begining }\n" OUTPUTS, 2, 31,
	       "\"start\" must be \"beginning\" or \"end\", found \"begining\"; did you mean "
	       "\"beginning\"?");
	expect(state, INPUTS OUTPUTS "filters:\n  - parse: xml\n", 6, 12,
	       "\"format\" must be \"json\", \"combined\" or \"regex\", found \"xml\"");
}

static void words_hold_for_values_of_a_map(void **state)
{
	expect(state, INPUTS OUTPUTS "filters:\n  - parse: { format: json, types: { a: inf } }\n",
	       6, 40,
	       "\"types.a\" must be \"int\" or \"string\", found \"inf\"; did you mean \"int\"?");
}

static void every_type_says_what_it_wants(void **state)
{
	expect(state, FILE_WITH("      ratio: half\n"), 6, 14,
	       "\"ratio\" wants a number, found \"half\"");
	expect(state, FILE_WITH("      ratio: inf\n"), 6, 14,
	       "\"ratio\" wants a number, found \"inf\"");
	expect(state, FILE_WITH("      rotate: { size: big }\n"), 6, 23,
	       "\"rotate.size\" wants a size such as 64KiB, 5MB or a number of bytes, found "
	       "\"big\"");
	expect(state, FILE_WITH("      rotate: { size: 1, keep: 1.5 }\n"), 6, 32,
	       "\"rotate.keep\" wants a whole number, found \"1.5\"");
	expect(state, INPUTS OUTPUTS "filters:\n  - parse: { format: json, keep: maybe }\n", 6, 34,
	       "\"keep\" wants true or false, found \"maybe\"");
	expect(state, "inputs:\n  - tail: { paths: /x, rescan: 5 }\n" OUTPUTS, 2, 32,
	       "\"rescan\" wants a duration such as 200ms, 5s or 1h, found \"5\"");
	expect(state, FILE_WITH("      separator: [a]\n"), 6, 18,
	       "\"separator\" wants text, found a list");
	expect(state, FILE_WITH("      rotate: [1]\n"), 6, 15,
	       "\"rotate\" wants a map, found a list");
	expect(state, "inputs:\n  - tail: { paths: [{a: b}] }\n" OUTPUTS, 2, 21,
	       "\"paths\" wants text, found a map");
}

static void a_range_is_told_in_units(void **state)
{
	expect(state, "inputs:\n  - tail: { paths: /x, max_line: 10 }\n" OUTPUTS, 2, 34,
	       "\"max_line\" must be from 1KiB to 1GiB, found 10");
	expect(state, "inputs:\n  - tail: { paths: /x, rescan: 2h }\n" OUTPUTS, 2, 32,
	       "\"rescan\" must be from 1ms to 1h, found 2h");
}

static void an_option_without_value_is_named(void **state)
{
	expect(state, FILE_WITH("      separator:\n"), 6, 17,
	       "\"separator\" has no value; give it text, or leave it out");
	expect(state, "inputs:\n  - tail:\n      paths:\n" OUTPUTS, 3, 13,
	       "\"paths\" has no value; give it a list, or leave it out");
	expect(state, "inputs:\n  - tail:\n      paths: [~]\n" OUTPUTS, 3, 15,
	       "\"paths\" has no value; give it text, or leave it out");
}

static void a_long_value_is_shortened_in_the_message(void **state)
{
	expect(state, FILE_WITH("      ratio: 0123456789012345678901234567890123456789x\n"), 6, 14,
	       "\"ratio\" wants a number, found \"0123456789012345678901234567890123456789...\"");
}

static void a_pattern_is_wrong_at_its_character(void **state)
{
	expect(state, INPUTS OUTPUTS "filters:\n  - parse: { format: regex, pattern: 'a(b' }\n", 6,
	       42,
	       "in the regular expression \"pattern\", at its character 4: missing closing "
	       "parenthesis");
	expect(state,
	       INPUTS OUTPUTS "filters:\n  - parse:\n      format: regex\n"
			      "      pattern: a**b\n",
	       8, 18,
	       "in the regular expression \"pattern\", at its character 3: quantifier does not "
	       "follow a repeatable item");
}

static void the_character_of_a_pattern_is_counted_in_characters(void **state)
{
	expect(state,
	       INPUTS OUTPUTS
	       "filters:\n  - parse: { format: regex, pattern: '\xC3\xA9\xC3\xA9(' }\n",
	       6, 42,
	       "in the regular expression \"pattern\", at its character 4: missing closing "
	       "parenthesis");
}

/* In a folded or escaped text the place within is not known: then it is the text's own. */
static void a_pattern_over_lines_is_wrong_at_its_beginning(void **state)
{
	expect(state,
	       INPUTS OUTPUTS "filters:\n  - parse:\n      format: regex\n"
			      "      pattern: |\n        a(b\n",
	       8, 16,
	       "in the regular expression \"pattern\", at its character 5: missing closing "
	       "parenthesis");
	expect(state,
	       INPUTS OUTPUTS "filters:\n  - parse:\n      format: regex\n"
			      "      pattern: \"\\\\d(\"\n",
	       8, 16,
	       "in the regular expression \"pattern\", at its character 4: missing closing "
	       "parenthesis");
}

static void a_secret_is_not_shown(void **state)
{
	struct fixture *fixture = *state;

	load_pipeline(fixture, FILE_WITH("      password: [hunter2]\n"));
	expect_error(fixture, 6, 17, "\"password\" wants text, found a list");
}

static void all_problems_are_shown_in_order(void **state)
{
	struct fixture *fixture = *state;

	load_pipeline(fixture, "inputs:\n  - tail: { start: now, pats: /x }\n"
			       "outputs:\n  - file: { ratio: x }\n  - fiel: /y\n");
	assert_int_equal(fixture->config->problem_count, 6);
	expect_problem_at(fixture, 0, CONFIG_ERROR, 2, 5, "tail needs \"paths\": Files to follow");
	expect_problem_at(fixture, 1, CONFIG_ERROR, 2, 20,
			  "\"start\" must be \"beginning\" or \"end\", found \"now\"");
	expect_problem_at(fixture, 2, CONFIG_ERROR, 2, 25,
			  "unknown option \"pats\" of tail; did you mean \"paths\"?");
	expect_problem_at(fixture, 3, CONFIG_ERROR, 4, 5, "file needs \"path\": Where to");
	expect_problem_at(fixture, 4, CONFIG_ERROR, 4, 20, "\"ratio\" wants a number, found \"x\"");
	expect_problem_at(fixture, 5, CONFIG_ERROR, 5, 5,
			  "there is no output \"fiel\"; did you mean \"file\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(defaults_are_filled_in),
		FIXTURE_TEST(a_default_need_not_be_quoted),
		FIXTURE_TEST(an_option_without_default_is_missing),
		FIXTURE_TEST(a_scalar_is_a_list_of_one),
		FIXTURE_TEST(members_of_a_map_have_defaults_too),
		FIXTURE_TEST(a_scalar_is_the_first_member_of_a_short_map),
		FIXTURE_TEST(any_values_follow_the_core_schema),
		FIXTURE_TEST(booleans_have_their_usual_words),
		FIXTURE_TEST(text_may_look_like_a_number),
		FIXTURE_TEST(an_empty_text_in_quotes_is_a_value),
		FIXTURE_TEST(a_misspelt_option_names_the_nearest),
		FIXTURE_TEST(an_option_like_no_other_lists_those_there_are),
		FIXTURE_TEST(a_missing_required_option_is_named_with_its_meaning),
		FIXTURE_TEST(a_missing_required_member_is_named),
		FIXTURE_TEST(a_member_names_its_map),
		FIXTURE_TEST(a_wrong_word_names_the_right_ones),
		FIXTURE_TEST(words_hold_for_values_of_a_map),
		FIXTURE_TEST(every_type_says_what_it_wants),
		FIXTURE_TEST(a_range_is_told_in_units),
		FIXTURE_TEST(an_option_without_value_is_named),
		FIXTURE_TEST(a_long_value_is_shortened_in_the_message),
		FIXTURE_TEST(a_pattern_is_wrong_at_its_character),
		FIXTURE_TEST(the_character_of_a_pattern_is_counted_in_characters),
		FIXTURE_TEST(a_pattern_over_lines_is_wrong_at_its_beginning),
		FIXTURE_TEST(a_secret_is_not_shown),
		FIXTURE_TEST(all_problems_are_shown_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
