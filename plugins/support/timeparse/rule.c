// SPDX-License-Identifier: MIT
#include "rule.h"

#include "calendar.h"

struct cursor {
	const char *at, *end;
};

static int take(struct cursor *c, char byte)
{
	if (c->at == c->end || *c->at != byte)
		return 0;
	c->at++;
	return 1;
}

/* A number up to `max`; -1 when there is none. */
static int32_t take_number(struct cursor *c, int32_t max)
{
	int32_t number = 0;
	const char *from = c->at;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		number = number * 10 + (*c->at - '0');
		if (number > max)
			return -1;
	}
	return c->at == from ? -1 : number;
}

/* [+-]hh[:mm[:ss]] in seconds. The standard allows 24 hours, RFC 8536 a week. */
static int take_time(struct cursor *c, int32_t *ret_seconds)
{
	int negative = take(c, '-');
	int32_t hours, minutes = 0, seconds = 0;

	if (!negative)
		(void)take(c, '+');
	hours = take_number(c, 167);
	if (hours >= 0 && take(c, ':'))
		minutes = take_number(c, 59);
	if (minutes > 0 && take(c, ':'))
		seconds = take_number(c, 59);
	if (hours < 0 || minutes < 0 || seconds < 0)
		return -1;
	*ret_seconds = hours * 3600 + minutes * 60 + seconds;
	if (negative)
		*ret_seconds = -*ret_seconds;
	return 0;
}

/* An abbreviation, or anything within angle brackets. */
static int skip_name(struct cursor *c)
{
	const char *from = c->at;

	if (take(c, '<')) {
		while (c->at < c->end && *c->at != '>')
			c->at++;
		return take(c, '>') ? 0 : -1;
	}
	while (c->at < c->end && ((*c->at | 0x20) >= 'a' && (*c->at | 0x20) <= 'z'))
		c->at++;
	return c->at - from >= 3 ? 0 : -1;
}

static int take_month_day(struct cursor *c, struct rule_day *ret_day)
{
	int32_t month = take_number(c, 12), week, day;

	if (month < 1 || !take(c, '.'))
		return -1;
	week = take_number(c, 5);
	if (week < 1 || !take(c, '.'))
		return -1;
	day = take_number(c, 6);
	if (day < 0)
		return -1;
	ret_day->kind = 'M';
	ret_day->month = (uint8_t)month;
	ret_day->week = (uint8_t)week;
	ret_day->day = (int16_t)day;
	return 0;
}

static int take_day(struct cursor *c, struct rule_day *ret_day)
{
	int32_t day;

	ret_day->second = 2 * 3600;
	if (!take(c, ','))
		return -1;
	if (take(c, 'M')) {
		if (take_month_day(c, ret_day) != 0)
			return -1;
	} else {
		ret_day->kind = take(c, 'J') ? 'J' : 'N';
		day = take_number(c, 365);
		if (day < (ret_day->kind == 'J'))
			return -1;
		ret_day->day = (int16_t)day;
	}
	return take(c, '/') ? take_time(c, &ret_day->second) : 0;
}

int zone_rule_parse(const char *text, size_t size, struct zone_rule *ret_rule)
{
	struct cursor c = {text, text + size};

	*ret_rule = (struct zone_rule){.standard = 0};
	if (skip_name(&c) != 0 || take_time(&c, &ret_rule->standard) != 0)
		return -1;
	ret_rule->standard = -ret_rule->standard; /* POSIX counts west of Greenwich */
	if (c.at == c.end)
		return 0;
	ret_rule->has_summer = 1;
	ret_rule->summer = ret_rule->standard + 3600;
	if (skip_name(&c) != 0)
		return -1;
	if (c.at < c.end && *c.at != ',') {
		if (take_time(&c, &ret_rule->summer) != 0)
			return -1;
		ret_rule->summer = -ret_rule->summer;
	}
	if (take_day(&c, &ret_rule->start) != 0 || take_day(&c, &ret_rule->end) != 0)
		return -1;
	return c.at == c.end ? 0 : -1;
}

/* Seconds of the wall clock at which the day of that year comes. */
static int64_t day_seconds(const struct rule_day *rule, int32_t year)
{
	int64_t days;

	if (rule->kind == 'M') {
		int64_t first = calendar_days(year, rule->month, 1);
		int32_t weekday = (int32_t)(((first + 4) % 7 + 7) % 7); /* 1970-01-01: a Thursday */
		int32_t day = (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;

		if (day >= calendar_month_days(year, rule->month))
			day -= 7;
		days = first + day;
	} else if (rule->kind == 'J') {
		days = calendar_days(year, 1, 1) + rule->day - 1 +
		       (calendar_is_leap(year) && rule->day >= 60);
	} else {
		days = calendar_days(year, 1, 1) + rule->day;
	}
	return days * CALENDAR_DAY_S + rule->second;
}

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t utc_seconds)
{
	struct calendar when;
	int64_t local = utc_seconds + rule->standard, start, end;
	int summer;

	if (!rule->has_summer)
		return rule->standard;
	calendar_from_days((local >= 0 ? local : local - CALENDAR_DAY_S + 1) / CALENDAR_DAY_S,
			   &when);
	start = day_seconds(&rule->start, when.year) - rule->standard;
	end = day_seconds(&rule->end, when.year) - rule->summer;
	summer = start < end ? utc_seconds >= start && utc_seconds < end
			     : !(utc_seconds >= end && utc_seconds < start);
	return summer ? rule->summer : rule->standard;
}
