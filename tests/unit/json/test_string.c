// SPDX-License-Identifier: MIT
/* Strings and base64 as JSON: the rules of json.h, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch/json.h"
#include "batch/json_copy.h"

#define ASSERT_STRING(bytes, json) assert_string((bytes), sizeof(bytes) - 1, (json))

static void assert_string(const char *bytes, size_t size, const char *json)
{
	struct buffer out = {0};
	/* An exact copy, so that a read past the end shows under AddressSanitizer. */
	char *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	assert_int_equal(json_append_string(&out, (struct weir_slice){copy, size}), 0);
	assert_string_equal(buffer_cstr(&out), json);
	assert_int_equal(out.size, strlen(json));
	free(copy);
	buffer_done(&out);
}

static void plain_text_is_left_as_it_is(void **state)
{
	(void)state;
	ASSERT_STRING("", "\"\"");
	ASSERT_STRING("a", "\"a\"");
	ASSERT_STRING("GET /index.html?a=b&c=</d> HTTP/1.1",
		      "\"GET /index.html?a=b&c=</d> HTTP/1.1\"");
	ASSERT_STRING("del \x7f stays", "\"del \x7f stays\"");
}

static void quotes_backslashes_and_controls_are_escaped(void **state)
{
	(void)state;
	ASSERT_STRING("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
	ASSERT_STRING("\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"");
	ASSERT_STRING("\0\x01\x1f\x0b", "\"\\u0000\\u0001\\u001f\\u000b\"");
}

static void an_escape_is_found_at_every_place_of_a_long_text(void **state)
{
	char bytes[200], json[220];

	(void)state;
	for (size_t at = 0; at < sizeof(bytes); at++) {
		memset(bytes, 'x', sizeof(bytes));
		bytes[at] = '"';
		memset(json, 'x', sizeof(json));
		json[0] = '"';
		json[1 + at] = '\\';
		json[2 + at] = '"';
		json[sizeof(bytes) + 2] = '"';
		json[sizeof(bytes) + 3] = '\0';
		assert_string(bytes, sizeof(bytes), json);
	}
}

static void valid_utf8_is_left_as_it_is(void **state)
{
	(void)state;
	ASSERT_STRING("Gr\xC3\xBC\xC3\x9F"
		      "e \xE2\x82\xAC \xF0\x9F\x98\x80",
		      "\"Gr\xC3\xBC\xC3\x9F"
		      "e \xE2\x82\xAC \xF0\x9F\x98\x80\"");
	ASSERT_STRING("\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80",
		      "\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80\"");
}

/* The examples of tables 3-8 to 3-11 of the Unicode standard. */
static void each_maximal_ill_formed_subpart_becomes_one_replacement(void **state)
{
#define R "\xEF\xBF\xBD"
	(void)state;
	ASSERT_STRING("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "\"" R R R R R R R R "A\"");
	ASSERT_STRING("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "\"" R R R R R R R R "A\"");
	ASSERT_STRING("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "\"" R R R R R "A" R R "B\"");
	ASSERT_STRING("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\"" R R R R "A\"");
	ASSERT_STRING("cut \xE2\x82", "\"cut " R "\"");
	ASSERT_STRING("cut \xF0", "\"cut " R "\"");
#undef R
}

static void a_text_of_escapes_only_grows_six_times(void **state)
{
	struct buffer out = {0};
	char *bytes = calloc(1, 100000);

	(void)state;
	assert_int_equal(json_append_string(&out, (struct weir_slice){bytes, 100000}), 0);
	assert_int_equal(out.size, 600002);
	assert_memory_equal(out.data + 599994, "0\\u0000\"", 8);
	free(bytes);
	buffer_done(&out);
}

static void every_way_of_copying_finds_the_same_clean_prefix(void **state)
{
	char from[256 + 2 * JSON_COPY_SLACK], a[sizeof(from)], b[sizeof(from)], c[sizeof(from)];

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t size = (size_t)rand() % 257;
		size_t scalar;

		for (size_t i = 0; i < sizeof(from); i++)
			from[i] = (char)(rand() % 64 ? 0x20 + rand() % 0x5f : rand());
		scalar = json_copy_scalar(a, from, size);
		assert_int_equal(json_copy_padded(b, from, size), scalar);
		assert_int_equal(json_copy_exact(c, from, size), scalar);
		assert_memory_equal(a, from, scalar);
		assert_memory_equal(b, from, scalar);
		assert_memory_equal(c, from, scalar);
		if (scalar < size)
			assert_true(strchr("\"\\", from[scalar]) || from[scalar] < 0x20);
		for (size_t i = 0; i < scalar; i++)
			assert_true(from[i] >= 0x20 && from[i] != '"' && from[i] != '\\');
	}
}

static void validity_agrees_with_what_encoding_repairs(void **state)
{
	char bytes[40];

	(void)state;
	srand(2);
	for (int round = 0; round < 50000; round++) {
		struct weir_slice text = {bytes, (size_t)rand() % sizeof(bytes)};
		struct buffer out = {0};

		for (size_t i = 0; i < text.size; i++)
			bytes[i] =
				"aaaaaaaa\xC3\xBC\xE2\x82\xAC\xED\x9F\xF0\x9F\x98\x80"[rand() % 19];
		assert_int_equal(json_append_string(&out, text), 0);
		assert_int_equal(utf8_valid(text),
				 strstr(buffer_cstr(&out), "\xEF\xBF\xBD") == NULL);
		buffer_done(&out);
	}
}

static void assert_base64(const char *bytes, const char *json)
{
	struct buffer out = {0};

	assert_int_equal(json_append_base64(&out, weir_slice_of(bytes)), 0);
	assert_string_equal(buffer_cstr(&out), json);
	buffer_done(&out);
}

/* RFC 4648, section 10. */
static void bytes_become_base64(void **state)
{
	(void)state;
	assert_base64("", "\"\"");
	assert_base64("f", "\"Zg==\"");
	assert_base64("fo", "\"Zm8=\"");
	assert_base64("foo", "\"Zm9v\"");
	assert_base64("foob", "\"Zm9vYg==\"");
	assert_base64("fooba", "\"Zm9vYmE=\"");
	assert_base64("foobar", "\"Zm9vYmFy\"");
	assert_base64("\xff\xfe\xfb", "\"//77\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_is_left_as_it_is),
		cmocka_unit_test(quotes_backslashes_and_controls_are_escaped),
		cmocka_unit_test(an_escape_is_found_at_every_place_of_a_long_text),
		cmocka_unit_test(valid_utf8_is_left_as_it_is),
		cmocka_unit_test(each_maximal_ill_formed_subpart_becomes_one_replacement),
		cmocka_unit_test(a_text_of_escapes_only_grows_six_times),
		cmocka_unit_test(every_way_of_copying_finds_the_same_clean_prefix),
		cmocka_unit_test(validity_agrees_with_what_encoding_repairs),
		cmocka_unit_test(bytes_become_base64),
	};

	return cmocka_run_group_tests_name("json_string", tests, NULL, NULL);
}
