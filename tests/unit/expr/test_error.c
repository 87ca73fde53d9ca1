// SPDX-License-Identifier: MIT
/* What doesn't compile says where and why. */
#include "expr/fixture.h"

static void an_unfinished_expression_says_what_is_missing(void **state)
{
	(void)state;
	assert_refused("", 0, "expected a value, found the end");
	assert_refused("status >=", 9, "expected a value, found the end");
	assert_refused("(a == 1", 7, "expected ')'");
	assert_refused("a in [1, 2", 10, "',' or ']'");
	assert_refused("a == 'x", 5, "no closing '");
	assert_refused("`a b", 0, "no closing `");
	assert_refused("a.", 2, "field name");
}

static void a_misspelt_function_is_told_its_nearest(void **state)
{
	(void)state;
	assert_refused("lenght(a) > 3", 0, "no function 'lenght': did you mean 'length'?");
	assert_refused("a == 1 and start_with(a, 'x')", 11, "did you mean 'starts_with'?");
	assert_refused("qqqqqqq(a)", 0, "there is no function 'qqqqqqq'");
}

static void the_common_mistakes_have_sentences_of_their_own(void **state)
{
	(void)state;
	assert_refused("a = 1", 2, "write ==");
	assert_refused("a == 1 & b == 2", 7, "write 'and'");
	assert_refused("a == 1 | b == 2", 7, "write 'or'");
	assert_refused("1 < a < 3", 6, "join two of them with 'and'");
	assert_refused("a == [1]", 5, "only after 'in'");
	assert_refused("a =~ b", 5, "quoted text");
	assert_refused("a in 5", 5, "a list such as");
	assert_refused("a not b", 6, "'in' after 'not'");
	assert_refused("a b", 2, "an operator or the end, found 'b'");
	assert_refused("5x == a", 0, "'5x' is not a number");
	assert_refused("a == 1 ; b", 7, "';' has no meaning");
	assert_refused("exists(1)", 7, "name of a field");
	assert_refused("lower()", 0, "lower(text)");
	assert_refused("substr(a, 1, 2, 3)", 0, "substr(text, from");
	assert_refused("replace(a, b, 'c')", 11, "quoted text");
}

static void a_bad_pattern_is_shown_at_its_place(void **state)
{
	(void)state;
	assert_refused("a =~ 'x(y'", 9, "the pattern can't be used");
	assert_refused("a =~ '*'", 6, "the pattern can't be used");
}

/* `count` times `open`, then "1", then as often `close`. */
static char *nested(const char *open, const char *close, size_t count)
{
	char *text = malloc(count * (strlen(open) + strlen(close)) + 2), *to = text;

	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, open);
	to = stpcpy(to, "1");
	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, close);
	return text;
}

static void depth_is_bounded(void **state)
{
	static const char *const pairs[][2] = {{"(", ")"},
					       {"not ", ""},
					       {"-", ""},
					       {"", " + 1"},
					       {"abs(", ")"},
					       {"1 in [", "]"},
					       {"exists(a) and (", ")"}};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct weir_error error = {0};
		struct weir_expr *expr = NULL;
		char *deep = nested(pairs[i][0], pairs[i][1], 3000);
		char *shallow = nested(pairs[i][0], pairs[i][1], 20);

		assert_int_equal(expr_compile(weir_slice_of(deep), &expr, &error),
				 WEIR_ERR_INVALID);
		assert_non_null(strstr(error.text, "64 deep"));
		assert_int_equal(expr_compile(weir_slice_of(shallow), &expr, &error), 0);
		expr_free(expr);
		free(deep);
		free(shallow);
	}
}

static void a_long_chain_of_conditions_is_not_deep(void **state)
{
	char *text = nested("status == 5 or ", "", 2000);

	(void)state;
	assert_truth(text, 1);
	free(text);
}

static void an_expression_may_be_compiled_without_asking_for_the_error(void **state)
{
	struct weir_expr *expr = NULL;

	(void)state;
	assert_int_equal(expr_compile(weir_slice_of("a ="), &expr, NULL), WEIR_ERR_INVALID);
	assert_int_equal(expr_compile(weir_slice_of("a =~ '('"), &expr, NULL), WEIR_ERR_INVALID);
	assert_null(expr);
	expr_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unfinished_expression_says_what_is_missing),
		cmocka_unit_test(a_misspelt_function_is_told_its_nearest),
		cmocka_unit_test(the_common_mistakes_have_sentences_of_their_own),
		cmocka_unit_test(a_bad_pattern_is_shown_at_its_place),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(a_long_chain_of_conditions_is_not_deep),
		cmocka_unit_test(an_expression_may_be_compiled_without_asking_for_the_error),
	};

	return cmocka_run_group_tests_name("expr_error", tests, NULL, NULL);
}
