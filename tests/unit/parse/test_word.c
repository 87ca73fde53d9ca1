// SPDX-License-Identifier: MIT
/* Eight bytes at once say the same as a loop over them with the C library's isdigit and isalpha. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>

#include "number.h"
#include "word.h"
#include <weir/value.h>

static void check(const char *text, uint32_t size)
{
	uint32_t digits = 0, letters = 0;

	for (uint32_t i = 0; i < size; i++) {
		digits += isdigit((unsigned char)text[i]) != 0;
		letters += isalpha((unsigned char)text[i]) != 0;
	}
	assert_int_equal(word_is_digits(text, size), digits == size);
	assert_int_equal(word_is_letters(text, size), letters == size);
	assert_int_equal(number_is_short(text, size),
			 digits == size && number_tag(text, size) == WEIR_INT);
	assert_int_equal(number_is_short_double(text, size),
			 digits == size - 1 && memchr(text, '.', size) &&
				 number_tag(text, size) == WEIR_DOUBLE);
}

static void every_byte_at_every_place_is_told_apart(void **state)
{
	static const char *const texts[] = {"12345678", "aZzAmnop", "07770000",
					    "12.45678", "0.123456", "123456.8"};
	char text[WORD_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (uint32_t at = 0; at < WORD_BYTES; at++)
			for (int byte = 0; byte < 256; byte++) {
				memcpy(text, texts[i], sizeof(text));
				text[at] = (char)byte;
				for (uint32_t size = 1; size <= WORD_BYTES; size++)
					check(text, size);
			}
}

static void any_eight_bytes_are_told_apart(void **state)
{
	static const char often[] = "0099azAZ../:@[`{\x7f\x80\xff-_";
	char text[WORD_BYTES];

	(void)state;
	srand(3);
	for (int round = 0; round < 300000; round++) {
		int kind = rand() % 4;

		for (uint32_t i = 0; i < WORD_BYTES; i++)
			text[i] = rand() % 9 == 0 ? often[(size_t)rand() % (sizeof(often) - 1)]
				  : kind == 0     ? (char)('0' + rand() % 10)
				  : kind == 1     ? (char)('a' + rand() % 26)
				  : kind == 2     ? (char)('A' + rand() % 26)
						  : (char)rand();
		check(text, 1 + (uint32_t)rand() % WORD_BYTES);
	}
}

static void nothing_and_long_numbers_are_not_short(void **state)
{
	(void)state;
	assert_false(number_is_short("12345678", 0));
	assert_false(number_is_short("123456789", 9));
	assert_true(number_is_short("0,123456", 1));
	assert_true(number_is_short_double("0.5,3456", 3));
	assert_false(number_is_short_double("1234567.89", 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_at_every_place_is_told_apart),
		cmocka_unit_test(any_eight_bytes_are_told_apart),
		cmocka_unit_test(nothing_and_long_numbers_are_not_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
