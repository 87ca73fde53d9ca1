// SPDX-License-Identifier: MIT
/* Fields, metadata, arithmetic and functions: the value of an expression. */
#include "expr/fixture.h"

#include <unistd.h>

static void fields_go_by_name_and_by_path(void **state)
{
	(void)state;
	assert_text("method", "GET");
	assert_text("`with space`", "yes");
	assert_text("user.id", "7");
	assert_text("user.name", "Ann \"A\"");
	assert_text("user.a.b", "{\"c\":[1,\"x\",null]}");
	assert_text("user.`a`.b.c", "[1,\"x\",null]");
	assert_text("user.\xC3\xA9", "\xF0\x9F\x98\x80\xEF\xBF\xBD");
	assert_text("loose.a", "[ 1 , \"x\" ,\t{ } ]");
	assert_text("loose.b + length(loose.a) + length(loose)", "7");
	assert_text("user.missing", NULL);
	assert_text("user.no", NULL);
	assert_text("method.x", NULL);
	assert_text("gone", NULL);
}

static void a_field_of_the_whole_name_wins_over_a_path(void **state)
{
	(void)state;
	assert_text("dotted.name", "flat");
	assert_text("dotted.other", "inside");
	assert_text("`dotted.name`", "flat");
	assert_text("`dotted.other`", NULL);
}

static void metadata_goes_by_its_names(void **state)
{
	char host[256];

	(void)state;
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_text("@timestamp", "2015-05-17T10:05:03Z");
	assert_text("@source", "/var/log/test.log");
	assert_text("@position + 0", "42");
	assert_text("@host", host);
	assert_text("@other", NULL);
}

static void strings_know_escapes_and_keep_those_they_do_not_know(void **state)
{
	(void)state;
	assert_text("'it\\'s'", "it's");
	assert_text("\"a\\\"b\\\\c\\td\"", "a\"b\\c\td");
	assert_text("'\\d\\.\\x41\\u00e9'", "\\d\\.A\xC3\xA9");
	assert_text("'\"'", "\"");
}

static void whole_numbers_stay_whole_while_they_can(void **state)
{
	(void)state;
	assert_text("1 + 2 * 3", "7");
	assert_text("(1 + 2) * 3", "9");
	assert_text("bytes * 2", "2468");
	assert_text("status - 1 - 1", "498");
	assert_text("-bytes", "-1234");
	assert_text("- - 5", "5");
	assert_text("6 / 3", "2");
	assert_text("7 / 2", "3.5");
	assert_text("-7 % 3", "-1");
	assert_text("7.5 % 2", "1.5");
	assert_text("took + 1", "1.25");
	assert_text("most + 1", "9.223372036854776e+18");
	assert_text("code * 2", "400");
}

static void what_has_no_result_is_null_or_absent(void **state)
{
	(void)state;
	assert_text("1 / 0", NULL);
	assert_text("1 % 0", NULL);
	assert_text("method * 2", NULL);
	assert_text("gone + 1", NULL);
	assert_text("nothing + 'x'", NULL);
	assert_truth("exists(gone)", 0);
	assert_truth("1e308 * 10 == null", 1);
}

static void plus_joins_when_one_side_is_a_string(void **state)
{
	(void)state;
	assert_text("'a' + 'b' + 'c'", "abc");
	assert_text("method + ' ' + status", "GET 500");
	assert_text("code + 1", "2001");
	assert_text("number(code) + 1", "201");
	assert_text("'' + took", "0.25");
}

static void functions_about_fields_and_values(void **state)
{
	(void)state;
	assert_truth("exists(method)", 1);
	assert_truth("exists(gone)", 0);
	assert_truth("exists(nothing)", 1);
	assert_truth("exists(user.a.b)", 1);
	assert_truth("exists(user.a.x)", 0);
	assert_text("coalesce(gone, nothing, method, 'x')", "GET");
	assert_text("coalesce(gone, nothing)", NULL);
	assert_text("number('12.50')", "12.5");
	assert_text("number(method)", NULL);
	assert_text("string(bytes) + '!'", "1234!");
	assert_text("string(ok)", "true");
	assert_text("hash('') == hash('')", "true");
	assert_text("hash('a') == hash('b')", "false");
}

