// SPDX-License-Identifier: MIT
/*
 * What a pipeline's file says, as a number: the tree with everything put in that ${...} stands for.
 * Comments, blanks and the way of writing do not count; the order of keys does.
 */
#ifndef CONFIG_FINGERPRINT_H
#define CONFIG_FINGERPRINT_H

#include "config/yaml_tree.h"

/* NULL is an empty document. `beside` is what else the pipeline depends on. */
struct config_fingerprint fingerprint_of(const struct tree_node *root, uint64_t beside);

#endif
