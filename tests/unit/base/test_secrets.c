// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/secrets.h"

static const char *masked(const char *text)
{
	static char copy[512];

	(void)snprintf(copy, sizeof(copy), "%s", text);
	secrets_mask(copy, strlen(copy));
	return copy;
}

static const char *masked_line(const char *text)
{
	static char copy[512];

	(void)snprintf(copy, sizeof(copy), "%s", text);
	secrets_mask_line(copy);
	return copy;
}

static void what_was_added_is_masked_wherever_it_stands(void **state)
{
	(void)state;
	secrets_add(NULL, weir_slice_of("tiger-lily"));
	assert_string_equal(masked("a tiger-lily, tiger-lily"), "a **********, **********");
	assert_string_equal(masked("a tiger-lil"), "a tiger-lil");
	assert_string_equal(masked(""), "");
}

static void short_texts_are_left_alone(void **state)
{
	(void)state;
	secrets_add(NULL, weir_slice_of("admin"));
	secrets_add(NULL, weir_slice_of(""));
	assert_string_equal(masked("admin"), "admin");
}

static void secrets_that_overlap_are_masked_whole(void **state)
{
	(void)state;
	secrets_add(NULL, weir_slice_of("overlapping"));
	secrets_add(NULL, weir_slice_of("lapping-waves"));
	secrets_add(NULL, weir_slice_of("lapping"));
	secrets_add(NULL, weir_slice_of("wawawawa"));
	assert_string_equal(masked("an overlapping-waves."), "an *****************.");
	assert_string_equal(masked("lapping overlap lapping-w"), "******* overlap *******-w");
	assert_string_equal(masked("wawawawawaw"), "**********w");
}

static const char *numbered(const char *format, unsigned number)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), format, number);
	return text;
}

static int is_masked(const char *text)
{
	return strspn(masked(text), "*") == strlen(text);
}

static void none_in_use_is_forgotten_however_many_there_are(void **state)
{
	struct secrets holder = {NULL, 0};

	(void)state;
	for (unsigned i = 0; i < 3 * SECRETS_PAST; i++)
		secrets_add(&holder, weir_slice_of(numbered("%05u in use", i)));
	for (unsigned i = 0; i < 3 * SECRETS_PAST; i++)
		assert_true(is_masked(numbered("%05u in use", i)));
	secrets_drop(&holder);
}

/* As configurations come and go: each has what never changes, and the token of its hour. They all begin
 * alike, as session tokens do. */
static void of_those_that_change_the_oldest_go_first(void **state)
{
	const unsigned hours = 2 * SECRETS_PAST;
	struct secrets before = {NULL, 0}, first = {NULL, 0};

	(void)state;
	secrets_add(NULL, weir_slice_of("of the process"));
	secrets_add(&first, weir_slice_of("of a pipeline that stays"));
	for (unsigned i = 0; i < hours; i++) {
		struct secrets now = {NULL, 0};

		secrets_add(&now, weir_slice_of("a password"));
		secrets_add(&now, weir_slice_of(numbered("token of hour %u.", i)));
		secrets_drop(&before);
		before = now;
	}
	assert_true(is_masked("of the process"));
	assert_true(is_masked("of a pipeline that stays"));
	assert_true(is_masked("a password"));
	assert_true(is_masked(numbered("token of hour %u.", hours - 1)));
	assert_true(is_masked(numbered("token of hour %u.", hours - 1 - SECRETS_PAST)));
	assert_false(is_masked(numbered("token of hour %u.", hours - 2 - SECRETS_PAST)));
	assert_false(is_masked(numbered("token of hour %u.", 0)));
	secrets_drop(&before);
	secrets_drop(&first);
}

static void one_that_is_used_again_is_not_the_next_to_go(void **state)
{
	struct secrets holder = {NULL, 0}, others = {NULL, 0};

	(void)state;
	secrets_add(&holder, weir_slice_of("back and forth"));
	secrets_drop(&holder);
	secrets_add(&holder, weir_slice_of("back and forth"));
	for (unsigned i = 0; i < 2 * SECRETS_PAST; i++)
		secrets_add(&others, weir_slice_of(numbered("%05u of others", i)));
	secrets_drop(&others);
	assert_true(is_masked("back and forth"));
	secrets_drop(&holder);
	assert_true(is_masked("back and forth"));
}

