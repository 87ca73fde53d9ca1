// SPDX-License-Identifier: MIT
/* What one field is set to: a constant, or an expression's value. */
#ifndef SET_RULE_H
#define SET_RULE_H

#include "json_text.h"

struct rule {
	struct weir_slice name;
	struct weir_expr *expr;          /* NULL for a constant */
	const struct weir_node *written; /* the expression's node */
	struct weir_value value;         /* of a constant; text is placed in each batch */
	struct weir_slice text;          /* of a constant that is text */
	struct json_text made;           /* owns `text` when that is a map or a list */
};

int32_t rule_create(const struct weir_services *host, struct weir_slice name,
		    const struct weir_node *node, struct rule *ret_rule, struct weir_error *error);
void rule_done(const struct weir_services *host, struct rule *rule);

#endif
