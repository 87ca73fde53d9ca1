// SPDX-License-Identifier: MIT
/* Time zones, compared with the C library's for the same names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/timeparse/zone.h"

static const char *const names[] = {"Europe/Paris",     "America/New_York",  "Australia/Lord_Howe",
				    "Asia/Kolkata",     "America/Sao_Paulo", "Africa/Casablanca",
				    "Europe/Dublin",    "Antarctica/Troll",  "Asia/Tehran",
				    "America/St_Johns", "Pacific/Apia",      "UTC"};
#define NAMES (sizeof(names) / sizeof(names[0]))

static int skipped(void)
{
	struct time_zone *zone;
	struct weir_error error = {.code = 0};

	if (time_zone_create("Europe/Paris", &zone, &error) != WEIR_OK) {
		print_message("skipped: this machine has no zone files (package tzdata)\n");
		return 1;
	}
	time_zone_destroy(zone);
	return 0;
}

static int64_t some_time(int round)
{
	/* Until 2100: far beyond the changes that zone files list one by one. */
	return (int64_t)(((uint64_t)rand() << 16 ^ (uint64_t)rand()) % 4102444800u) +
	       (round % 7 ? 0 : -1000000000);
}

static void offsets_are_those_of_the_c_library(void **state)
{
	(void)state;
	if (skipped())
		skip();
	for (size_t n = 0; n < NAMES; n++) {
		struct time_zone *zone;
		struct weir_error error = {.code = 0};

		assert_int_equal(time_zone_create(names[n], &zone, &error), WEIR_OK);
		assert_int_equal(setenv("TZ", names[n], 1), 0);
		tzset();
		srand(3);
		for (int i = 0; i < 20000; i++) {
			time_t when = (time_t)some_time(i);
			struct tm parts;

			assert_non_null(localtime_r(&when, &parts));
			assert_int_equal(time_zone_offset(zone, when), parts.tm_gmtoff);
		}
		time_zone_destroy(zone);
	}
}

/* Not mktime(), which may choose either of two: back through localtime() instead. */
static void wall_times_lead_back_to_themselves_and_to_the_first_of_two(void **state)
{
	(void)state;
	if (skipped())
		skip();
	for (size_t n = 0; n < NAMES; n++) {
		struct time_zone *zone;
		struct weir_error error = {.code = 0};

		assert_int_equal(time_zone_create(names[n], &zone, &error), WEIR_OK);
		assert_int_equal(setenv("TZ", names[n], 1), 0);
		tzset();
		srand(4);
		for (int i = 0; i < 20000; i++) {
			time_t when = (time_t)some_time(i), found;
			struct tm parts;
			int64_t wall;

			assert_non_null(localtime_r(&when, &parts));
			wall = (int64_t)when + parts.tm_gmtoff;
			found = (time_t)time_zone_to_utc(zone, wall);
			assert_non_null(localtime_r(&found, &parts));
			assert_int_equal((int64_t)found + parts.tm_gmtoff, wall);
			assert_true(found <= when);
		}
		time_zone_destroy(zone);
	}
}

static void clock_changes_are_read_as_documented(void **state)
{
	struct time_zone *zone;
	struct weir_error error = {.code = 0};

	(void)state;
	if (skipped())
		skip();
	assert_int_equal(time_zone_create("Europe/Paris", &zone, &error), WEIR_OK);
	/* 2023-10-29 02:30 came twice: first at 00:30 UTC. */
	assert_int_equal(time_zone_to_utc(zone, 1698546600), 1698546600 - 7200);
	/* 2023-03-26 02:30 never came: by the offset before, 01:30 UTC. */
	assert_int_equal(time_zone_to_utc(zone, 1679797800), 1679797800 - 3600);
	time_zone_destroy(zone);
}

static void local_is_the_zone_of_the_environment(void **state)
{
	struct time_zone *zone;
	struct weir_error error = {.code = 0};

	(void)state;
	if (skipped())
		skip();
	assert_int_equal(setenv("TZ", ":Asia/Kolkata", 1), 0);
	assert_int_equal(time_zone_create("local", &zone, &error), WEIR_OK);
	assert_int_equal(time_zone_offset(zone, 1700000000), 19800);
	time_zone_destroy(zone);
}

static void offsets_are_read_in_all_their_forms(void **state)
{
	static const struct {
		const char *text;
		uint32_t taken;
		int32_t offset;
	} cases[] = {{"Z", 1, 0},           {"+0200", 5, 7200}, {"+02:00", 6, 7200},
		     {"-05:30", 6, -19800}, {"+02", 3, 7200},   {"+02x", 3, 7200},
		     {"+2", 0, 0},          {"0200", 0, 0},     {"+02:0", 3, 7200},
		     {"+0260", 0, 0},       {"", 0, 0},         {"-0000 x", 5, 0},
		     {"+020", 3, 7200},     {"+1", 0, 0},       {"+02:", 3, 7200}};
	int32_t offset;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		offset = 0;
		assert_int_equal(time_offset_parse(cases[i].text, strlen(cases[i].text), &offset),
				 cases[i].taken);
		if (cases[i].taken)
			assert_int_equal(offset, cases[i].offset);
	}
}

static void names_that_are_no_zones_are_refused(void **state)
{
	static const char *const wrong[] = {"Mars/Olympus", "../../../etc/passwd", "/etc/passwd",
					    "", "tzdata.zi"};
	struct time_zone *zone;
	struct weir_error error = {.code = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_not_equal(time_zone_create(wrong[i], &zone, &error), WEIR_OK);
		assert_non_null(strstr(error.text, "time zone"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_those_of_the_c_library),
		cmocka_unit_test(wall_times_lead_back_to_themselves_and_to_the_first_of_two),
		cmocka_unit_test(clock_changes_are_read_as_documented),
		cmocka_unit_test(local_is_the_zone_of_the_environment),
		cmocka_unit_test(offsets_are_read_in_all_their_forms),
		cmocka_unit_test(names_that_are_no_zones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
