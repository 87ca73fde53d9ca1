// SPDX-License-Identifier: MIT
/*
 * Grok's own notation made into a regular expression: `%{NAME}` is replaced by the pattern of that
 * name, `%{NAME:field}` by a named group, in patterns within patterns too.
 */
#ifndef PARSE_GROK_EXPAND_H
#define PARSE_GROK_EXPAND_H

#include <weir/plugin.h>

/* The groups that stand for fields are named GROK_GROUP and the field's index. */
#define GROK_GROUP "weir_"

struct grok_field {
	struct weir_slice name; /* borrowed, from the options or from the program */
	uint8_t type;           /* CONVERT_* */
};

struct grok_expansion {
	char *text;
	uint32_t size;
	uint32_t capacity;
	struct grok_field *fields; /* one per group: a name may occur twice */
	uint32_t field_count;
	uint32_t field_capacity;
};

/* patterns is the map of the user's own, or NULL; they come before those that grok knows. The error
 * has its place. grok_expansion_done() in any case. */
int grok_expand(const struct weir_node *pattern, const struct weir_node *patterns,
		struct grok_expansion *ret_expansion, struct weir_error *error);
void grok_expansion_done(struct grok_expansion *expansion);

#endif
