// SPDX-License-Identifier: MIT
/* From an expression's source to its tree. Pure: no more than memory is touched. */
#ifndef EXPR_PARSE_H
#define EXPR_PARSE_H

#include "expr/node.h"

/* Fills expr->root; on failure what was made stays with expr, for expr_free(). */
int parse_expression(struct weir_expr *expr, struct weir_slice source, struct weir_error *error);

#endif
