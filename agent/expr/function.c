// SPDX-License-Identifier: MIT
/*
 * The table, and the functions that are about values rather than about text (function_text.c).
 *
 * An absent or null argument gives null, unless the function says otherwise; so does one of a type
 * that the function can't use.
 */
#include "expr/function.h"

#include <math.h>
#include <xxhash.h>

#include "expr/function_text.h"
#include "expr/json_walk.h"

static struct value argument(const struct evaluation *run, const struct node *node, uint32_t i)
{
	return evaluate(run, node->children[i]);
}

static int number_argument(const struct evaluation *run, const struct node *node, uint32_t i,
			   struct number *ret_number)
{
	struct value value = argument(run, node, i);

	return value_number(&value, ret_number);
}

static struct value call_exists(const struct evaluation *run, const struct node *node)
{
	return value_bool(argument(run, node, 0).tag != WEIR_ABSENT);
}

static struct value call_coalesce(const struct evaluation *run, const struct node *node)
{
	for (uint32_t i = 0; i < node->count; i++) {
		struct value value = argument(run, node, i);

		if (value.tag != WEIR_ABSENT && value.tag != WEIR_NULL)
			return value;
	}
	return value_of_tag(WEIR_NULL);
}

static struct value call_number(const struct evaluation *run, const struct node *node)
{
	struct number number;

	if (!number_argument(run, node, 0, &number))
		return value_of_tag(WEIR_NULL);
	return value_of_number(&number);
}

static struct value call_string(const struct evaluation *run, const struct node *node)
{
	struct value value = argument(run, node, 0);
	struct weir_slice text;

	if (!value_text(&run->expr->work, &value, &text))
		return value_of_tag(WEIR_NULL);
	return value_string(text);
}

/* A whole double as an INT where it fits. */
static struct value whole(double value)
{
	if (value >= -9223372036854775808.0 && value < 9223372036854775808.0)
		return value_int((int64_t)value);
	return value_double(value);
}

static struct value rounded(const struct evaluation *run, const struct node *node,
			    double (*rounding)(double))
{
	struct number number;

	if (!number_argument(run, node, 0, &number))
		return value_of_tag(WEIR_NULL);
	return number.is_int ? value_int(number.i64) : whole(rounding(number.f64));
}

static struct value call_floor(const struct evaluation *run, const struct node *node)
{
	return rounded(run, node, floor);
}

static struct value call_ceil(const struct evaluation *run, const struct node *node)
{
	return rounded(run, node, ceil);
}

static struct value call_round(const struct evaluation *run, const struct node *node)
{
	return rounded(run, node, round);
}

static struct value call_abs(const struct evaluation *run, const struct node *node)
{
	struct number number;

	if (!number_argument(run, node, 0, &number))
		return value_of_tag(WEIR_NULL);
	if (number.is_int && number.i64 != INT64_MIN)
		return value_int(number.i64 < 0 ? -number.i64 : number.i64);
	return value_double(fabs(number.f64));
}

/* The least or the greatest of the arguments that are numbers; null when there is none. */
static struct value extreme(const struct evaluation *run, const struct node *node, unsigned order)
{
	struct value best = value_of_tag(WEIR_NULL);

	for (uint32_t i = 0; i < node->count; i++) {
		struct number number;
		struct value value;

		if (!number_argument(run, node, i, &number))
			continue;
		value = value_of_number(&number);
		if (best.tag == WEIR_NULL || value_order(&value, &best) == order)
			best = value;
	}
	return best;
}

static struct value call_min(const struct evaluation *run, const struct node *node)
{
	return extreme(run, node, ORDER_LESS);
}

static struct value call_max(const struct evaluation *run, const struct node *node)
{
	return extreme(run, node, ORDER_GREATER);
}

int list_contains(struct scratch *scratch, const struct value *list, const struct value *wanted)
{
	struct json_walk walk = json_walk_start(list->text);
	struct weir_slice key, raw;

	while (json_walk_next(&walk, &key, &raw)) {
		struct value one = json_walk_value(scratch, raw);

		if (value_order(wanted, &one) == ORDER_EQUAL)
			return 1;
	}
	return 0;
}

