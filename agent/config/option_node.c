// SPDX-License-Identifier: MIT
#include "config/option_node.h"

#include "base/secrets.h"

struct option_node {
	struct weir_node view; /* what the plugin sees */
	/* Column of the text's first byte where it is written on one line just as it reads; else 0. */
	uint32_t text_column;
	struct option_place *key_places; /* of a map */
};

static const struct option_node *whole(const struct weir_node *node)
{
	return (const struct option_node *)(const void *)node;
}

struct weir_node *option_node_create(struct config_file *file, const struct tree_node *from,
				     uint32_t type)
{
	struct config_memory *memory = file->config->memory;
	struct option_node *node = config_alloc(memory, sizeof(*node));

	if (!node)
		return NULL;
	node->view.struct_size = sizeof(node->view);
	node->view.type = type;
	node->view.line = from ? from->line : 0;
	node->view.column = from ? from->column : 0;
	node->view.text.data = "";
	if (from && from->kind == TREE_SCALAR) {
		node->view.text.data = config_copy(memory, from->text.data, from->text.size);
		node->view.text.size = from->text.size;
		node->text_column = from->text_column;
	}
	if (node->view.text.data && type == WEIR_TYPE_SECRET)
		secrets_add(&file->config->secrets, node->view.text);
	else if (node->view.text.data)
		secrets_add_url(&file->config->secrets, node->view.text);
	return node->view.text.data ? &node->view : NULL;
}

struct weir_node *option_node_collection(struct config_file *file, const struct tree_node *from,
					 uint32_t type, uint32_t room,
					 const struct weir_node ***ret_items,
					 struct weir_slice **ret_keys)
{
	struct config_memory *memory = file->config->memory;
	struct option_node *node = config_alloc(memory, sizeof(*node));

	*ret_items = config_alloc(memory, (room + 1) * sizeof(**ret_items));
	*ret_keys = NULL;
	if (!node || !*ret_items)
		return NULL;
	if (type == WEIR_TYPE_MAP) {
		*ret_keys = config_alloc(memory, (room + 1) * sizeof(**ret_keys));
		node->key_places = config_alloc(memory, (room + 1) * sizeof(*node->key_places));
		if (!*ret_keys || !node->key_places)
			return NULL;
	}
	node->view = (struct weir_node){.struct_size = sizeof(node->view),
					.type = type,
					.line = from ? from->line : 0,
					.column = from ? from->column : 0,
					.text.data = "",
					.items = *ret_items,
					.keys = *ret_keys};
	return &node->view;
}

void option_node_place_key(struct weir_node *map, uint32_t index, const struct tree_node *key)
{
	struct option_node *node = (struct option_node *)(void *)map;

	node->key_places[index] = (struct option_place){key->line, key->column};
}

struct option_place option_node_place(const struct weir_node *scalar, uint64_t offset)
{
	struct option_place place = {scalar->line, scalar->column};
	uint32_t from = whole(scalar)->text_column;

	if (from == 0 || scalar->line == 0)
		return place;
	place.column = from;
	for (uint64_t i = 0; i < offset && i < scalar->text.size; i++)
		place.column += ((unsigned char)scalar->text.data[i] & 0xC0) != 0x80;
	return place;
}

struct option_place option_node_key_place(const struct weir_node *map, struct weir_slice key)
{
	struct option_place place = {map->line, map->column};

	for (uint32_t i = 0; i < map->count; i++)
		if (map->keys[i].size == key.size &&
		    (key.size == 0 || memcmp(map->keys[i].data, key.data, key.size) == 0))
			return whole(map)->key_places[i].line ? whole(map)->key_places[i] : place;
	return place;
}
