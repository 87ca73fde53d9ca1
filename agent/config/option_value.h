// SPDX-License-Identifier: MIT
/* The checks of one scalar of a declared type; see option_check.h. */
#ifndef CONFIG_OPTION_VALUE_H
#define CONFIG_OPTION_VALUE_H

#include "config/option_check.h"

/* Fills a node, whose text and position are set, from a scalar. `type` is the option's, or that of
 * its elements. 0, or WEIR_ERR_INVALID when a problem has been reported. */
int option_value_read(struct config_file *file, const struct tree_node *scalar,
		      const struct weir_option *option, uint32_t type, const char *name,
		      struct weir_node *node);

#endif
