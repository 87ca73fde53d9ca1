// SPDX-License-Identifier: MIT
/* Conditions over 64 records at a time. */
#ifndef EXPR_SELECT_H
#define EXPR_SELECT_H

#include "expr/node.h"

/* Of the records first + i whose bit i is set in `mask`, those for which the node is true. */
uint64_t select_block(struct weir_expr *expr, const struct node *node,
		      const struct weir_batch *batch, uint32_t first, uint64_t mask);

#endif
