// SPDX-License-Identifier: MIT
/* ISO 8601 and RFC 3339 times, and counts since 1970. */
#include "digits.h"
#include "format.h"

static int read_date(struct reader *r, struct calendar *when)
{
	int dashed;

	if (take_digits(r, 4, &when->year) != 0)
		return -1;
	dashed = take_byte(r, '-');
	if (take_digits(r, 2, &when->month) != 0 || (dashed && !take_byte(r, '-')))
		return -1;
	return take_digits(r, 2, &when->day);
}

/* hh:mm[:ss[.fraction]], the colons optional as in the basic form. */
static int read_clock(struct reader *r, struct calendar *when, int strict, int64_t *ret_fraction)
{
	int colons;

	if (take_digits(r, 2, &when->hour) != 0)
		return -1;
	colons = take_byte(r, ':');
	if (take_digits(r, 2, &when->minute) != 0 || (strict && !colons))
		return -1;
	if (colons ? !take_byte(r, ':') : r->at == r->end || *r->at < '0' || *r->at > '9')
		return strict ? -1 : 0;
	if (take_digits(r, 2, &when->second) != 0)
		return -1;
	if (!take_byte(r, '.') && (strict || !take_byte(r, ',')))
		return 0;
	return take_fraction(r, ret_fraction);
}

int iso_time_parse(const char *text, uint64_t size, const struct time_zone *zone, int strict,
		   int64_t *ret_ns)
{
	struct reader r = {text, text + size};
	struct calendar when = {.second = 0};
	int64_t fraction = 0, seconds;
	int32_t offset = 0;
	uint32_t taken = 0;

	if (read_date(&r, &when) != 0)
		return -1;
	if (take_byte(&r, 'T') || take_byte(&r, 't') || take_byte(&r, ' ')) {
		if (read_clock(&r, &when, strict, &fraction) != 0)
			return -1;
		(void)(!strict && take_byte(&r, ' '));
		taken = time_offset_parse(r.at, (uint64_t)(r.end - r.at), &offset);
		r.at += taken;
	} else if (strict) {
		return -1;
	}
	if (r.at != r.end || !calendar_valid(&when) || (strict && taken == 0))
		return -1;
	seconds = calendar_seconds(&when);
	return calendar_ns(taken ? seconds - offset : time_zone_to_utc(zone, seconds), fraction,
			   ret_ns);
}

/* Digits until the fraction; the sign is applied to both. */
int epoch_time_parse(const char *text, uint64_t size, int64_t unit_ns, int64_t *ret_ns)
{
	struct reader r = {text, text + size};
	int negative = take_byte(&r, '-');
	const char *from = r.at;
	int64_t whole = 0, fraction = 0, ns;

	for (; r.at < r.end && *r.at >= '0' && *r.at <= '9'; r.at++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *r.at - '0', &whole))
			return -1;
	if (r.at == from || (take_byte(&r, '.') && take_fraction(&r, &fraction) != 0) ||
	    r.at != r.end)
		return -1;
	fraction /= 1000000000 / unit_ns;
	if (__builtin_mul_overflow(whole, unit_ns, &ns) ||
	    __builtin_add_overflow(ns, fraction, &ns))
		return -1;
	*ret_ns = negative ? -ns : ns;
	return 0;
}
