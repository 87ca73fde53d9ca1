// SPDX-License-Identifier: MIT
/*
 * Values while an expression is evaluated: like weir_value, with the text at hand instead of its
 * place in a block. Text is borrowed from the batch, the expression or its scratch memory.
 */
#ifndef EXPR_VALUE_H
#define EXPR_VALUE_H

#include <weir/batch.h>

#include "expr/scratch.h"

struct value {
	uint8_t tag;     /* WEIR_ABSENT ... */
	uint8_t is_text; /* an INT or DOUBLE that is still text */
	union {
		int64_t i64;
		double f64;
	} as;
	struct weir_slice text;
};

struct number {
	int is_int;
	int64_t i64; /* when is_int */
	double f64;  /* always */
};

/*
 * How two values stand to each other, as a bit; a comparison is the set of those that make it true.
 * So != holds for what can't be compared, and nothing else does.
 */
#define ORDER_LESS 1
#define ORDER_EQUAL 2
#define ORDER_GREATER 4
#define ORDER_NONE 8

#define COMPARE_EQ ORDER_EQUAL
#define COMPARE_NE (ORDER_LESS | ORDER_GREATER | ORDER_NONE)
#define COMPARE_LT ORDER_LESS
#define COMPARE_LE (ORDER_LESS | ORDER_EQUAL)
#define COMPARE_GT ORDER_GREATER
#define COMPARE_GE (ORDER_GREATER | ORDER_EQUAL)

unsigned value_order(const struct value *a, const struct value *b);
/* False are: absent, null, false, 0 and the empty string. */
int value_is_true(const struct value *value);
/* A number, or a string that holds one and nothing else, or a timestamp in seconds. */
int value_number(const struct value *value, struct number *ret_number);
/* As plain text; 0 for absent and null, and without memory. */
int value_text(struct scratch *scratch, const struct value *value, struct weir_slice *ret_text);
/* A decimal number and nothing else. */
int number_parse(struct weir_slice text, struct number *ret_number);

static inline struct value value_of_tag(uint8_t tag)
{
	struct value v = {tag, 0, {0}, {NULL, 0}};
	return v;
}

static inline struct value value_bool(int truth)
{
	struct value v = {WEIR_BOOL, 0, {truth != 0}, {NULL, 0}};
	return v;
}

static inline struct value value_int(int64_t i64)
{
	struct value v = {WEIR_INT, 0, {i64}, {NULL, 0}};
	return v;
}

static inline struct value value_double(double f64)
{
	struct value v = {WEIR_DOUBLE, 0, {.f64 = f64}, {NULL, 0}};
	return v;
}

static inline struct value value_string(struct weir_slice text)
{
	struct value v = {WEIR_STRING, 0, {0}, text};
	return v;
}

static inline struct value value_of_number(const struct number *number)
{
	return number->is_int ? value_int(number->i64) : value_double(number->f64);
}

static inline int value_is_string(const struct value *value)
{
	return value->tag == WEIR_STRING || value->tag == WEIR_BYTES;
}

static inline int value_is_number(const struct value *value)
{
	return value->tag == WEIR_INT || value->tag == WEIR_DOUBLE;
}

static inline struct value value_load(const struct weir_batch *batch, const struct weir_value *from)
{
	struct value v = {from->tag, 0, {0}, {NULL, 0}};

	if (weir_value_has_text(from)) {
		v.text = weir_value_slice(batch, from);
		v.is_text = value_is_number(&v);
	} else {
		v.as.i64 = from->as.i64;
	}
	return v;
}

/* Up to 18 digits and nothing else: the usual number in a log. */
static inline int number_digits(const char *text, size_t size, int64_t *ret_number)
{
	int64_t number = 0;

	if (size == 0 || size > 18)
		return 0;
	for (size_t i = 0; i < size; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (digit > 9)
			return 0;
		number = number * 10 + (int64_t)digit;
	}
	*ret_number = number;
	return 1;
}

#endif
