// SPDX-License-Identifier: MIT
/* UTF-16, checked against iconv. */
#include "cmocka_all.h"

#include <iconv.h>

#include "encoding.h"
#include "options.h"

static void every_character_is_converted_as_iconv_does(void **state)
{
	static const char *const names[] = {"UTF-16LE", "UTF-16BE"};

	(void)state;
	for (int big = 0; big < 2; big++) {
		iconv_t to = iconv_open("UTF-8", names[big]);
		iconv_t from = iconv_open(names[big], "UTF-32LE");

		for (uint32_t code = 1; code < 0x110000; code += code < 0x3000 ? 1 : 37) {
			char raw[4], want[8];
			uint8_t got[3 * 2];
			char *in = (char *)&code, *out = raw;
			size_t in_size = 4, out_size = sizeof(raw);
			uint32_t raw_size, used, size;

			if (code >= 0xd800 && code < 0xe000)
				continue;
			assert_int_equal(iconv(from, &in, &in_size, &out, &out_size), 0);
			raw_size = (uint32_t)(sizeof(raw) - out_size);
			in = raw;
			in_size = raw_size;
			out = want;
			out_size = sizeof(want);
			assert_int_equal(iconv(to, &in, &in_size, &out, &out_size), 0);
			size = encoding_from_utf16((uint8_t *)raw, raw_size, big, 1, got, &used);
			assert_int_equal(used, raw_size);
			assert_int_equal(size, sizeof(want) - out_size);
			assert_memory_equal(got, want, size);
			assert_int_equal(encoding_utf16_size(got, size), raw_size);
		}
		iconv_close(to);
		iconv_close(from);
	}
}

static void lone_surrogates_keep_their_size(void **state)
{
	static const uint8_t raw[] = {0x00, 0xd8, 'a', 0, 0x00, 0xdc, 0x00, 0xd8};
	uint8_t text[12];
	uint32_t used, size;

	(void)state;
	size = encoding_from_utf16(raw, sizeof(raw), 0, 1, text, &used);
	assert_int_equal(used, sizeof(raw));
	assert_int_equal(size, 10);
	assert_memory_equal(text,
			    "\xef\xbf\xbd"
			    "a\xef\xbf\xbd\xef\xbf\xbd",
			    10);
	assert_int_equal(encoding_utf16_size(text, size), sizeof(raw));
}

static void half_a_pair_waits_for_its_other_half(void **state)
{
	static const uint8_t raw[] = {'a', 0, 0x3d, 0xd8, 0x00};
	uint8_t text[8];
	uint32_t used;

	(void)state;
	assert_int_equal(encoding_from_utf16(raw, 5, 0, 0, text, &used), 1);
	assert_int_equal(used, 2);
}

static void byte_order_marks_are_known(void **state)
{
	uint32_t size;

	(void)state;
	assert_int_equal(encoding_of_mark((const uint8_t *)"\xef\xbb\xbfx", 4, &size),
			 ENCODING_UTF8);
	assert_int_equal(size, 3);
	assert_int_equal(encoding_of_mark((const uint8_t *)"\xff\xfex", 3, &size),
			 ENCODING_UTF16LE);
	assert_int_equal(encoding_of_mark((const uint8_t *)"\xfe\xff", 2, &size), ENCODING_UTF16BE);
	assert_int_equal(size, 2);
	assert_int_equal(encoding_of_mark((const uint8_t *)"abc", 3, &size), -1);
	assert_int_equal(size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_converted_as_iconv_does),
		cmocka_unit_test(lone_surrogates_keep_their_size),
		cmocka_unit_test(half_a_pair_waits_for_its_other_half),
		cmocka_unit_test(byte_order_marks_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
