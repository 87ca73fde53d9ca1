// SPDX-License-Identifier: MIT
#include "keys.h"

#include <stdlib.h>

/* FNV-1a, 32 bits. */
static uint32_t name_hash(struct weir_slice name)
{
	uint32_t hash = 2166136261u;

	for (uint64_t i = 0; i < name.size; i++)
		hash = (hash ^ (uint8_t)name.data[i]) * 16777619u;
	return hash;
}

/* A table for `count` keys that is at most half full, all empty. */
static int table_ready(struct parse *parse, uint32_t count, uint32_t *ret_mask)
{
	uint32_t size = 64;

	while (size < 2 * count)
		size *= 2;
	if (size > parse->table_size) {
		free(parse->table);
		parse->table = malloc(size * sizeof(*parse->table));
		parse->table_size = parse->table ? size : 0;
		if (!parse->table)
			return -1;
	}
	memset(parse->table, 0, size * sizeof(*parse->table));
	*ret_mask = size - 1;
	return 0;
}

/* The index of an equal key before it, or its own, which is then in the table. */
static uint32_t first_of(struct parse *parse, uint32_t mask, uint32_t hash, uint32_t index)
{
	struct weir_slice name = parse->keys[index];

	for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
		uint32_t other = parse->table[at];

		if (other == 0) {
			parse->table[at] = index + 1;
			return index;
		}
		if (parse->keys[other - 1].size == name.size &&
		    memcmp(parse->keys[other - 1].data, name.data, name.size) == 0)
			return other - 1;
	}
}

int keys_settle(struct parse *parse)
{
	uint32_t kept = 0, mask, all = 2166136261u;

	if (table_ready(parse, parse->count, &mask) != 0)
		return -1;
	for (uint32_t i = 0; i < parse->count; i++) {
		struct weir_value value = parse->values[i];
		uint32_t hash = name_hash(parse->keys[i]), first;

		parse->keys[kept] = parse->keys[i];
		first = first_of(parse, mask, hash, kept);
		parse->values[first] = value;
		if (first != kept)
			continue;
		all = (all ^ hash) * 16777619u + kept++;
	}
	parse->count = kept;
	parse->keys_hash = all | 1; /* 0 means keys that never change */
	return 0;
}
