// SPDX-License-Identifier: MIT
/*
 * The nodes that plugins get, as the host makes them: with where their parts are written, which plugins
 * don't see. Every weir_node of a stage's options is one of these.
 */
#ifndef CONFIG_OPTION_NODE_H
#define CONFIG_OPTION_NODE_H

#include "config/yaml_tree.h"

struct option_place {
	uint32_t line, column; /* from 1; 0 = not written by the user */
};

/* Both: allocated in the config; NULL without memory. `from` is what is written, NULL for nothing. */
struct weir_node *option_node_create(struct config_file *file, const struct tree_node *from,
				     uint32_t type);
/* A list or map with room for `room` items, and in maps keys; `count` is what the caller fills in. */
struct weir_node *option_node_collection(struct config_file *file, const struct tree_node *from,
					 uint32_t type, uint32_t room,
					 const struct weir_node ***ret_items,
					 struct weir_slice **ret_keys);
/* Says where key `index` of a map is written. */
void option_node_place_key(struct weir_node *map, uint32_t index, const struct tree_node *key);

/* Where byte `offset` of a scalar's text is written, as near as is known. */
struct option_place option_node_place(const struct weir_node *scalar, uint64_t offset);
/* Where a map has the key, or the map itself is when it has not. */
struct option_place option_node_key_place(const struct weir_node *map, struct weir_slice key);

#endif
