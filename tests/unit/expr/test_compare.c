// SPDX-License-Identifier: MIT
/* Comparisons, lists, patterns and logic: the table of agent/expr/README.md. */
#include "expr/fixture.h"

static void numbers_compare_by_value_whatever_holds_them(void **state)
{
	(void)state;
	assert_truth("status >= 500", 1);
	assert_truth("status > 500", 0);
	assert_truth("status < 1000", 1);
	assert_truth("status == 500.0", 1);
	assert_truth("bytes != 1234", 0);
	assert_truth("bytes <= 1234", 1);
	assert_truth("took == 0.25", 1);
	assert_truth("took < 1", 1);
	assert_truth("500 <= status", 1);
	assert_truth("501 <= status", 0);
	assert_truth("-5 < bytes", 1);
	assert_truth("most == 9223372036854775807", 1);
	assert_truth("most > 9223372036854774784.0", 1);
	assert_truth("1e3 == 1000", 1);
	assert_truth(".5 == 0.5", 1);
}

static void a_string_that_holds_a_number_compares_as_one_with_a_number(void **state)
{
	(void)state;
	assert_truth("code == 200", 1);
	assert_truth("code < 1000", 1);
	assert_truth("status == '500'", 1);
	assert_truth("status == '5e2'", 1);
	assert_truth("method == 5", 0);
	assert_truth("method != 5", 1);
	assert_truth("method < 5", 0);
	assert_truth("method > 5", 0);
	assert_truth("empty == 0", 0);
}

static void strings_compare_by_bytes(void **state)
{
	(void)state;
	assert_truth("method == \"GET\"", 1);
	assert_truth("method == 'get'", 0);
	assert_truth("method != 'POST'", 1);
	assert_truth("method < 'H'", 1);
	assert_truth("method > 'GE'", 1);
	assert_truth("method >= 'GET' and method <= 'GET'", 1);
	assert_truth("code < '1000'", 0);
	assert_truth("'GET' == method", 1);
	assert_truth("empty == ''", 1);
}

static void with_an_absent_field_only_unequal_holds(void **state)
{
	static const char *const operators[] = {"==", "<", "<=", ">", ">="};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		(void)snprintf(text, sizeof(text), "gone %s 'x'", operators[i]);
		assert_truth(text, 0);
		(void)snprintf(text, sizeof(text), "never_seen %s 5", operators[i]);
		assert_truth(text, 0);
		(void)snprintf(text, sizeof(text), "gone %s never_seen", operators[i]);
		assert_truth(text, 0);
	}
	assert_truth("gone != 'x'", 1);
	assert_truth("never_seen != 5", 1);
	assert_truth("gone != null", 1);
	assert_truth("gone in [1]", 0);
	assert_truth("gone not in [1]", 1);
	assert_truth("gone =~ ''", 0);
	assert_truth("gone !~ 'x'", 1);
}

static void null_equals_null_alone(void **state)
{
	(void)state;
	assert_truth("nothing == null", 1);
	assert_truth("nothing != null", 0);
	assert_truth("method == null", 0);
	assert_truth("nothing == ''", 0);
	assert_truth("nothing == 0", 0);
	assert_truth("nothing < 1", 0);
}

static void booleans_compare_with_booleans(void **state)
{
	(void)state;
	assert_truth("ok == true", 1);
	assert_truth("ok != false", 1);
	assert_truth("ok == 1", 0);
	assert_truth("ok == 'true'", 0);
	assert_truth("(status == 500) == ok", 1);
}

static void times_compare_with_times_written_out(void **state)
{
	(void)state;
	assert_truth("@timestamp == '2015-05-17T10:05:03Z'", 1);
	assert_truth("@timestamp == '2015-05-17T12:05:03+02:00'", 1);
	assert_truth("when >= '2015-05-17 10:05:03.000'", 1);
	assert_truth("when < '2015-05-18'", 1);
	assert_truth("when > '2015-05-17T10:05'", 1);
	assert_truth("when == @timestamp", 1);
	assert_truth("when > 'yesterday'", 0);
	assert_truth("when == 1431857103", 1);
}

static void in_looks_through_a_list(void **state)
{
	(void)state;
	assert_truth("status in [404, 500]", 1);
	assert_truth("status not in [404, 500]", 0);
	assert_truth("status in []", 0);
	assert_truth("method in ['GET', 'HEAD']", 1);
	assert_truth("method not in ['POST',]", 1);
	assert_truth("method in [method]", 1);
	assert_truth("code in ['200']", 1);
	assert_truth("nothing in [null]", 1);
}

