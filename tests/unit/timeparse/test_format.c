// SPDX-License-Identifier: MIT
/* Times by a format, compared with strptime() where it knows the format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/timeparse/format.h"

/* 2024-01-15T12:00:00Z */
#define READ_NS INT64_C(1705320000000000000)
#define NOT_READ INT64_MIN

static int64_t parse(const char *format, const char *text, const char *zone_name)
{
	struct time_format *compiled;
	struct time_zone *zone;
	struct weir_error error = {.code = 0};
	int64_t ns = NOT_READ;

	assert_int_equal(time_zone_create(zone_name, &zone, &error), WEIR_OK);
	assert_int_equal(time_format_create(format, zone, &compiled, &error), WEIR_OK);
	if (time_format_parse(compiled, text, strlen(text), READ_NS, &ns) != 0)
		ns = NOT_READ;
	time_format_destroy(compiled);
	time_zone_destroy(zone);
	return ns;
}

static int64_t at(int year, int month, int day, int hour, int minute, int second, int64_t ns)
{
	struct tm parts = {.tm_year = year - 1900,
			   .tm_mon = month - 1,
			   .tm_mday = day,
			   .tm_hour = hour,
			   .tm_min = minute,
			   .tm_sec = second};

	return (int64_t)timegm(&parts) * 1000000000 + ns;
}

static void what_strftime_writes_is_read_as_strptime_reads_it(void **state)
{
	static const char *const formats[] = {
		"%Y-%m-%d %H:%M:%S", "%a %b %e %H:%M:%S %Y",  "%d/%B/%Y:%T", "%I:%M:%S %p %D",
		"%Y %j %R",          "%A, %d %b %y %H:%M:%S", "%s",          "%F%n%t%T%%",
		"%Y%m%d%H%M%S"};

	(void)state;
	srand(5);
	for (int round = 0; round < 20000; round++) {
		const char *format = formats[round % 9];
		time_t when = (time_t)(rand() % 2000000000), seconds;
		struct tm parts, read = {.tm_mday = 1};
		char text[128];

		assert_non_null(gmtime_r(&when, &parts));
		assert_true(strftime(text, sizeof(text), format, &parts) > 0);
		assert_non_null(strptime(text, format, &read));
		seconds = timegm(&read);
		if (strchr(format, 's')) /* strptime gives local time there */
			seconds = when;
		if (strcmp(format, "%Y %j %R") == 0)
			seconds = when - when % 60;
		assert_int_equal(parse(format, text, NULL), (int64_t)seconds * 1000000000);
	}
}

static void fractions_and_zones_count(void **state)
{
	(void)state;
	assert_int_equal(parse("%Y-%m-%d %H:%M:%S.%f", "2024-02-29 12:00:00.5", NULL),
			 at(2024, 2, 29, 12, 0, 0, 500000000));
	assert_int_equal(parse("%Y-%m-%d %H:%M:%S,%f %z", "2024-02-29 12:00:00,123 +0100", NULL),
			 at(2024, 2, 29, 11, 0, 0, 123000000));
	assert_int_equal(parse("%Y-%m-%d %H:%M:%S%z", "2024-02-29 12:00:00-05:30", NULL),
			 at(2024, 2, 29, 17, 30, 0, 0));
	assert_int_equal(parse("%Y-%m-%d %H:%M:%S", "2024-02-29 12:00:00", "+02:00"),
			 at(2024, 2, 29, 10, 0, 0, 0));
	assert_int_equal(parse("%Y-%m-%d %H:%M:%S %Z", "2024-02-29 12:00:00 UTC", "+02:00"),
			 at(2024, 2, 29, 12, 0, 0, 0));
	assert_int_equal(parse("%H:%M:%S.%f %F", "12:00:00.1234567899 2024-02-29", NULL),
			 at(2024, 2, 29, 12, 0, 0, 123456789));
}

static void iso_8601_is_read_in_its_usual_forms(void **state)
{
	(void)state;
	assert_int_equal(parse("iso8601", "2024-02-29T12:00:00Z", NULL),
			 at(2024, 2, 29, 12, 0, 0, 0));
	assert_int_equal(parse("iso8601", "2024-02-29T12:00:00.123456789+02:00", NULL),
			 at(2024, 2, 29, 10, 0, 0, 123456789));
	assert_int_equal(parse("iso8601", "20240229T120000Z", NULL), at(2024, 2, 29, 12, 0, 0, 0));
	assert_int_equal(parse("iso8601", "2024-02-29 12:00:00,5", "-01:00"),
			 at(2024, 2, 29, 13, 0, 0, 500000000));
	assert_int_equal(parse("iso8601", "2024-02-29T12:00", NULL), at(2024, 2, 29, 12, 0, 0, 0));
	assert_int_equal(parse("iso8601", "2024-02-29", NULL), at(2024, 2, 29, 0, 0, 0, 0));
	assert_int_equal(parse("rfc3339", "1985-04-12T23:20:50.52Z", NULL),
			 at(1985, 4, 12, 23, 20, 50, 520000000));
	assert_int_equal(parse("rfc3339", "1996-12-19T16:39:57-08:00", NULL),
			 at(1996, 12, 20, 0, 39, 57, 0));
	assert_int_equal(parse("rfc3339", "1990-12-31T23:59:60Z", NULL),
			 at(1991, 1, 1, 0, 0, 0, 0));
}

