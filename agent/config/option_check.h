// SPDX-License-Identifier: MIT
/*
 * Checks what the user wrote against declared options, and makes the nodes that a plugin gets:
 * defaults filled in, numbers read, expressions and patterns compiled once to see that they are
 * right. All problems of a map are reported; the nodes that result are for use only when the file
 * has no error.
 */
#ifndef CONFIG_OPTION_CHECK_H
#define CONFIG_OPTION_CHECK_H

#include "config/yaml_tree.h"

/* Options with a common owner; what is written in one map may belong to several sets. */
struct option_set {
	const struct weir_option *options; /* NULL = none */
	const struct weir_node
		*ret_node; /* a MAP of the options of this set; NULL without memory */
};

/* Checks a map (or nothing, node NULL) against `count` sets. `owner` is named in messages; line and
 * column are where it is written. */
void option_check_map(struct config_file *file, const struct tree_node *map, const char *owner,
		      uint32_t line, uint32_t column, struct option_set *sets, size_t count);

/* Checks one value; NULL when it is wrong. `name` is what messages call it. */
const struct weir_node *option_check_value(struct config_file *file, const struct tree_node *node,
					   const struct weir_option *option, const char *name);

/* The declared option `name`, or NULL. */
const struct weir_option *option_find(const struct weir_option *options, struct weir_slice name);

#endif
