// SPDX-License-Identifier: MIT
/* 2015-05-17, 2015-05-17T10:05, 2015-05-17 10:05:03.25+02:00: anything else is no instant. */
#include "expr/instant.h"

#define NS_IN_SECOND INT64_C(1000000000)

/* `count` digits at *at; -1 when they are not there. Moves on. */
static int digits(struct weir_slice text, size_t *at, int count)
{
	int value = 0;

	if (text.size - *at < (size_t)count)
		return -1;
	for (int i = 0; i < count; i++, (*at)++) {
		if (text.data[*at] < '0' || text.data[*at] > '9')
			return -1;
		value = value * 10 + (text.data[*at] - '0');
	}
	return value;
}

static int skip(struct weir_slice text, size_t *at, char a, char b)
{
	if (*at >= text.size || (text.data[*at] != a && text.data[*at] != b))
		return 0;
	(*at)++;
	return 1;
}

/* Days since 1970 of a date in the Gregorian calendar; years run from March to February. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static int parse_date(struct weir_slice text, size_t *at, int64_t *ret_days)
{
	static const int8_t lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = digits(text, at, 4), month, day;

	if (year < 0 || !skip(text, at, '-', '-'))
		return 0;
	month = digits(text, at, 2);
	if (month < 1 || month > 12 || !skip(text, at, '-', '-'))
		return 0;
	day = digits(text, at, 2);
	*ret_days = days_of(year, month, day);
	return day >= 1 && day <= lengths[month - 1];
}

static int64_t parse_fraction(struct weir_slice text, size_t *at)
{
	int64_t unit = NS_IN_SECOND / 10, ns = 0;

	for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
		ns += unit * (text.data[*at] - '0');
		unit /= 10;
	}
	return ns;
}

static int parse_time(struct weir_slice text, size_t *at, int64_t *ret_seconds, int64_t *ret_ns)
{
	int hour = digits(text, at, 2), minute, second = 0;

	if (hour < 0 || hour > 23 || !skip(text, at, ':', ':'))
		return 0;
	minute = digits(text, at, 2);
	if (minute < 0 || minute > 59)
		return 0;
	if (skip(text, at, ':', ':')) {
		second = digits(text, at, 2);
		if (second < 0 || second > 60)
			return 0;
		if (skip(text, at, '.', ','))
			*ret_ns = parse_fraction(text, at);
	}
	*ret_seconds = hour * 3600 + minute * 60 + second;
	return 1;
}

static int parse_zone(struct weir_slice text, size_t *at, int64_t *ret_seconds)
{
	int negative, hour, minute;

	*ret_seconds = 0;
	if (*at == text.size || skip(text, at, 'Z', 'z'))
		return 1;
	negative = text.data[*at] == '-';
	if (!skip(text, at, '+', '-'))
		return 0;
	hour = digits(text, at, 2);
	(void)skip(text, at, ':', ':');
	minute = digits(text, at, 2);
	*ret_seconds = (hour * 3600 + minute * 60) * (negative ? -1 : 1);
	return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

int instant_parse(struct weir_slice text, int64_t *ret_ns)
{
	int64_t days, seconds = 0, zone = 0, ns = 0;
	size_t at = 0;

	if (!parse_date(text, &at, &days))
		return 0;
	if (at < text.size) {
		if (!skip(text, &at, 'T', ' ') || !parse_time(text, &at, &seconds, &ns) ||
		    !parse_zone(text, &at, &zone) || at != text.size)
			return 0;
	}
	seconds += days * 86400 - zone;
	return !__builtin_mul_overflow(seconds, NS_IN_SECOND, &seconds) &&
	       !__builtin_add_overflow(seconds, ns, ret_ns);
}
