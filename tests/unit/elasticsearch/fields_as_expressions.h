// SPDX-License-Identifier: MIT
/* Expressions for a mock host: the name of a field, and nothing else. "bad" does not compile. */
#ifndef FIELDS_AS_EXPRESSIONS_H
#define FIELDS_AS_EXPRESSIONS_H

#include "mock_host.h"

struct weir_expr {
	char name[64];
};

static int32_t field_compile(struct weir_slice text, struct weir_expr **ret_expr,
			     struct weir_error *error)
{
	struct weir_expr *expr = calloc(1, sizeof(*expr));

	if (weir_slice_equals(text, "bad")) {
		free(expr);
		return weir_fail(error, WEIR_ERR_INVALID, "bad expression");
	}
	snprintf(expr->name, sizeof(expr->name), "%.*s", (int)text.size, text.data);
	*ret_expr = expr;
	return WEIR_OK;
}

static int32_t field_text(struct weir_expr *expr, const struct weir_batch *batch, uint32_t record,
			  struct weir_slice *ret_text)
{
	struct weir_slice text = mock_field(batch, record, expr->name);

	if (text.size == UINT64_MAX)
		return WEIR_ERR_NOT_FOUND;
	*ret_text = text;
	return WEIR_OK;
}

static void field_free(struct weir_expr *expr)
{
	free(expr);
}

static inline void fields_as_expressions(struct mock_host *host)
{
	host->services.expr_compile = field_compile;
	host->services.expr_text = field_text;
	host->services.expr_free = field_free;
}

#endif
