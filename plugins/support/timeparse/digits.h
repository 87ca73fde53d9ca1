// SPDX-License-Identifier: MIT
/* Reading a time's text from left to right. Every function leaves the reader alone on failure, or
 * somewhere within the text. */
#ifndef TIMEPARSE_DIGITS_H
#define TIMEPARSE_DIGITS_H

#include <stdint.h>

struct reader {
	const char *at, *end;
};

static inline int take_byte(struct reader *r, char byte)
{
	if (r->at == r->end || *r->at != byte)
		return 0;
	r->at++;
	return 1;
}

/* Exactly `count` digits. */
static inline int take_digits(struct reader *r, uint32_t count, int32_t *ret_number)
{
	int32_t number = 0;

	if (r->end - r->at < (int64_t)count)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		unsigned digit = (unsigned char)r->at[i] - '0';

		if (digit > 9)
			return -1;
		number = number * 10 + (int32_t)digit;
	}
	r->at += count;
	*ret_number = number;
	return 0;
}

/* One digit up to `most`. */
static inline int take_up_to(struct reader *r, uint32_t most, int32_t *ret_number)
{
	const char *from = r->at;

	*ret_number = 0;
	for (; r->at < r->end && r->at - from < (int64_t)most && *r->at >= '0' && *r->at <= '9';
	     r->at++)
		*ret_number = *ret_number * 10 + (*r->at - '0');
	return r->at == from ? -1 : 0;
}

/* Digits after the point, as nanoseconds of a second. Digits after the ninth don't count. */
static inline int take_fraction(struct reader *r, int64_t *ret_ns)
{
	const char *from = r->at;
	int64_t scale = 100000000;

	*ret_ns = 0;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, scale /= 10)
		*ret_ns += (*r->at - '0') * scale;
	return r->at == from ? -1 : 0;
}

#endif
