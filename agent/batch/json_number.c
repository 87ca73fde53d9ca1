// SPDX-License-Identifier: MIT
/*
 * Numbers and times as text, without the locale: a decimal comma, should a library have set one, is
 * put right again.
 *
 * Shortest doubles: 15 digits are always exact in decimal, 17 always read back; the first of 15, 16
 * and 17 that reads back is the shortest but for trailing zeros, which %g leaves out. Numbers below
 * DBL_MIN have fewer digits, and are tried from one on.
 */
#include "batch/json_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_IN_SECOND INT64_C(1000000000)
#define SECONDS_IN_DAY 86400
#define SECOND_SIZE (sizeof("2026-01-31T23:59:59") - 1)

char *number_append_unsigned(char *to, uint64_t value)
{
	char digits[NUMBER_INT_MAX];
	char *at = digits + sizeof(digits);
	size_t size;

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	size = (size_t)(digits + sizeof(digits) - at);
	memcpy(to, at, size);
	return to + size;
}

char *number_append_int(char *to, int64_t value)
{
	if (value >= 0)
		return number_append_unsigned(to, (uint64_t)value);
	*to++ = '-';
	return number_append_unsigned(to, -(uint64_t)value);
}

char *number_append_double(char *to, double value)
{
	char text[NUMBER_DOUBLE_MAX];
	size_t size = 0;
	char *comma;

	if (!isfinite(value)) {
		memcpy(to, "null", 4);
		return to + 4;
	}
	for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
		size = (size_t)snprintf(text, sizeof(text) - 2, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	if (!strpbrk(text, ".e")) {
		memcpy(text + size, ".0", 2);
		size += 2;
	}
	memcpy(to, text, size);
	return to + size;
}

static char *append_digits(char *to, uint32_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		to[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return to + digits;
}

static char *append_pair(char *to, uint32_t value)
{
	to[0] = (char)('0' + value / 10);
	to[1] = (char)('0' + value % 10);
	return to + 2;
}

/* Days since 1970 to a date of the proleptic Gregorian calendar. Years are counted from March, so
 * that the leap day is the last; 400 years have 146,097 days. Nanoseconds in 64 bits reach from
 * 1677 to 2262, so a year has four digits. */
static char *append_date(char *to, int64_t days)
{
	uint32_t shifted = (uint32_t)(days + 719468);
	uint32_t era = shifted / 146097;
	uint32_t day = shifted % 146097;
	uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint32_t day_of_year = day - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * day_of_year + 2) / 153;

	year += era * 400 + (month >= 10);
	to = append_pair(append_pair(to, year / 100), year % 100);
	*to++ = '-';
	to = append_pair(to, month < 10 ? month + 3 : month - 9);
	*to++ = '-';
	return append_pair(to, day_of_year - (153 * month + 2) / 5 + 1);
}

static char *append_fraction(char *to, uint32_t ns)
{
	if (ns == 0)
		return to;
	*to++ = '.';
	if (ns % 1000000 == 0)
		return append_digits(to, ns / 1000000, 3);
	if (ns % 1000 == 0)
		return append_digits(to, ns / 1000, 6);
	return append_digits(to, ns, 9);
}

static void append_second(char *to, int64_t seconds)
{
	int64_t days = seconds / SECONDS_IN_DAY - (seconds % SECONDS_IN_DAY < 0);
	uint32_t second = (uint32_t)(seconds - days * SECONDS_IN_DAY);

	to = append_date(to, days);
	*to++ = 'T';
	to = append_pair(to, second / 3600);
	*to++ = ':';
	to = append_pair(to, second / 60 % 60);
	*to++ = ':';
	append_pair(to, second % 60);
}

char *number_append_timestamp(char *to, int64_t ns)
{
	/* Lines of a log come by the thousand in one second. */
	static _Thread_local struct {
		int64_t seconds;
		char text[SECOND_SIZE];
	} last = {.seconds = INT64_MIN};
	int64_t fraction = ns % NS_IN_SECOND;
	int64_t seconds = ns / NS_IN_SECOND - (fraction < 0);

	if (last.seconds != seconds) {
		append_second(last.text, seconds);
		last.seconds = seconds;
	}
	memcpy(to, last.text, SECOND_SIZE);
	to = append_fraction(to + SECOND_SIZE,
			     (uint32_t)(fraction < 0 ? fraction + NS_IN_SECOND : fraction));
	*to++ = 'Z';
	return to;
}
