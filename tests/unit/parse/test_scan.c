// SPDX-License-Identifier: MIT
/* The fast scans of a line and the portable one give the same answer, and the right one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "scan.h"

#define PADDING 64

/* What a byte loop finds. */
static void check(const char *text, uint32_t size, const struct scan *scan)
{
	uint32_t quotes = 0, special = 0;

	for (uint32_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		special |= c < 0x20 || c > 0x7f || c == '\\';
		if (c == '"' && quotes++ < SCAN_QUOTES)
			assert_int_equal(scan->quotes[quotes - 1], i);
		if (i < 64 * SCAN_WORDS && quotes <= SCAN_QUOTES)
			assert_int_equal(scan->spaces[i / 64] >> (i % 64) & 1, c == ' ');
	}
	assert_int_equal(scan->special, special || quotes > SCAN_QUOTES);
	if (quotes <= SCAN_QUOTES)
		assert_int_equal(scan->quote_count, quotes);
}

static void random_line(char *text, uint32_t size)
{
	static const char rare[] = "\\\n\x1f\x80\xff\x7f\t";

	for (uint32_t i = 0; i < size; i++) {
		int choice = rand() % 400;

		text[i] = choice == 0 && rand() % 4 == 0 ? rare[rand() % 7]
			  : choice < 8                   ? '"'
			  : choice < 60                  ? ' '
							 : (char)('!' + rand() % 60);
		if (text[i] == '\\' && rand() % 8)
			text[i] = 'a';
	}
	memset(text + size, '"', PADDING); /* what follows a line must not count */
}

static void all_scans_find_what_a_byte_loop_finds(void **state)
{
	static char text[3000 + PADDING];
	scan_function scans[SCAN_FUNCTIONS_MAX];
	uint32_t count = scan_all(scans);

	(void)state;
	assert_ptr_equal(scans[0], scan_portable);
	assert_ptr_equal(scans[count - 1], scan_best());
	srand(7);
	for (int round = 0; round < 20000; round++) {
		uint32_t size = (uint32_t)(rand() % (round % 10 ? 300 : 3000));

		random_line(text, size);
		for (uint32_t i = 0; i < count; i++) {
			struct scan scan;

			memset(&scan, 0xee, sizeof(scan));
			scans[i](text, size, &scan);
			check(text, size, &scan);
		}
	}
}

static void check_spaces(const struct scan *scan, const char *text, uint32_t size)
{
	for (uint32_t from = 0; from <= size; from += 1 + (uint32_t)(rand() % 5)) {
		uint32_t end = rand() % 4 ? size : from + (uint32_t)rand() % (size - from + 1);
		const char *space = memchr(text + from, ' ', end - from);

		assert_int_equal(scan_space(scan, text, from, end),
				 space ? (uint32_t)(space - text) : end);
	}
}

static void the_next_space_is_found_in_lines_of_every_length(void **state)
{
	static char text[3000 + PADDING];
	scan_function scans[SCAN_FUNCTIONS_MAX];
	uint32_t count = scan_all(scans);

	(void)state;
	srand(8);
	for (int round = 0; round < 300; round++) {
		uint32_t size = 1 + (uint32_t)(rand() % 3000);

		random_line(text, size);
		for (uint32_t i = 0; i < size; i++)
			text[i] = text[i] == '"' || rand() % 3 ? 'x' : text[i];
		for (uint32_t i = 0; i < count; i++) {
			struct scan scan;

			memset(&scan, 0xee, sizeof(scan));
			scans[i](text, size, &scan);
			check_spaces(&scan, text, size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_scans_find_what_a_byte_loop_finds),
		cmocka_unit_test(the_next_space_is_found_in_lines_of_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
