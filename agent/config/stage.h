// SPDX-License-Identifier: MIT
/* One stage of a pipeline: `plugin: {options}`, the plugin's own options and those of the host. */
#ifndef CONFIG_STAGE_H
#define CONFIG_STAGE_H

#include "config/yaml_tree.h"

/* The options of a stage that the host owns, by kind; for messages and `weir plugins`. */
const struct weir_option *stage_host_options(uint32_t kind);

/* Reads one entry of a list of stages. `list` is what the list is called, for messages. 0, or
 * WEIR_ERR_INVALID when the entry is no stage of a known plugin. */
int stage_read(struct config_file *file, struct registry *registry, uint32_t kind, const char *list,
	       const struct tree_node *entry, struct config_stage *ret_stage);
/* Gives every stage of a list that has no name of its own one, and reports names used twice. */
void stage_name_all(struct config_file *file, struct config_stage *stages, size_t count);

/* True for [A-Za-z0-9_-]+ of at most 64 characters: names of pipelines and stages. */
int stage_is_name(const char *name);

#endif
