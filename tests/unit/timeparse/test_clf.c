// SPDX-License-Identifier: MIT
/* The time of the common log format, compared with the C library's strptime() and timegm(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/timeparse/calendar.h"
#include "support/timeparse/clf.h"

static void every_time_is_what_the_c_library_says(void **state)
{
	struct clf_cache cache = {.valid = 0};

	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		time_t when = i % 3 ? (time_t)rand() * 4 : (time_t)1700000000 + i / 100;
		int zone = i % 5 ? 0 : (rand() % 27 - 13) * 3600 + rand() % 2 * 1800;
		time_t local = when + zone;
		struct tm parts;
		char text[64];
		int64_t ns;

		assert_non_null(gmtime_r(&local, &parts));
		assert_int_equal(strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S ", &parts), 21);
		(void)snprintf(text + 21, sizeof(text) - 21, "%c%02d%02d", zone < 0 ? '-' : '+',
			       abs(zone) / 3600, abs(zone) / 60 % 60);
		assert_int_equal(clf_time_parse(&cache, text, &ns), 0);
		assert_int_equal(ns, (int64_t)when * 1000000000);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const wrong[] = {
		"31/Feb/2000:13:55:36 -0700", "10/Okt/2000:13:55:36 -0700",
		"10/Oct/2000:24:55:36 -0700", "10/Oct/2000:13:60:36 -0700",
		"10/Oct/2000:13:55:61 -0700", "10/Oct/2000:13:55:36 00700",
		"10/Oct/2000:13:55:36 -07:0", "00/Oct/2000:13:55:36 -0700",
		"10/Oct/20x0:13:55:36 -0700", "10-Oct-2000:13:55:36 -0700",
		"10/Oct/9999:13:55:36 -0700", "10/Oct/2000:13:55:3  -0700",
		"29/Feb/1900:13:55:36 +0000", "10/Oct/1600:13:55:36 +0000",
	};
	struct clf_cache cache = {.valid = 0};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(strlen(wrong[i]), CLF_TIME_SIZE);
		assert_int_equal(clf_time_parse(&cache, wrong[i], &ns), -1);
		/* Also when the cache holds a time that looks alike. */
		assert_int_equal(clf_time_parse(&cache, "10/Oct/2000:13:55:36 -0700", &ns), 0);
		assert_int_equal(clf_time_parse(&cache, wrong[i], &ns), -1);
	}
}

static void days_and_dates_agree_over_four_hundred_years(void **state)
{
	struct calendar when = {.second = 0};

	(void)state;
	for (int64_t day = -150000; day < 150000; day++) {
		time_t seconds = (time_t)day * CALENDAR_DAY_S;
		struct tm parts;

		calendar_from_days(day, &when);
		assert_int_equal(calendar_days(when.year, when.month, when.day), day);
		assert_non_null(gmtime_r(&seconds, &parts));
		assert_int_equal(when.year, parts.tm_year + 1900);
		assert_int_equal(when.month, parts.tm_mon + 1);
		assert_int_equal(when.day, parts.tm_mday);
		assert_true(calendar_valid(&when));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_time_is_what_the_c_library_says),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(days_and_dates_agree_over_four_hundred_years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
