// SPDX-License-Identifier: MIT
#include "expr/names.h"

#include "expr/node.h"

static void walk(const struct node *node, void (*each)(void *, const struct expr_name *),
		 void *user)
{
	struct weir_slice prefixes[FIELD_SEGMENTS_MAX];

	if (node->kind == NODE_FIELD) {
		const struct field *field = node->field;

		for (uint32_t i = 0; i < field->count; i++)
			prefixes[i] = field->prefixes[i].name;
		each(user, &(struct expr_name){node->offset, field->count, prefixes});
	}
	for (uint32_t i = 0; i < node->count; i++)
		walk(node->children[i], each, user);
}

void expr_names(const struct weir_expr *expr,
		void (*each)(void *user, const struct expr_name *name), void *user)
{
	walk(expr->root, each, user);
}
