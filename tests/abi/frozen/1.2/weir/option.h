// SPDX-License-Identifier: MIT
/*
 * Options: declared by the plugin, checked by the host.
 *
 * A descriptor lists its options; the host reads the YAML, substitutes ${...}, checks names, types,
 * ranges and values, fills in defaults, and only then hands the plugin a tree of nodes. `weir check`,
 * `weir plugins NAME` and the man pages come from the same declarations.
 */
#ifndef WEIR_OPTION_H
#define WEIR_OPTION_H

#include <weir/abi.h>

/* Types of options, and of the nodes that carry them. */
#define WEIR_TYPE_STRING 1
#define WEIR_TYPE_BOOL 2     /* i64 is 0 or 1 */
#define WEIR_TYPE_INT 3      /* i64 */
#define WEIR_TYPE_DOUBLE 4   /* f64 */
#define WEIR_TYPE_SIZE 5     /* i64 bytes; written 64KiB, 5MiB, 2GiB, 1MB, or a plain number */
#define WEIR_TYPE_DURATION 6 /* i64 nanoseconds; written 200ms, 5s, 10m, 1h, 30d */
#define WEIR_TYPE_SECRET 7   /* a string that is never shown */
#define WEIR_TYPE_EXPR 8     /* an expression of the host's language; checked; text is its source */
#define WEIR_TYPE_REGEX 9    /* a PCRE2 pattern; text is its source */
#define WEIR_TYPE_LIST 10    /* of `element` type; a single scalar is taken as a list of one */
#define WEIR_TYPE_MAP 11     /* with the declared `members`, or any keys of `element` type */
#define WEIR_TYPE_ANY 12     /* any YAML: scalars become the type that YAML's core schema gives */
#define WEIR_TYPE_NULL 13    /* nodes only */

#define WEIR_OPTION_REQUIRED 1
/* A scalar is taken as the map {FIRST_MEMBER: scalar}: `parse: json` for `parse: {format: json}`. */
#define WEIR_OPTION_SHORT 2
/* Of a MAP with elements of ANY type: a value {expr: TEXT} is an expression, and checked as one. */
#define WEIR_OPTION_COMPUTED 4

struct weir_option {
	uint32_t struct_size; /* 0 in the last, empty entry */
	uint32_t type;
	uint32_t element; /* element type of a LIST, or of a MAP without members */
	uint32_t flags;   /* WEIR_OPTION_* */
	const char *name;
	const char
		*default_text; /* as the user would write it; NULL = none (the node is missing) */
	const char *doc;       /* one line, no full stop */
	const char *values;    /* allowed words, separated by '|'; NULL = any */
	int64_t min, max;      /* for INT, SIZE, DURATION when min < max */
	const struct weir_option *members; /* of a MAP, ended by an entry of struct_size 0 */
};

/* By position, so that C++ takes them too. */
#define WEIR_OPTION(n, t, d, text)                                                        \
	{                                                                                 \
		sizeof(struct weir_option), (t), 0, 0, (n), (d), (text), NULL, 0, 0, NULL \
	}
#define WEIR_OPTION_END                                        \
	{                                                      \
		0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0, NULL \
	}

/* One checked node. Borrowed from the host; valid from create() until destroy() has returned. */
struct weir_node {
	uint32_t struct_size;
	uint32_t type;         /* WEIR_TYPE_*; the declared type of the option */
	uint32_t line, column; /* where it is written; 0 for a default */
	struct weir_slice
		text; /* of scalars: as written after ${} substitution; followed by a NUL */
	int64_t i64;
	double f64;
	uint32_t count; /* of list elements or map members */
	uint32_t reserved;
	const struct weir_node *const *items; /* list elements, or map values */
	const struct weir_slice *keys;        /* map keys, in the order written; NULL for lists */
};

/* The member `name` of a map node, or NULL. */
static inline const struct weir_node *weir_node_find(const struct weir_node *map, const char *name)
{
	if (!map || map->type != WEIR_TYPE_MAP)
		return 0;
	for (uint32_t i = 0; i < map->count; i++)
		if (weir_slice_equals(map->keys[i], name))
			return map->items[i];
	return 0;
}

static inline int64_t weir_node_int(const struct weir_node *map, const char *name, int64_t missing)
{
	const struct weir_node *node = weir_node_find(map, name);

	return node ? node->i64 : missing;
}

/* The text of a scalar member; NUL-terminated; NULL when missing. */
static inline const char *weir_node_text(const struct weir_node *map, const char *name)
{
	const struct weir_node *node = weir_node_find(map, name);

	return node ? node->text.data : 0;
}

#endif
