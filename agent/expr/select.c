// SPDX-License-Identifier: MIT
/*
 * `and`, `or` and `not` work on whole masks, so that each condition sees only the records that are
 * still undecided. A comparison of a field with a literal has a loop of its own, which asks for the
 * slot once per run of records of one shape; everything else goes through evaluate().
 */
#include "expr/select.h"

#include "expr/evaluate.h"

#define NO_SHAPE UINT32_MAX

struct comparison {
	struct lookup *lookup;
	const struct value *literal;
	unsigned op;
	uint32_t shape; /* that `slot` is for */
	int32_t slot;
};

static inline const struct weir_value *
find_value(struct comparison *c, const struct weir_batch *batch, const struct weir_record *record)
{
	if (record->shape != c->shape) {
		c->shape = record->shape;
		c->slot = lookup_slot(c->lookup, batch->shapes[record->shape]);
	}
	return c->slot < 0 ? NULL : &batch->values[record->row + (uint32_t)c->slot];
}

static inline unsigned order_whole(const struct weir_batch *batch, const struct weir_value *value,
				   int64_t literal)
{
	int64_t number = value->as.i64;
	struct value loaded, other;

	if (value->flags & WEIR_VALUE_TEXT) {
		struct weir_slice text = weir_value_slice(batch, value);

		if (!number_digits(text.data, text.size, &number)) {
			loaded = value_load(batch, value);
			other = value_int(literal);
			return value_order(&loaded, &other);
		}
	}
	return number < literal ? ORDER_LESS : number == literal ? ORDER_EQUAL : ORDER_GREATER;
}

static unsigned order_any(const struct weir_batch *batch, const struct weir_value *value,
			  const struct value *literal)
{
	struct value loaded;

	if (!value || value->tag == WEIR_ABSENT)
		return ORDER_NONE;
	loaded = value_load(batch, value);
	return value_order(&loaded, literal);
}

static uint64_t select_whole(struct comparison *c, const struct weir_batch *batch, uint32_t first,
			     uint64_t mask)
{
	uint64_t chosen = 0;

	for (; mask; mask &= mask - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(mask), order;
		const struct weir_value *value = find_value(c, batch, &batch->records[first + bit]);

		if (value && value->tag == WEIR_INT)
			order = order_whole(batch, value, c->literal->as.i64);
		else
			order = order_any(batch, value, c->literal);
		chosen |= (uint64_t)((order & c->op) != 0) << bit;
	}
	return chosen;
}

static uint64_t select_text(struct comparison *c, const struct weir_batch *batch, uint32_t first,
			    uint64_t mask)
{
	struct weir_slice wanted = c->literal->text;
	uint64_t chosen = 0;

	for (; mask; mask &= mask - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(mask), order;
		const struct weir_value *value = find_value(c, batch, &batch->records[first + bit]);

		if (value && value->tag == WEIR_STRING && value->length != wanted.size)
			order = ORDER_LESS; /* or greater: the same to == and != */
		else
			order = order_any(batch, value, c->literal);
		chosen |= (uint64_t)((order & c->op) != 0) << bit;
	}
	return chosen;
}

/* A comparison that has a fast loop? Then runs it. */
static int select_simple(const struct node *node, const struct weir_batch *batch, uint32_t first,
			 uint64_t mask, uint64_t *ret_chosen)
{
	const struct node *left = node->children[0], *right = node->children[1];
	struct comparison c = {.op = node->op, .shape = NO_SHAPE, .slot = -1};

	if (left->kind != NODE_FIELD || left->field->count != 1 || right->kind != NODE_LITERAL)
		return 0;
	c.lookup = &left->field->prefixes[0];
	c.literal = &right->literal;
	if (c.literal->tag == WEIR_INT)
		*ret_chosen = select_whole(&c, batch, first, mask);
	else if (c.literal->tag == WEIR_STRING && (c.op == COMPARE_EQ || c.op == COMPARE_NE))
		*ret_chosen = select_text(&c, batch, first, mask);
	else
		return 0;
	return 1;
}

static uint64_t select_each(struct weir_expr *expr, const struct node *node,
			    const struct weir_batch *batch, uint32_t first, uint64_t mask)
{
	struct evaluation run = {expr, batch, NULL};
	uint64_t chosen = 0;

	for (; mask; mask &= mask - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(mask);

		run.record = &batch->records[first + bit];
		scratch_reset(&expr->work);
		chosen |= (uint64_t)(evaluate_truth(&run, node) != 0) << bit;
	}
	return chosen;
}

uint64_t select_block(struct weir_expr *expr, const struct node *node,
		      const struct weir_batch *batch, uint32_t first, uint64_t mask)
{
	uint64_t chosen = 0;

	switch (node->kind) {
	case NODE_AND:
		for (uint32_t i = 0; i < node->count && mask; i++)
			mask = select_block(expr, node->children[i], batch, first, mask);
		return mask;
	case NODE_OR:
		for (uint32_t i = 0; i < node->count && mask; i++) {
			uint64_t more = select_block(expr, node->children[i], batch, first, mask);

			chosen |= more;
			mask &= ~more;
		}
		return chosen;
	case NODE_NOT:
		return mask & ~select_block(expr, node->children[0], batch, first, mask);
	case NODE_COMPARE:
		if (select_simple(node, batch, first, mask, &chosen))
			return chosen;
		break;
	default:
		break;
	}
	return select_each(expr, node, batch, first, mask);
}
