// SPDX-License-Identifier: MIT
#include "pairs.h"

#include "keys.h"
#include "layout.h"

void pairs_begin(struct parse *parse)
{
	parse->count = 0;
	parse->same = parse->last; /* until a key differs */
}

static int key_as_before(const struct layout *last, uint32_t slot, struct weir_slice key)
{
	struct weir_slice before;

	if (slot >= last->parsed)
		return 0;
	before = last->to->keys[slot]->name;
	return before.size == key.size && memcmp(before.data, key.data, key.size) == 0;
}

const char *pairs_add(struct parse *parse, struct weir_slice key, struct weir_value value)
{
	if (parse->count + parse->carried >= WEIR_SHAPE_KEYS_MAX)
		return "more fields than a record can have";
	if (parse->count == parse->capacity && parse_grow(parse, 2 * parse->capacity) != WEIR_OK)
		return "no memory for the fields";
	if (parse->same && !key_as_before(parse->same, parse->count, key))
		parse->same = NULL;
	parse->keys[parse->count] = key;
	parse->values[parse->count++] = value;
	return NULL;
}

const char *pairs_end(struct parse *parse)
{
	if (parse->same && parse->count == parse->same->parsed) {
		parse->keys_hash = parse->same->keys_hash;
		return NULL;
	}
	parse->same = NULL;
	return keys_settle(parse) == 0 ? NULL : "no memory for the fields";
}
