// SPDX-License-Identifier: MIT
/* The value of a node for one record. Bounded by the tree's depth; allocates only scratch memory. */
#ifndef EXPR_EVALUATE_H
#define EXPR_EVALUATE_H

#include "expr/node.h"

struct evaluation {
	struct weir_expr *expr;
	const struct weir_batch *batch;
	const struct weir_record *record;
};

struct value evaluate(const struct evaluation *run, const struct node *node);
/* Whether the node is true; the same as value_is_true() of its value. */
int evaluate_truth(const struct evaluation *run, const struct node *node);

#endif
