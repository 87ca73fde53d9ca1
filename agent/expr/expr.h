// SPDX-License-Identifier: MIT
/* The expression language of `when:` and the where filter; see weir/services.h for the calls. */
#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H

#include <weir/services.h>

int32_t expr_compile(struct weir_slice text, struct weir_expr **ret_expr, struct weir_error *error);
void expr_select(struct weir_expr *expr, const struct weir_batch *batch, uint64_t *selected);
int32_t expr_text(struct weir_expr *expr, const struct weir_batch *batch, uint32_t record,
		  struct weir_slice *ret_text);
int32_t expr_value(struct weir_expr *expr, struct weir_batch *batch, uint32_t record,
		   struct weir_value *ret_value);
void expr_free(struct weir_expr *expr);

#endif
