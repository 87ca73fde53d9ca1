// SPDX-License-Identifier: MIT
#include "calendar.h"

static const uint8_t month_days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

int calendar_is_leap(int32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t calendar_month_days(int32_t year, int32_t month)
{
	return month_days[month] + (month == 2 && calendar_is_leap(year));
}

/* Counts in years that begin in March, so that the leap day is the last of its year; an era is the
 * 400 years after which the calendar repeats (146,097 days). */
int64_t calendar_days(int32_t year, int32_t month, int32_t day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t calendar_seconds(const struct calendar *when)
{
	return calendar_days(when->year, when->month, when->day) * CALENDAR_DAY_S +
	       when->hour * 3600 + when->minute * 60 + when->second;
}

int calendar_ns(int64_t seconds, int64_t fraction_ns, int64_t *ret_ns)
{
	if (seconds < INT64_MIN / 1000000000 || seconds >= INT64_MAX / 1000000000)
		return -1;
	*ret_ns = seconds * 1000000000 + fraction_ns;
	return 0;
}

void calendar_from_days(int64_t days, struct calendar *ret_when)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day = shifted - era * 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	ret_when->day = (int32_t)(of_year - (153 * month + 2) / 5 + 1);
	ret_when->month = (int32_t)(month < 10 ? month + 3 : month - 9);
	ret_when->year = (int32_t)(year + era * 400 + (ret_when->month <= 2));
}

int calendar_valid(const struct calendar *when)
{
	return when->year >= -9999 && when->year <= 9999 && when->month >= 1 && when->month <= 12 &&
	       when->day >= 1 && when->day <= calendar_month_days(when->year, when->month) &&
	       when->hour >= 0 && when->hour <= 23 && when->minute >= 0 && when->minute <= 59 &&
	       when->second >= 0 && when->second <= 60;
}

int32_t calendar_month_named(const char *three_letters)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int32_t month = 0; month < 12; month++)
		if ((three_letters[0] | 0x20) == names[3 * month] &&
		    (three_letters[1] | 0x20) == names[3 * month + 1] &&
		    (three_letters[2] | 0x20) == names[3 * month + 2])
			return month + 1;
	return 0;
}
