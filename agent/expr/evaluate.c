// SPDX-License-Identifier: MIT
/*
 * One function per kind of node. An absent operand makes arithmetic absent, one that is no number
 * makes it null; nothing here fails.
 */
#include "expr/evaluate.h"

#include <math.h>

#include "expr/function.h"
#include "expr/json_walk.h"

static struct value meta_value(const struct evaluation *run, enum meta_kind meta)
{
	const struct weir_batch *batch = run->batch;
	struct value value = value_of_tag(WEIR_TIMESTAMP);

	switch (meta) {
	case META_TIMESTAMP:
		value.as.i64 = run->record->timestamp_ns;
		return value;
	case META_SOURCE:
		if (run->record->source >= batch->source_count)
			return value_of_tag(WEIR_ABSENT);
		return value_string(batch->sources[run->record->source]->name);
	case META_POSITION:
		return value_int((int64_t)run->record->position);
	default:
		return value_string(weir_slice_of(run->expr->host));
	}
}

static int all_true(const struct evaluation *run, const struct node *node)
{
	for (uint32_t i = 0; i < node->count; i++)
		if (!evaluate_truth(run, node->children[i]))
			return 0;
	return 1;
}

static int any_true(const struct evaluation *run, const struct node *node)
{
	for (uint32_t i = 0; i < node->count; i++)
		if (evaluate_truth(run, node->children[i]))
			return 1;
	return 0;
}

static int compare(const struct evaluation *run, const struct node *node)
{
	struct value left = evaluate(run, node->children[0]);
	struct value right = evaluate(run, node->children[1]);

	return (value_order(&left, &right) & node->op) != 0;
}

static int match(const struct evaluation *run, const struct node *node)
{
	struct value subject = evaluate(run, node->children[0]);
	struct weir_slice text;

	return value_text(&run->expr->work, &subject, &text) && regex_matches(node->regex, text);
}

static int is_among(const struct evaluation *run, const struct node *node)
{
	struct value wanted = evaluate(run, node->children[0]);

	for (uint32_t i = 1; i < node->count; i++) {
		struct value one = evaluate(run, node->children[i]);

		if (value_order(&wanted, &one) == ORDER_EQUAL)
			return 1;
	}
	return 0;
}

static int is_element(const struct evaluation *run, const struct node *node)
{
	struct value wanted = evaluate(run, node->children[0]);
	struct value list = evaluate(run, node->children[1]);

	return list.tag == WEIR_LIST && list_contains(&run->expr->work, &list, &wanted);
}

int evaluate_truth(const struct evaluation *run, const struct node *node)
{
	struct value value;

	switch (node->kind) {
	case NODE_AND:
		return all_true(run, node);
	case NODE_OR:
		return any_true(run, node);
	case NODE_NOT:
		return !evaluate_truth(run, node->children[0]);
	case NODE_COMPARE:
		return compare(run, node);
	case NODE_MATCH:
		return match(run, node) != node->negated;
	case NODE_IN:
		return is_among(run, node) != node->negated;
	case NODE_IN_FIELD:
		return is_element(run, node) != node->negated;
	default:
		value = evaluate(run, node);
		return value_is_true(&value);
	}
}

static struct value whole_arithmetic(char op, int64_t a, int64_t b)
{
	int64_t result;
	int overflow;

	switch (op) {
	case '+':
		overflow = __builtin_add_overflow(a, b, &result);
		break;
	case '-':
		overflow = __builtin_sub_overflow(a, b, &result);
		break;
	case '*':
		overflow = __builtin_mul_overflow(a, b, &result);
		break;
	default: /* / and %: b is not zero; only the least by -1 overflows */
		overflow = b == -1 && a == INT64_MIN;
		if (op == '%')
			return value_int(overflow ? 0 : a % b);
		if (!overflow && a % b != 0)
			return value_double((double)a / (double)b);
		result = overflow ? 0 : a / b;
		break;
	}
	if (!overflow)
		return value_int(result);
	return value_double(op == '+'   ? (double)a + (double)b
			    : op == '-' ? (double)a - (double)b
			    : op == '*' ? (double)a * (double)b
					: (double)a / (double)b);
}

static struct value double_arithmetic(char op, double a, double b)
{
	double result = op == '+'   ? a + b
			: op == '-' ? a - b
			: op == '*' ? a * b
			: op == '/' ? a / b
				    : fmod(a, b);

	return isfinite(result) ? value_double(result) : value_of_tag(WEIR_NULL);
}

static struct value concatenate(const struct evaluation *run, const struct value *left,
				const struct value *right)
{
	struct weir_slice a, b;
	char *text;

	if (!value_text(&run->expr->work, left, &a) || !value_text(&run->expr->work, right, &b))
		return value_of_tag(WEIR_NULL);
	text = scratch_take(&run->expr->work, a.size + b.size);
	if (!text)
		return value_of_tag(WEIR_NULL);
	if (a.size)
		memcpy(text, a.data, a.size);
	if (b.size)
		memcpy(text + a.size, b.data, b.size);
	return value_string((struct weir_slice){text, a.size + b.size});
}

static struct value arithmetic(const struct evaluation *run, const struct node *node)
{
	struct value left = evaluate(run, node->children[0]);
	struct value right = evaluate(run, node->children[1]);
	struct number a, b;

	if (left.tag == WEIR_ABSENT || right.tag == WEIR_ABSENT)
		return value_of_tag(WEIR_ABSENT);
	if (node->op == '+' && (value_is_string(&left) || value_is_string(&right)))
		return concatenate(run, &left, &right);
	if (!value_number(&left, &a) || !value_number(&right, &b))
		return value_of_tag(WEIR_NULL);
	if ((node->op == '/' || node->op == '%') && b.f64 == 0)
		return value_of_tag(WEIR_NULL);
	if (a.is_int && b.is_int)
		return whole_arithmetic((char)node->op, a.i64, b.i64);
	return double_arithmetic((char)node->op, a.f64, b.f64);
}

static struct value negate(const struct evaluation *run, const struct node *node)
{
	struct value value = evaluate(run, node->children[0]);
	struct number number;

	if (value.tag == WEIR_ABSENT)
		return value;
	if (!value_number(&value, &number))
		return value_of_tag(WEIR_NULL);
	if (number.is_int && number.i64 != INT64_MIN)
		return value_int(-number.i64);
	return value_double(-number.f64);
}

struct value evaluate(const struct evaluation *run, const struct node *node)
{
	switch (node->kind) {
	case NODE_LITERAL:
		return node->literal;
	case NODE_FIELD:
		return field_value(node->field, &run->expr->work, run->batch, run->record);
	case NODE_META:
		return meta_value(run, node->meta);
	case NODE_NEGATE:
		return negate(run, node);
	case NODE_ARITHMETIC:
		return arithmetic(run, node);
	case NODE_CALL:
		return node->function->call(run, node);
	default:
		return value_bool(evaluate_truth(run, node));
	}
}