static void functions_about_numbers(void **state)
{
	(void)state;
	assert_text("abs(-3)", "3");
	assert_text("abs(-3.5)", "3.5");
	assert_text("floor(2.7)", "2");
	assert_text("floor(-2.2)", "-3");
	assert_text("ceil(2.2)", "3");
	assert_text("round(2.5)", "3");
	assert_text("round(status)", "500");
	assert_text("floor(1e300)", "1e+300");
	assert_text("min(3, 1.5, code)", "1.5");
	assert_text("max(3, 1.5, code, method)", "200");
	assert_text("max(method)", NULL);
	assert_text("floor(method)", NULL);
}

static void functions_about_text(void **state)
{
	(void)state;
	assert_text("length('abc')", "3");
	assert_text("length(tags)", "4");
	assert_text("length(user)", "6");
	assert_text("length(gone)", NULL);
	assert_text("lower(method)", "get");
	assert_text("upper('aZ@[`{9')", "AZ@[`{9");
	assert_text("trim('  a b\\t\\n')", "a b");
	assert_text("trim('   ')", "");
	assert_truth("starts_with(agent, 'Moz')", 1);
	assert_truth("starts_with(agent, 'moz')", 0);
	assert_truth("ends_with(agent, '(X11)')", 1);
	assert_truth("ends_with('a', 'aa')", 0);
	assert_truth("contains(agent, '/5')", 1);
	assert_truth("contains(agent, '')", 1);
	assert_truth("contains(gone, '')", 0);
	assert_truth("contains(tags, 'red')", 1);
	assert_truth("contains(tags, 're')", 0);
}

static void substr_counts_from_both_ends_and_never_leaves_the_text(void **state)
{
	(void)state;
	assert_text("substr('abcdef', 2)", "cdef");
	assert_text("substr('abcdef', 2, 3)", "cde");
	assert_text("substr('abcdef', -2)", "ef");
	assert_text("substr('abcdef', 1, -1)", "bcde");
	assert_text("substr('abcdef', 99)", "");
	assert_text("substr('abcdef', -99, 2)", "ab");
	assert_text("substr('abcdef', 4, 1e18)", "ef");
	assert_text("substr(empty, 0)", "");
}

static void replace_changes_every_match(void **state)
{
	(void)state;
	assert_text("replace('a1b22c', '\\d+', '#')", "a#b#c");
	assert_text("replace('k=v', '(\\w)=(\\w)', '$2:$1 $0 $$ $9')", "v:k k=v $ ");
	assert_text("replace('abc', 'x*', '-')", "-a-b-c-");
	assert_text("replace('\xC3\xA9t', '\\p{L}', 'x')", "xx");
	assert_text("replace('\xC3\xA9t', '\\p{Nd}*', '-')", "-\xC3\xA9-t-");
	assert_text("replace(empty, 'x', 'y')", "");
	assert_text("replace(gone, 'x', 'y')", NULL);
	assert_text("replace(agent, '\\(.*', method)", "Mozilla/5.0 GET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_go_by_name_and_by_path),
		cmocka_unit_test(a_field_of_the_whole_name_wins_over_a_path),
		cmocka_unit_test(metadata_goes_by_its_names),
		cmocka_unit_test(strings_know_escapes_and_keep_those_they_do_not_know),
		cmocka_unit_test(whole_numbers_stay_whole_while_they_can),
		cmocka_unit_test(what_has_no_result_is_null_or_absent),
		cmocka_unit_test(plus_joins_when_one_side_is_a_string),
		cmocka_unit_test(functions_about_fields_and_values),
		cmocka_unit_test(functions_about_numbers),
		cmocka_unit_test(functions_about_text),
		cmocka_unit_test(substr_counts_from_both_ends_and_never_leaves_the_text),
		cmocka_unit_test(replace_changes_every_match),
	};

	return cmocka_run_group_tests_name("expr_value", tests, NULL, NULL);
}