static void the_password_of_a_url_is_one_in_every_form(void **state)
{
	(void)state;
	secrets_add_url(NULL,
			weir_slice_of("https://u:p%2Fq%20rs@h:1/x?api_key=k1k2k3&page=12345"));
	assert_string_equal(masked("p%2Fq%20rs p/q rs"), "********** ******");
	assert_string_equal(masked("dTpwL3EgcnM="), "************"); /* u:p/q rs */
	assert_string_equal(masked("api_key=k1k2k3&page=12345"), "api_key=******&page=12345");
	secrets_add_url(NULL, weir_slice_of("https://token%31@h/"));
	assert_string_equal(masked("dG9rZW4xOg=="), "************"); /* token1: */
	secrets_add_url(NULL, weir_slice_of("no url: at all"));
	secrets_add_url(NULL, weir_slice_of("://"));
	secrets_add_url(NULL, weir_slice_of("https://h/user@example.com"));
	assert_string_equal(masked("user@example.com no url"), "user@example.com no url");
}

static void names_are_told_by_their_words(void **state)
{
	static const char *const secret[] = {
		"bearer_token",          "X-Api-Key",     "apikey",   "API_KEY",
		"AWS_SECRET_ACCESS_KEY", "Authorization", "password", "Set-Cookie",
		"session_token",         "PGPASSWORD"};
	static const char *const open[] = {"",
					   "stream",
					   "partition_key",
					   "access_key_id",
					   "AWS_SHARED_CREDENTIALS_FILE",
					   "key",
					   "url",
					   "AWS_CONTAINER_CREDENTIALS_FULL_URI",
					   "tokn"};

	(void)state;
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		assert_true(secrets_is_name(weir_slice_of(secret[i])));
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		assert_false(secrets_is_name(weir_slice_of(open[i])));
}

static void a_line_is_masked_by_its_keys(void **state)
{
	static const struct {
		const char *line, *shown;
	} cases[] = {
		{"  password: hunter two", "  password: **********"},
		{"{ token: abc, x: 1 }", "{ token: ***, x: 1 }"},
		{"{ token: \"a, b\", x: 1 }", "{ token: \"****\", x: 1 }"},
		{"\"X-Api-Key\": 'a'", "\"X-Api-Key\": '*'"},
		{"token: [ \"a\", b ], x: 1", "token: [********], x: 1"},
		{"token: \"never closed", "token: \"************"},
		{"token: ${TOKEN}, x: 1", "token: ${TOKEN}, x: 1"},
		{"token: \"${TOKEN}\"", "token: \"${TOKEN}\""},
		{"token: { a: 1 }", "token: { a: 1 }"},
		{"token:", "token:"},
		{"password: p,q}r", "password: *****"},
		{"[{ password: p }, q]", "[{ password: * }, q]"},
		{"password: \"p\\\"q\"", "password: \"****\""},
		{"password: \"p\\\\\" # q", "password: \"***\" # q"},
		{"password: 'p''q'", "password: '****'"},
		{"{ token: [ \"p]q\" ], x: 1 }", "{ token: [*******], x: 1 }"},
		{"url: http://u:pw@h/?token=t&x=y", "url: http://u:**@h/?token=*&x=y"},
		{"url: 'http://only@h/'", "url: 'http://****@h/'"},
		{"partition_key: user", "partition_key: user"},
		{"", ""},
		{":", ":"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(masked_line(cases[i].line), cases[i].shown);
}

static void variables_are_taken_by_their_names(void **state)
{
	(void)state;
	assert_int_equal(setenv("WEIR_TEST_TOKEN", "from-the-environment", 1), 0);
	assert_int_equal(setenv("WEIR_TEST_TOKEN_FILE", "/not/a/secret", 1), 0);
	secrets_add_environment();
	assert_string_equal(masked("from-the-environment /not/a/secret"),
			    "******************** /not/a/secret");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_masked_wherever_it_stands),
		cmocka_unit_test(short_texts_are_left_alone),
		cmocka_unit_test(secrets_that_overlap_are_masked_whole),
		cmocka_unit_test(none_in_use_is_forgotten_however_many_there_are),
		cmocka_unit_test(of_those_that_change_the_oldest_go_first),
		cmocka_unit_test(one_that_is_used_again_is_not_the_next_to_go),
		cmocka_unit_test(the_password_of_a_url_is_one_in_every_form),
		cmocka_unit_test(names_are_told_by_their_words),
		cmocka_unit_test(a_line_is_masked_by_its_keys),
		cmocka_unit_test(variables_are_taken_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
