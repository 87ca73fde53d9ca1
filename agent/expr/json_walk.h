// SPDX-License-Identifier: MIT
/*
 * Reading inside a map or list, which is JSON text; it should be compact, but need not. Nothing is
 * allocated but unescaped strings. Text that is no JSON ends a walk early; it is never read beyond
 * its end.
 */
#ifndef EXPR_JSON_WALK_H
#define EXPR_JSON_WALK_H

#include "expr/value.h"

struct json_walk {
	struct weir_slice text;
	size_t at;
	int is_map;
};

/* `text` is a map or a list. */
struct json_walk json_walk_start(struct weir_slice text);
/* The next member or element, raw (the key with its quotes; empty in a list); 0 at the end. */
int json_walk_next(struct json_walk *walk, struct weir_slice *ret_key,
		   struct weir_slice *ret_value);
/* The raw value of a member; 0 when there is none. Of equal keys the last counts. */
int json_walk_member(struct scratch *scratch, struct weir_slice map, struct weir_slice name,
		     struct weir_slice *ret_value);
/* What a raw value means. */
struct value json_walk_value(struct scratch *scratch, struct weir_slice raw);

#endif
