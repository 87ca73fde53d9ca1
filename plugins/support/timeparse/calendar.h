// SPDX-License-Identifier: MIT
/*
 * The proleptic Gregorian calendar in whole numbers: days since 1970-01-01 and back, for every year
 * from -9999 to 9999. Nothing here knows time zones, and nothing reads the environment.
 */
#ifndef TIMEPARSE_CALENDAR_H
#define TIMEPARSE_CALENDAR_H

#include <stdint.h>

#define CALENDAR_DAY_S 86400

/* A wall time. month and day count from 1; second may be 60. */
struct calendar {
	int32_t year;
	int32_t month;
	int32_t day;
	int32_t hour;
	int32_t minute;
	int32_t second;
};

int calendar_is_leap(int32_t year);
int32_t calendar_month_days(int32_t year, int32_t month);
/* Days since 1970-01-01; month 1 to 12. */
int64_t calendar_days(int32_t year, int32_t month, int32_t day);
/* Seconds since 1970-01-01T00:00:00 of the same wall clock. */
int64_t calendar_seconds(const struct calendar *when);
/* Nanoseconds since 1970 from seconds and a fraction; -1 when 64 bits can't hold them (the years
 * before 1678 and after 2261). */
int calendar_ns(int64_t seconds, int64_t fraction_ns, int64_t *ret_ns);
/* The date `days` after 1970-01-01; hour, minute and second are left alone. */
void calendar_from_days(int64_t days, struct calendar *ret_when);
/* True when every member is in range and the day exists in its month. */
int calendar_valid(const struct calendar *when);
/* 1 to 12 for an English month of three letters, any case; 0 for anything else. */
int32_t calendar_month_named(const char *three_letters);

#endif
