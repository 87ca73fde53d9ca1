// SPDX-License-Identifier: MIT
/*
 * What values mean to each other. The table in README.md is the rule; this is its one place in code.
 */
#include "expr/value.h"

#include <stdlib.h>

#include "batch/json_number.h"
#include "expr/instant.h"

/* Text longer than this is no number; a double needs at most 24 characters. */
#define NUMBER_TEXT_MAX 128

/* Digits that 64 bits always hold. */
#define DIGITS_MAX 19

/* Decimal digits that a double always holds exactly, and powers of ten that are exact doubles. */
#define EXACT_DIGITS 15
#define EXACT_POWER 22

struct decimal {
	int negative;
	int digits;        /* significant */
	uint64_t mantissa; /* of the first DIGITS_MAX digits */
	int exponent;      /* of ten */
	int has_fraction;
	int has_exponent;
};

static size_t scan_digits(struct weir_slice text, size_t at, struct decimal *decimal, int fraction)
{
	for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
		if (decimal->digits > 0 || text.data[at] != '0')
			decimal->digits++;
		if (decimal->digits <= DIGITS_MAX)
			decimal->mantissa =
				decimal->mantissa * 10 + (uint64_t)(text.data[at] - '0');
		decimal->exponent -= fraction;
	}
	return at;
}

/* The exponent's digits; the end, or 0 when there are none. */
static size_t scan_exponent(struct weir_slice text, size_t at, struct decimal *decimal)
{
	int negative = at < text.size && text.data[at] == '-';
	int exponent = 0;
	size_t start;

	at += at < text.size && (text.data[at] == '-' || text.data[at] == '+');
	start = at;
	for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
		exponent = exponent > 9999 ? exponent : exponent * 10 + (text.data[at] - '0');
	decimal->exponent += negative ? -exponent : exponent;
	decimal->has_exponent = 1;
	return at == start ? 0 : at;
}

/* True when the whole text is a decimal number. */
static int scan_decimal(struct weir_slice text, struct decimal *decimal)
{
	size_t at = text.size && (text.data[0] == '-' || text.data[0] == '+');
	size_t start = at, whole;

	memset(decimal, 0, sizeof(*decimal));
	decimal->negative = text.size && text.data[0] == '-';
	at = scan_digits(text, at, decimal, 0);
	whole = at - start;
	if (at < text.size && text.data[at] == '.') {
		decimal->has_fraction = 1;
		start = at + 1;
		at = scan_digits(text, start, decimal, 1);
		whole += at - start;
	}
	if (whole == 0)
		return 0;
	if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E'))
		at = scan_exponent(text, at + 1, decimal);
	return at == text.size;
}

