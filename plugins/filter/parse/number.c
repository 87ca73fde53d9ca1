// SPDX-License-Identifier: MIT
#include "number.h"

#include <stdlib.h>
#include <string.h>
#include <weir/value.h>

/* Digits of a whole number that always fits in 64 bits. */
#define DIGITS_SAFE 18
/* Longest text that is handed to strtod(). */
#define DOUBLE_TEXT_MAX 511

static inline int is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && is_digit(*at))
		at++;
	return at;
}

/* Past the fraction and the exponent, or NULL when they are malformed. */
static const char *skip_fraction(const char *at, const char *end)
{
	const char *digits;

	if (at < end && *at == '.') {
		digits = at + 1;
		at = skip_digits(digits, end);
		if (at == digits)
			return NULL;
	}
	if (at < end && (*at | 0x20) == 'e') {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		digits = at;
		at = skip_digits(digits, end);
		if (at == digits)
			return NULL;
	}
	return at;
}

uint8_t number_tag(const char *text, uint32_t size)
{
	const char *end = text + size, *digits = text + (size && *text == '-'), *at;
	int64_t ignored;

	at = skip_digits(digits, end);
	if (at == digits || (*digits == '0' && at > digits + 1))
		return WEIR_STRING;
	if (at == end)
		return end - digits <= DIGITS_SAFE || number_int(text, size, &ignored) == 0
			       ? WEIR_INT
			       : WEIR_DOUBLE;
	return skip_fraction(at, end) == end ? WEIR_DOUBLE : WEIR_STRING;
}

int number_int(const char *text, uint32_t size, int64_t *ret_number)
{
	int negative = size && *text == '-';
	const char *end = text + size, *at = text + (size && (*text == '-' || *text == '+'));
	int64_t number = 0;

	if (at == end)
		return -1;
	/* Downwards, because there is one more negative number than there are positive ones. */
	for (; at < end; at++)
		if (!is_digit(*at) || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_sub_overflow(number, *at - '0', &number))
			return -1;
	if (!negative && number == INT64_MIN)
		return -1;
	*ret_number = negative ? number : -number;
	return 0;
}

int number_double(const char *text, uint32_t size, double *ret_number)
{
	char copy[DOUBLE_TEXT_MAX + 1], *end;

	if (size == 0 || size > DOUBLE_TEXT_MAX)
		return -1;
	for (uint32_t i = 0; i < size; i++)
		if (!is_digit(text[i]) && !strchr("+-.eE", text[i]))
			return -1;
	memcpy(copy, text, size);
	copy[size] = '\0';
	*ret_number = strtod(copy, &end);
	/* An overflow gives infinity, which no output could write. */
	return end == copy + size && *ret_number - *ret_number == 0 ? 0 : -1;
}