static struct value call_contains(const struct evaluation *run, const struct node *node)
{
	struct value whole_value = argument(run, node, 0);
	struct value part = argument(run, node, 1);
	struct weir_slice a, b;

	if (whole_value.tag == WEIR_LIST)
		return value_bool(list_contains(&run->expr->work, &whole_value, &part));
	if (!value_text(&run->expr->work, &whole_value, &a) ||
	    !value_text(&run->expr->work, &part, &b))
		return value_bool(0);
	return value_bool(b.size == 0 || (a.size && memmem(a.data, a.size, b.data, b.size)));
}

static struct value call_length(const struct evaluation *run, const struct node *node)
{
	struct value value = argument(run, node, 0);
	struct weir_slice text, key, raw;
	struct json_walk walk;
	int64_t count = 0;

	if (value.tag == WEIR_MAP || value.tag == WEIR_LIST) {
		walk = json_walk_start(value.text);
		while (json_walk_next(&walk, &key, &raw))
			count++;
		return value_int(count);
	}
	if (!value_text(&run->expr->work, &value, &text))
		return value_of_tag(WEIR_NULL);
	return value_int((int64_t)text.size);
}

static struct value call_hash(const struct evaluation *run, const struct node *node)
{
	struct value value = argument(run, node, 0);
	struct weir_slice text;

	if (!value_text(&run->expr->work, &value, &text))
		return value_of_tag(WEIR_NULL);
	return value_int((int64_t)(XXH64(text.data, text.size, 0) & INT64_MAX));
}

static const struct function functions[] = {
	{"exists", 1, 1, 1, 0, "exists(field)", call_exists},
	{"coalesce", 1, FUNCTION_ARGUMENTS_MAX, 0, 0, "coalesce(a, b, ...)", call_coalesce},
	{"length", 1, 1, 0, 0, "length(text)", call_length},
	{"lower", 1, 1, 0, 0, "lower(text)", call_lower},
	{"upper", 1, 1, 0, 0, "upper(text)", call_upper},
	{"trim", 1, 1, 0, 0, "trim(text)", call_trim},
	{"starts_with", 2, 2, 0, 0, "starts_with(text, beginning)", call_starts_with},
	{"ends_with", 2, 2, 0, 0, "ends_with(text, ending)", call_ends_with},
	{"contains", 2, 2, 0, 0, "contains(text, part) or contains(list, value)", call_contains},
	{"substr", 2, 3, 0, 0, "substr(text, from) or substr(text, from, length)", call_substr},
	{"replace", 3, 3, 0, 1, "replace(text, \"pattern\", replacement)", call_replace},
	{"number", 1, 1, 0, 0, "number(value)", call_number},
	{"string", 1, 1, 0, 0, "string(value)", call_string},
	{"abs", 1, 1, 0, 0, "abs(number)", call_abs},
	{"floor", 1, 1, 0, 0, "floor(number)", call_floor},
	{"ceil", 1, 1, 0, 0, "ceil(number)", call_ceil},
	{"round", 1, 1, 0, 0, "round(number)", call_round},
	{"min", 1, FUNCTION_ARGUMENTS_MAX, 0, 0, "min(a, b, ...)", call_min},
	{"max", 1, FUNCTION_ARGUMENTS_MAX, 0, 0, "max(a, b, ...)", call_max},
	{"hash", 1, 1, 0, 0, "hash(text)", call_hash},
};

const struct function *function_at(uint32_t index)
{
	return index < sizeof(functions) / sizeof(functions[0]) ? &functions[index] : NULL;
}

const struct function *function_find(struct weir_slice name)
{
	const struct function *function;

	for (uint32_t i = 0; (function = function_at(i)); i++)
		if (weir_slice_equals(name, function->name))
			return function;
	return NULL;
}