static double decimal_double(const struct decimal *decimal, struct weir_slice text)
{
	static const double powers[EXACT_POWER + 1] = {
		1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	char copy[NUMBER_TEXT_MAX + 1];
	double value = (double)decimal->mantissa;

	if (decimal->digits <= EXACT_DIGITS && abs(decimal->exponent) <= EXACT_POWER) {
		value = decimal->exponent < 0 ? value / powers[-decimal->exponent]
					      : value * powers[decimal->exponent];
		return decimal->negative ? -value : value;
	}
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return strtod(copy, NULL);
}

int number_parse(struct weir_slice text, struct number *ret_number)
{
	struct decimal decimal;

	if (number_digits(text.data, text.size, &ret_number->i64)) {
		ret_number->is_int = 1;
		ret_number->f64 = (double)ret_number->i64;
		return 1;
	}
	if (text.size > NUMBER_TEXT_MAX || !scan_decimal(text, &decimal))
		return 0;
	ret_number->is_int = !decimal.has_fraction && !decimal.has_exponent &&
			     decimal.digits <= DIGITS_MAX &&
			     decimal.mantissa <= (uint64_t)INT64_MAX + (unsigned)decimal.negative;
	ret_number->i64 = (int64_t)(decimal.negative ? -decimal.mantissa : decimal.mantissa);
	ret_number->f64 = decimal_double(&decimal, text);
	return 1;
}

int value_number(const struct value *value, struct number *ret_number)
{
	if (value->is_text || value_is_string(value))
		return number_parse(value->text, ret_number);
	ret_number->is_int = value->tag == WEIR_INT;
	if (value->tag == WEIR_INT) {
		ret_number->i64 = value->as.i64;
		ret_number->f64 = (double)value->as.i64;
	} else if (value->tag == WEIR_DOUBLE) {
		ret_number->f64 = value->as.f64;
	} else if (value->tag == WEIR_TIMESTAMP) {
		ret_number->f64 = (double)value->as.i64 / 1e9;
	} else {
		return 0;
	}
	return 1;
}

static unsigned order_of(int less, int equal, int greater)
{
	return less ? ORDER_LESS : equal ? ORDER_EQUAL : greater ? ORDER_GREATER : ORDER_NONE;
}

static unsigned order_numbers(const struct value *a, const struct value *b)
{
	struct number x, y;

	if (!value_number(a, &x) || !value_number(b, &y))
		return ORDER_NONE;
	if (x.is_int && y.is_int)
		return order_of(x.i64 < y.i64, x.i64 == y.i64, 1);
	if (x.is_int || y.is_int) {
		/* Exact where a long double holds every int64, as on x86-64. */
		long double u = x.is_int ? (long double)x.i64 : (long double)x.f64;
		long double v = y.is_int ? (long double)y.i64 : (long double)y.f64;

		return order_of(u<v, u == v, u> v);
	}
	return order_of(x.f64<y.f64, x.f64 == y.f64, x.f64> y.f64);
}

static unsigned order_texts(struct weir_slice a, struct weir_slice b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size ? memcmp(a.data, b.data, size) : 0;

	if (order == 0)
		return order_of(a.size < b.size, a.size == b.size, 1);
	return order < 0 ? ORDER_LESS : ORDER_GREATER;
}

static int instant_of(const struct value *value, int64_t *ret_ns)
{
	if (value->tag == WEIR_TIMESTAMP) {
		*ret_ns = value->as.i64;
		return 1;
	}
	return value->tag == WEIR_STRING && instant_parse(value->text, ret_ns);
}

static unsigned order_times(const struct value *a, const struct value *b)
{
	int64_t x, y;

	if (instant_of(a, &x) && instant_of(b, &y))
		return order_of(x < y, x == y, 1);
	return order_numbers(a, b);
}

unsigned value_order(const struct value *a, const struct value *b)
{
	if (a->tag == WEIR_ABSENT || b->tag == WEIR_ABSENT)
		return ORDER_NONE;
	if (value_is_string(a) && value_is_string(b))
		return order_texts(a->text, b->text);
	if (a->tag == WEIR_TIMESTAMP || b->tag == WEIR_TIMESTAMP)
		return order_times(a, b);
	if (value_is_number(a) || value_is_number(b))
		return order_numbers(a, b);
	if (a->tag != b->tag)
		return ORDER_NONE;
	if (a->tag == WEIR_NULL)
		return ORDER_EQUAL;
	if (a->tag == WEIR_BOOL)
		return order_of(a->as.i64 < b->as.i64, a->as.i64 == b->as.i64, 1);
	return order_texts(a->text, b->text) == ORDER_EQUAL ? ORDER_EQUAL : ORDER_NONE;
}

int value_is_true(const struct value *value)
{
	struct number number;

	switch (value->tag) {
	case WEIR_ABSENT:
	case WEIR_NULL:
		return 0;
	case WEIR_BOOL:
		return value->as.i64 != 0;
	case WEIR_INT:
	case WEIR_DOUBLE:
		return !value_number(value, &number) || number.f64 != 0;
	case WEIR_STRING:
	case WEIR_BYTES:
		return value->text.size != 0;
	default:
		return 1;
	}
}

static char *append_number(char *to, const struct value *value)
{
	if (value->tag == WEIR_INT)
		return number_append_int(to, value->as.i64);
	if (value->tag == WEIR_DOUBLE)
		return number_append_double(to, value->as.f64);
	return number_append_timestamp(to, value->as.i64);
}

int value_text(struct scratch *scratch, const struct value *value, struct weir_slice *ret_text)
{
	char *data;

	if (value->tag == WEIR_ABSENT || value->tag == WEIR_NULL)
		return 0;
	if (value->tag == WEIR_BOOL) {
		*ret_text = weir_slice_of(value->as.i64 ? "true" : "false");
		return 1;
	}
	if (value->is_text || value_is_string(value) || value->tag >= WEIR_MAP) {
		*ret_text = value->text;
		return 1;
	}
	data = scratch_take(scratch, NUMBER_TIMESTAMP_MAX);
	if (!data)
		return 0;
	*ret_text = (struct weir_slice){data, (size_t)(append_number(data, value) - data)};
	return 1;
}
