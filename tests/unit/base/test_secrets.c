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
	secrets_add(weir_slice_of("tiger-lily"));
	assert_string_equal(masked("a tiger-lily, tiger-lily"), "a **********, **********");
	assert_string_equal(masked("a tiger-lil"), "a tiger-lil");
	assert_string_equal(masked(""), "");
}

static void short_texts_are_left_alone(void **state)
{
	(void)state;
	secrets_add(weir_slice_of("admin"));
	secrets_add(weir_slice_of(""));
	assert_string_equal(masked("admin"), "admin");
}

static void the_password_of_a_url_is_one_in_every_form(void **state)
{
	(void)state;
	secrets_add_url(weir_slice_of("https://u:p%2Fq%20rs@h:1/x?api_key=k1k2k3&page=12345"));
	assert_string_equal(masked("p%2Fq%20rs p/q rs"), "********** ******");
	assert_string_equal(masked("dTpwL3EgcnM="), "************"); /* u:p/q rs */
	assert_string_equal(masked("api_key=k1k2k3&page=12345"), "api_key=******&page=12345");
	secrets_add_url(weir_slice_of("no url: at all"));
	secrets_add_url(weir_slice_of("://"));
	secrets_add_url(weir_slice_of("https://h/user@example.com"));
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
		cmocka_unit_test(the_password_of_a_url_is_one_in_every_form),
		cmocka_unit_test(names_are_told_by_their_words),
		cmocka_unit_test(a_line_is_masked_by_its_keys),
		cmocka_unit_test(variables_are_taken_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