static void what_is_not_of_the_format_is_refused(void **state)
{
	static const char *const wrong[][2] = {{"iso8601", "2023-02-29T12:00:00Z"},
					       {"iso8601", "2024-02-29T12:00:00Zx"},
					       {"iso8601", "2024-02-29T25:00:00Z"},
					       {"iso8601", "2024-2-29"},
					       {"iso8601", ""},
					       {"rfc3339", "2024-02-29T12:00:00"},
					       {"rfc3339", "2024-02-29"},
					       {"rfc3339", "2024-02-29T12:00Z"},
					       {"iso8601", "2024-02-29T12:00:00."},
					       {"epoch", "12a"},
					       {"epoch", ""},
					       {"epoch", "-"},
					       {"epoch", "99999999999999999999"},
					       {"epoch_ms", "9999999999999999"},
					       {"%Y-%m-%d", "2024-13-01"},
					       {"%Y-%m-%d", "2024-01-01 "},
					       {"%Y-%m-%d", "2024-01"},
					       {"%I %p %F", "13 PM 2024-01-01"},
					       {"%Y %j", "2023 366"},
					       {"%b %d %Y", "Foo 01 2024"},
					       {"%Y-%m-%d", "1492-10-12"},
					       {"%F %z", "2024-01-01 +2"}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(parse(wrong[i][0], wrong[i][1], NULL), NOT_READ);
}

static void counts_since_1970_have_their_units(void **state)
{
	(void)state;
	assert_int_equal(parse("epoch", "1700000000", NULL), 1700000000000000000);
	assert_int_equal(parse("epoch", "1700000000.25", NULL), 1700000000250000000);
	assert_int_equal(parse("epoch", "-1.5", NULL), -1500000000);
	assert_int_equal(parse("epoch_ms", "1700000000123", NULL), 1700000000123000000);
	assert_int_equal(parse("epoch_ms", "1.5", NULL), 1500000);
	assert_int_equal(parse("epoch_us", "1700000000123456", NULL), 1700000000123456000);
	assert_int_equal(parse("epoch_ns", "1700000000123456789", NULL), 1700000000123456789);
}

static void a_year_is_found_from_the_time_of_reading(void **state)
{
	const char *format = "%b %e %H:%M:%S";

	(void)state;
	assert_int_equal(parse(format, "Jan 15 11:00:00", NULL), at(2024, 1, 15, 11, 0, 0, 0));
	assert_int_equal(parse(format, "Jan 16 11:59:59", NULL), at(2024, 1, 16, 11, 59, 59, 0));
	assert_int_equal(parse(format, "Jan 16 12:00:01", NULL), at(2023, 1, 16, 12, 0, 1, 0));
	assert_int_equal(parse(format, "Dec 31 23:59:59", NULL), at(2023, 12, 31, 23, 59, 59, 0));
	assert_int_equal(parse(format, "Feb 29 00:00:00", NULL), at(2020, 2, 29, 0, 0, 0, 0));
	assert_int_equal(parse(format, "Feb 30 00:00:00", NULL), NOT_READ);
}

static void a_format_that_cannot_work_is_refused_with_its_place(void **state)
{
	struct time_format *format;
	struct weir_error error = {.code = 0};

	(void)state;
	assert_int_equal(time_format_create("%Y %Q", NULL, &format, &error), WEIR_ERR_INVALID);
	assert_int_equal(error.offset, 3);
	assert_int_equal(time_format_create("%Y %", NULL, &format, &error), WEIR_ERR_INVALID);
	assert_int_equal(time_format_create("iso8602", NULL, &format, &error), WEIR_ERR_INVALID);
	assert_non_null(strstr(error.text, "iso8601"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_strftime_writes_is_read_as_strptime_reads_it),
		cmocka_unit_test(fractions_and_zones_count),
		cmocka_unit_test(iso_8601_is_read_in_its_usual_forms),
		cmocka_unit_test(what_is_not_of_the_format_is_refused),
		cmocka_unit_test(counts_since_1970_have_their_units),
		cmocka_unit_test(a_year_is_found_from_the_time_of_reading),
		cmocka_unit_test(a_format_that_cannot_work_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
