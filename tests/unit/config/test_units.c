// SPDX-License-Identifier: MIT
/* Sizes and durations as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/units.h"

static int64_t size_of(const char *text)
{
	int64_t value = -1;

	return units_read_size(weir_slice_of(text), &value) ? -1 : value;
}

static int64_t duration_of(const char *text)
{
	int64_t value = -1;

	return units_read_duration(weir_slice_of(text), &value) ? -1 : value;
}

static void sizes_have_units_of_two_and_of_ten(void **state)
{
	(void)state;
	assert_int_equal(size_of("0"), 0);
	assert_int_equal(size_of("512"), 512);
	assert_int_equal(size_of("1B"), 1);
	assert_int_equal(size_of("64KiB"), 65536);
	assert_int_equal(size_of("64 KiB"), 65536);
	assert_int_equal(size_of("5MiB"), 5242880);
	assert_int_equal(size_of("2GiB"), 2147483648);
	assert_int_equal(size_of("1KB"), 1000);
	assert_int_equal(size_of("5MB"), 5000000);
	assert_int_equal(size_of("2GB"), 2000000000);
}

static void durations_have_units_from_ns_to_d(void **state)
{
	(void)state;
	assert_int_equal(duration_of("0"), 0);
	assert_int_equal(duration_of("7ns"), 7);
	assert_int_equal(duration_of("7us"), 7000);
	assert_int_equal(duration_of("200ms"), 200000000);
	assert_int_equal(duration_of("5s"), 5000000000);
	assert_int_equal(duration_of("10m"), 600000000000);
	assert_int_equal(duration_of("1h"), 3600000000000);
	assert_int_equal(duration_of("30d"), 2592000000000000);
}

static void a_size_for_people_is_rounded(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {{0, "0 B"},
		     {1023, "1023 B"},
		     {1024, "1.0 KiB"},
		     {4856, "4.7 KiB"},
		     {204800, "200 KiB"},
		     {20028000, "19.1 MiB"},
		     {INT64_MAX, "8192 PiB"}};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		units_round_size(cases[i].bytes, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void a_duration_without_unit_is_refused(void **state)
{
	(void)state;
	assert_int_equal(duration_of("5"), -1);
}

static void what_is_no_size_is_refused(void **state)
{
	static const char *const wrong[] = {"",    "MiB",  "-1", "1.5MiB", "64kib",
					    "64K", "0x10", " 5", "5MiB ",  "5 Mi B"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(size_of(wrong[i]), -1);
}

static void a_size_beyond_64_bits_is_refused(void **state)
{
	(void)state;
	assert_int_equal(size_of("9223372036854775807"), INT64_MAX);
	assert_int_equal(size_of("9223372036854775808"), -1);
	assert_int_equal(size_of("99999999999GiB"), -1);
	assert_int_equal(duration_of("999999999d"), -1);
}

static void a_printed_value_reads_back_the_same(void **state)
{
	static const int64_t values[] = {0, 1, 1000, 1024, 1025, 5000000, 5242880, INT64_MAX};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		units_print_size(values[i], text, sizeof(text));
		assert_int_equal(size_of(text), values[i]);
		units_print_duration(values[i], text, sizeof(text));
		assert_int_equal(duration_of(text), values[i]);
	}
	units_print_size(INT64_C(64) << 20, text, sizeof(text));
	assert_string_equal(text, "64MiB");
	units_print_duration(INT64_C(1500000000), text, sizeof(text));
	assert_string_equal(text, "1500ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_units_of_two_and_of_ten),
		cmocka_unit_test(durations_have_units_from_ns_to_d),
		cmocka_unit_test(a_size_for_people_is_rounded),
		cmocka_unit_test(a_duration_without_unit_is_refused),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(a_size_beyond_64_bits_is_refused),
		cmocka_unit_test(a_printed_value_reads_back_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
