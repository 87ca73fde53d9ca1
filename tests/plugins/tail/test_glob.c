// SPDX-License-Identifier: MIT
/* Patterns of paths, checked against the C library's fnmatch() where the two mean the same. */
#include "cmocka_all.h"

#include <fnmatch.h>

#include "glob.h"

static int matches(const char *pattern, const char *path)
{
	struct glob_list list = {0};
	struct weir_error error = {0};
	int found;

	assert_int_equal(glob_add(&list, pattern, 1, &error), 0);
	found = glob_list_match(&list, path);
	glob_list_done(&list);
	return found;
}

static void components_match_as_fnmatch_says(void **state)
{
	static const char *const parts[] = {"*",      "?",     "a*",   "*a",    "a*b*c",
					    "[a-c]x", "[!a]b", "[]x]", "a?c",   "**a",
					    "*.log",  ".*",    "[a",   "\\*",   "a[b-]c",
					    "*a*b",   "abc",   "???",  "[^b]b", "x[a-c]*"};
	static const char *const names[] = {"a",   "b",  "ax",    "ab",   "abc", "aXbYc", "]",
					    "x",   ".a", "a.log", ".log", "*",   "[a",    "a-c",
					    "xyz", "cb", "xa1",   "aabb", "-"};

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			int want = fnmatch(parts[i], names[k], FNM_PERIOD) == 0;

			if (glob_part_match(parts[i], names[k]) != want)
				fail_msg("`%s` against `%s` should be %d", parts[i], names[k],
					 want);
		}
}

static void stars_stay_within_a_component(void **state)
{
	(void)state;
	assert_true(matches("/var/log/*.log", "/var/log/a.log"));
	assert_false(matches("/var/log/*.log", "/var/log/x/a.log"));
	assert_false(matches("/var/*/a.log", "/var/a.log"));
	assert_true(matches("/var/*/a.log", "/var/x/a.log"));
}

static void two_stars_stand_for_any_folders(void **state)
{
	(void)state;
	assert_true(matches("/a/**/x", "/a/x"));
	assert_true(matches("/a/**/x", "/a/b/c/x"));
	assert_true(matches("/a/**/b/**/x", "/a/q/b/r/b/x"));
	assert_false(matches("/a/**/x", "/a/b/.hidden/x"));
	assert_false(matches("/a/**/x", "/b/x"));
	assert_true(matches("/a/**", "/a/b/c"));
	assert_true(matches("/**/x", "/x"));
	assert_false(matches("/a/**/x", "/a/b/xy"));
}

static void braces_are_alternatives(void **state)
{
	(void)state;
	assert_true(matches("/l/{a,b{c,d}}.log", "/l/a.log"));
	assert_true(matches("/l/{a,b{c,d}}.log", "/l/bd.log"));
	assert_false(matches("/l/{a,b{c,d}}.log", "/l/b.log"));
	assert_true(matches("/l/{a.log", "/l/{a.log"));
}

static void a_pattern_without_a_slash_is_a_name(void **state)
{
	(void)state;
	assert_true(matches("*.tmp", "/any/where/x.tmp"));
	assert_false(matches("*.tmp", "/any/x.tmp/y"));
}

static void a_hostile_pattern_ends_soon(void **state)
{
	char pattern[256] = "/", name[256] = "/";

	(void)state;
	for (int i = 0; i < 80; i++)
		strcat(pattern, "a*");
	memset(name + 1, 'a', 200);
	name[201] = 'b';
	name[202] = 0;
	strcat(pattern, "c");
	assert_false(matches(pattern, name));
}

static void a_pattern_that_names_nothing_is_refused(void **state)
{
	struct glob_list list = {0};
	struct weir_error error = {0};

	(void)state;
	assert_int_equal(glob_add(&list, "/", 0, &error), WEIR_ERR_INVALID);
	assert_non_null(strstr(error.text, "names no file"));
	glob_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(components_match_as_fnmatch_says),
		cmocka_unit_test(stars_stay_within_a_component),
		cmocka_unit_test(two_stars_stand_for_any_folders),
		cmocka_unit_test(braces_are_alternatives),
		cmocka_unit_test(a_pattern_without_a_slash_is_a_name),
		cmocka_unit_test(a_hostile_pattern_ends_soon),
		cmocka_unit_test(a_pattern_that_names_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