static void in_looks_through_a_field_that_is_a_list(void **state)
{
	(void)state;
	assert_truth("'red' in tags", 1);
	assert_truth("'a,b' in tags", 1);
	assert_truth("3 in tags", 1);
	assert_truth("'blue' in tags", 0);
	assert_truth("'blue' not in tags", 1);
	assert_truth("'x' in user.a.b.c", 1);
	assert_truth("'x' in method", 0);
}

static void patterns_match_anywhere_unless_anchored(void **state)
{
	(void)state;
	assert_truth("agent =~ \"5\\.\\d\"", 1);
	assert_truth("agent =~ '^5'", 0);
	assert_truth("agent !~ 'curl'", 1);
	assert_truth("agent =~ '(?i)MOZILLA'", 1);
	assert_truth("status =~ '^5..$'", 1);
	assert_truth("nothing =~ '.'", 0);
	assert_truth("user.name =~ 'Ann'", 1);
	assert_truth("empty =~ '^$'", 1);
}

/* Without a bound the first of these takes longer than the universe has. */
static void a_line_that_makes_a_pattern_backtrack_for_ever_does_not_match(void **state)
{
	static const char *const patterns[] = {"m =~ '^(a+)+$'", "m =~ '^(a|aa)+$'",
					       "m =~ '^(a|a?)+$'", "m =~ '(x+x+)+y|^(.*a){30}$'",
					       "replace(m, '^(a+)+$', 'x') == 'x'"};
	struct test_field field = STRING("m", NULL);
	char *text = malloc(100001);

	(void)state;
	memset(text, 'a', 99999);
	memcpy(text + 99999, "!", 2);
	for (size_t i = 0; i < 2 * sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct weir_expr *expr = expr_of(patterns[i / 2]);
		struct mock_host host;
		struct weir_batch *batch;
		uint64_t selected = UINT64_MAX;
		int64_t start = mock_clock_ns(CLOCK_PROCESS_CPUTIME_ID);

		field.text = i % 2 ? text : text + 99999 - 40;
		mock_host_create(&host);
		batch = one_record_batch(&host, &field, 1, 1, 0);
		expr_select(expr, batch, &selected);
		assert_int_equal(selected, 0);
		assert_true(mock_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 2000000000);
		expr_free(expr);
		mock_batch_free(batch);
		mock_host_destroy(&host);
	}
	free(text);
}

static void words_and_signs_are_the_same_logic(void **state)
{
	(void)state;
	assert_truth("status == 500 and method == 'GET'", 1);
	assert_truth("status == 500 && method == 'PUT'", 0);
	assert_truth("status == 200 or method == 'GET'", 1);
	assert_truth("status == 200 || method == 'PUT'", 0);
	assert_truth("not status == 200", 1);
	assert_truth("!(status == 500)", 0);
	assert_truth("not not ok", 1);
	assert_truth("false or true and false", 0);
	assert_truth("(false or true) and not false", 1);
	assert_truth("ok and status == 500 or gone == 1", 1);
}

static void truth_of_a_value_is_that_of_the_table(void **state)
{
	(void)state;
	assert_truth("ok", 1);
	assert_truth("gone", 0);
	assert_truth("nothing", 0);
	assert_truth("empty", 0);
	assert_truth("method", 1);
	assert_truth("status", 1);
	assert_truth("bytes - 1234", 0);
	assert_truth("0", 0);
	assert_truth("tags", 1);
	assert_truth("@timestamp", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_compare_by_value_whatever_holds_them),
		cmocka_unit_test(a_string_that_holds_a_number_compares_as_one_with_a_number),
		cmocka_unit_test(strings_compare_by_bytes),
		cmocka_unit_test(with_an_absent_field_only_unequal_holds),
		cmocka_unit_test(null_equals_null_alone),
		cmocka_unit_test(booleans_compare_with_booleans),
		cmocka_unit_test(times_compare_with_times_written_out),
		cmocka_unit_test(in_looks_through_a_list),
		cmocka_unit_test(in_looks_through_a_field_that_is_a_list),
		cmocka_unit_test(patterns_match_anywhere_unless_anchored),
		cmocka_unit_test(a_line_that_makes_a_pattern_backtrack_for_ever_does_not_match),
		cmocka_unit_test(words_and_signs_are_the_same_logic),
		cmocka_unit_test(truth_of_a_value_is_that_of_the_table),
	};

	return cmocka_run_group_tests_name("expr_compare", tests, NULL, NULL);
}
