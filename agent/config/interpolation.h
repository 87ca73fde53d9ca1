// SPDX-License-Identifier: MIT
/*
 * ${NAME}, ${NAME:-default} and ${file:/path} in the values of a tree; $$ is a plain $.
 *
 * Works on the parsed tree, so comments are left alone and what is put in can never change the
 * structure of the file. A $ before anything but { and $ stays as it is, for regular expressions.
 */
#ifndef CONFIG_INTERPOLATION_H
#define CONFIG_INTERPOLATION_H

#include "config/yaml_tree.h"

/* A file put in by ${file:...} is a secret or a word, not a data set. */
#define INTERPOLATION_FILE_MAX 65536

/* A scalar with a problem becomes TREE_BAD; the problem is reported. */
void interpolation_apply(struct config_file *file, struct tree_node *node);

#endif
