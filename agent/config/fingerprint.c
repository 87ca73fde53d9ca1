// SPDX-License-Identifier: MIT
#include "config/fingerprint.h"

#include <xxhash.h>

static void add_number(XXH3_state_t *state, uint32_t number)
{
	XXH3_128bits_update(state, &number, sizeof(number));
}

static void add_node(XXH3_state_t *state, const struct tree_node *node)
{
	add_number(state, node->kind);
	add_number(state, node->plain); /* "7" is a text and 7 a number */
	add_number(state, (uint32_t)node->text.size);
	XXH3_128bits_update(state, node->text.data ? node->text.data : "", node->text.size);
	add_number(state, node->count);
	for (uint32_t i = 0; i < node->count; i++) {
		if (node->kind == TREE_MAP)
			add_node(state, node->keys[i]);
		add_node(state, node->items[i]);
	}
}

struct config_fingerprint fingerprint_of(const struct tree_node *root, uint64_t beside)
{
	XXH3_state_t *state = XXH3_createState();
	struct config_fingerprint none = {0, 0};
	XXH128_hash_t hash;

	if (!state)
		return none;
	XXH3_128bits_reset(state);
	XXH3_128bits_update(state, &beside, sizeof(beside));
	if (root)
		add_node(state, root);
	hash = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	return (struct config_fingerprint){hash.low64, hash.high64};
}
