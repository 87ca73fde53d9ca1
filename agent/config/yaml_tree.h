// SPDX-License-Identifier: MIT
/*
 * YAML text as a tree that knows where everything is written.
 *
 * A stricter YAML than the standard's: one document, keys are plain words and unique in their map,
 * no anchors, aliases and tags (so a small file stays small), and bounds on depth and size.
 */
#ifndef CONFIG_YAML_TREE_H
#define CONFIG_YAML_TREE_H

#include "config/config_file.h"

#define TREE_DEPTH_MAX 32
#define TREE_NODES_MAX 50000
#define TREE_KEYS_MAX 2000 /* in one map; they are compared with each other */

#define TREE_BAD 0 /* its problem has been reported; say nothing more about it */
#define TREE_SCALAR 1
#define TREE_LIST 2
#define TREE_MAP 3

struct tree_node {
	uint32_t kind; /* TREE_* */
	uint32_t line, column;
	uint32_t plain; /* a scalar without quotes: null, numbers and booleans may be meant */
	/* Column of the text's first byte where it is written on one line just as it reads; else 0. */
	uint32_t text_column;
	uint32_t count;
	struct weir_slice text;   /* of a scalar; followed by a NUL */
	struct tree_node **items; /* of a list, or the values of a map */
	struct tree_node **keys;  /* of a map: scalars */
};

/* The tree lives as long as the file; NULL for an empty document. On failure the problems are in the
 * file. */
int tree_read(struct config_file *file, struct tree_node **ret_root);

/* True for what YAML reads as null: nothing, ~ or null, without quotes. NULL counts. */
int tree_is_null(const struct tree_node *node);
/* Where byte `offset` of a scalar's text is written, as near as is known. */
void tree_position(const struct tree_node *node, size_t offset, uint32_t *ret_line,
		   uint32_t *ret_column);
/* For a tree that the user did not write. */
void tree_forget_positions(struct tree_node *node);
/* "a map", "a list", "nothing", or the scalar in quotes, shortened. */
const char *tree_describe(struct config_file *file, const struct tree_node *node);

#endif
