// SPDX-License-Identifier: MIT
/* The fields that an expression asks for. */
#ifndef EXPR_NAMES_H
#define EXPR_NAMES_H

#include <weir/services.h>

/* A field as an expression finds it: `a.b.c` is the field of that name, or a member of a map `a.b` or `a`.
 * Valid during the call. */
struct expr_name {
	uint32_t offset;                   /* of the name, in the expression's source */
	uint32_t count;                    /* of prefixes */
	const struct weir_slice *prefixes; /* `a`, `a.b`, `a.b.c`: the last is the whole name */
};

/* Calls each() for every field, in the order of the text; metadata are none. */
void expr_names(const struct weir_expr *expr,
		void (*each)(void *user, const struct expr_name *name), void *user);

#endif
