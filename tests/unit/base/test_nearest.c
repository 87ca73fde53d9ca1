// SPDX-License-Identifier: MIT
/* The nearest right word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"

static const char *nearest_of(const char *found)
{
	static const char *const words[] = {"paths", "start", "exclude", "max_line",
					    "connect_timeout"};
	struct nearest nearest = nearest_to(weir_slice_of(found));

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_offer(&nearest, weir_slice_of(words[i]));
	return nearest.best.size ? nearest.best.data : "";
}

static void a_letter_more_less_other_or_swapped_is_near(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("pathss"), "paths");
	assert_string_equal(nearest_of("path"), "paths");
	assert_string_equal(nearest_of("pathz"), "paths");
	assert_string_equal(nearest_of("sattr"), "start");
	assert_string_equal(nearest_of("exlcude"), "exclude");
}

static void case_and_dashes_do_not_count(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("Max-Line"), "max_line");
}

static void a_whole_part_of_a_long_word_is_near(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("timeout"), "connect_timeout");
}

static void a_word_far_from_all_has_no_nearest(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("colour"), "");
	assert_string_equal(nearest_of(""), "");
	assert_string_equal(nearest_of("x"), "");
}

static void a_very_long_word_is_left_alone(void **state)
{
	char word[200];

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_string_equal(nearest_of(word), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_more_less_other_or_swapped_is_near),
		cmocka_unit_test(case_and_dashes_do_not_count),
		cmocka_unit_test(a_whole_part_of_a_long_word_is_near),
		cmocka_unit_test(a_word_far_from_all_has_no_nearest),
		cmocka_unit_test(a_very_long_word_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
