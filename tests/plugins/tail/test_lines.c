// SPDX-License-Identifier: MIT
/* The newline scan: the fast one must say what the plain one says, whatever the text. */
#include "cmocka_all.h"

#include "lines.h"

#define SIZE 4096

static void check(const uint8_t *text, uint32_t from, uint32_t size, uint32_t max)
{
	uint32_t fast[SIZE + 1], plain[SIZE + 1];
	uint32_t count = lines_find(text, from, size, fast, max);

	assert_int_equal(count, lines_find_scalar(text, from, size, plain, max));
	assert_memory_equal(fast, plain, count * sizeof(*fast));
}

static void every_start_and_size_gives_the_same(void **state)
{
	uint8_t *text = calloc(1, 256 + LINES_OVERREAD);

	(void)state;
	for (uint32_t i = 0; i < 256; i++)
		text[i] = i % 7 == 3 || i % 31 == 0 ? '\n' : 'x';
	for (uint32_t from = 0; from <= 256; from++)
		for (uint32_t size = from; size <= 256; size++)
			check(text, from, size, SIZE);
	free(text);
}

static void random_bytes_give_the_same(void **state)
{
	uint8_t *text = malloc(SIZE + LINES_OVERREAD);

	(void)state;
	srand(1);
	for (int round = 0; round < 200; round++) {
		int rare = 1 << round % 9;

		for (uint32_t i = 0; i < SIZE + LINES_OVERREAD; i++)
			text[i] = rand() % rare ? (uint8_t)rand() : '\n';
		check(text, 0, SIZE, SIZE);
		check(text, (uint32_t)rand() % SIZE, SIZE, (uint32_t)rand() % 64);
	}
	free(text);
}

static void newlines_beyond_the_size_are_not_reported(void **state)
{
	uint8_t text[64 + LINES_OVERREAD];
	uint32_t ends[4];

	(void)state;
	memset(text, '\n', sizeof(text));
	assert_int_equal(lines_find(text, 0, 3, ends, 4), 3);
	assert_int_equal(ends[2], 2);
	assert_int_equal(lines_find(text, 3, 3, ends, 4), 0);
}

static void a_run_of_nul_bytes_is_measured(void **state)
{
	uint8_t text[100] = {0};

	(void)state;
	assert_int_equal(lines_nul_run(text, 100), 100);
	for (size_t i = 100; i-- > 0;) {
		text[i] = 1;
		assert_int_equal(lines_nul_run(text, 100), i);
	}
	assert_int_equal(lines_nul_run(text, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_start_and_size_gives_the_same),
		cmocka_unit_test(random_bytes_give_the_same),
		cmocka_unit_test(newlines_beyond_the_size_are_not_reported),
		cmocka_unit_test(a_run_of_nul_bytes_is_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
