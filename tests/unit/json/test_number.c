// SPDX-License-Identifier: MIT
/* Numbers and times as text, compared with strtod() and gmtime_r(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "batch/json_number.h"

static const char *double_text(double value)
{
	static char text[NUMBER_DOUBLE_MAX + 1];

	*number_append_double(text, value) = '\0';
	return text;
}

static const char *timestamp_text(int64_t ns)
{
	static char text[NUMBER_TIMESTAMP_MAX + 1];

	*number_append_timestamp(text, ns) = '\0';
	return text;
}

static const char *int_text(int64_t value)
{
	static char text[NUMBER_INT_MAX + 1];

	*number_append_int(text, value) = '\0';
	return text;
}

static void integers_print_to_both_ends_of_their_range(void **state)
{
	(void)state;
	assert_string_equal(int_text(0), "0");
	assert_string_equal(int_text(-1), "-1");
	assert_string_equal(int_text(INT64_MAX), "9223372036854775807");
	assert_string_equal(int_text(INT64_MIN), "-9223372036854775808");
}

static void doubles_print_in_the_shortest_form_that_reads_back(void **state)
{
	(void)state;
	assert_string_equal(double_text(0.1), "0.1");
	assert_string_equal(double_text(0.1 + 0.2), "0.30000000000000004");
	assert_string_equal(double_text(123456.789), "123456.789");
	assert_string_equal(double_text(1.7976931348623157e308), "1.7976931348623157e+308");
	assert_string_equal(double_text(5e-324), "5e-324");
}

static void whole_doubles_keep_a_point(void **state)
{
	(void)state;
	assert_string_equal(double_text(5), "5.0");
	assert_string_equal(double_text(-0.0), "-0.0");
	assert_string_equal(double_text(1e300), "1e+300");
}

static void what_is_not_finite_is_null(void **state)
{
	(void)state;
	assert_string_equal(double_text(1.0 / 0.0), "null");
	assert_string_equal(double_text(0.0 / 0.0), "null");
}

static uint64_t random_bits(void)
{
	return (uint64_t)rand() << 62 ^ (uint64_t)rand() << 31 ^ (uint64_t)rand();
}

static void random_doubles_read_back_the_same(void **state)
{
	(void)state;
	srand(3);
	for (int round = 0; round < 100000; round++) {
		uint64_t bits = random_bits();
		double value;

		memcpy(&value, &bits, sizeof(value));
		if (value != value || value - value != 0)
			continue;
		assert_true(strtod(double_text(value), NULL) == value);
	}
}

static void a_fraction_has_three_six_or_nine_digits_or_is_left_out(void **state)
{
	(void)state;
	assert_string_equal(timestamp_text(1431857103 * INT64_C(1000000000)),
			    "2015-05-17T10:05:03Z");
	assert_string_equal(timestamp_text(1431857103120000000), "2015-05-17T10:05:03.120Z");
	assert_string_equal(timestamp_text(1431857103120400000), "2015-05-17T10:05:03.120400Z");
	assert_string_equal(timestamp_text(1431857103000000007), "2015-05-17T10:05:03.000000007Z");
	assert_string_equal(timestamp_text(0), "1970-01-01T00:00:00Z");
	assert_string_equal(timestamp_text(-1), "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(timestamp_text(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
	assert_string_equal(timestamp_text(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
}

static void dates_agree_with_the_c_library(void **state)
{
	char expected[64];
	struct tm parts;

	(void)state;
	for (int64_t second = -9000000000; second < 9000000000; second += 7654321) {
		time_t when = (time_t)second;

		assert_non_null(gmtime_r(&when, &parts));
		assert_true(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &parts));
		assert_string_equal(timestamp_text(second * 1000000000), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_print_to_both_ends_of_their_range),
		cmocka_unit_test(doubles_print_in_the_shortest_form_that_reads_back),
		cmocka_unit_test(whole_doubles_keep_a_point),
		cmocka_unit_test(what_is_not_finite_is_null),
		cmocka_unit_test(random_doubles_read_back_the_same),
		cmocka_unit_test(a_fraction_has_three_six_or_nine_digits_or_is_left_out),
		cmocka_unit_test(dates_agree_with_the_c_library),
	};

	return cmocka_run_group_tests_name("json_number", tests, NULL, NULL);
}
