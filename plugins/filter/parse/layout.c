// SPDX-License-Identifier: MIT
#include "layout.h"

#include <stdlib.h>

#include "convert.h"

/* Direct-mapped; a log with more kinds of line at once than this pays for a lookup by the host. */
#define LAYOUTS 64

struct layouts {
	struct layout entries[LAYOUTS];
	struct weir_slice *keys; /* for building */
	uint32_t capacity;
};

int layouts_create(struct layouts **ret_layouts)
{
	*ret_layouts = calloc(1, sizeof(**ret_layouts));
	return *ret_layouts ? WEIR_OK : WEIR_ERR_MEMORY;
}

void layouts_destroy(struct layouts *layouts)
{
	if (!layouts)
		return;
	for (uint32_t i = 0; i < LAYOUTS; i++) {
		free(layouts->entries[i].carry);
		free(layouts->entries[i].convert);
		free(layouts->entries[i].types);
	}
	free(layouts->keys);
	free(layouts);
}

static int same_text(struct weir_slice a, struct weir_slice b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static int has_key(const struct weir_slice *keys, uint32_t count, struct weir_slice name)
{
	for (uint32_t i = 0; i < count; i++)
		if (same_text(keys[i], name))
			return 1;
	return 0;
}

static int grow(struct layouts *layouts, struct layout *layout, uint32_t count)
{
	if (layouts->capacity < count) {
		struct weir_slice *keys = realloc(layouts->keys, count * sizeof(*keys));

		if (!keys)
			return WEIR_ERR_MEMORY;
		layouts->keys = keys;
		layouts->capacity = count;
	}
	if (layout->capacity >= count)
		return WEIR_OK;
	free(layout->carry);
	free(layout->convert);
	free(layout->types);
	layout->capacity = count;
	layout->carry = calloc(count, sizeof(*layout->carry));
	layout->convert = calloc(count, sizeof(*layout->convert));
	layout->types = calloc(count, sizeof(*layout->types));
	if (layout->carry && layout->convert && layout->types)
		return WEIR_OK;
	layout->capacity = 0;
	return WEIR_ERR_MEMORY;
}

/* Parsed fields first, then those that come along. */
static void collect(const struct parse *parse, struct layout *layout, struct weir_slice *keys)
{
	const struct weir_shape *from = layout->from;

	memcpy(keys, parse->keys, parse->count * sizeof(*keys));
	layout->parsed = parse->count;
	layout->carried = 0;
	for (uint32_t slot = 0; slot < from->count; slot++) {
		struct weir_slice name = from->keys[slot]->name;

		if ((!parse->keep && same_text(name, parse->field)) ||
		    has_key(parse->keys, parse->count, name))
			continue;
		keys[layout->parsed + layout->carried] = name;
		layout->carry[layout->carried++] = (uint16_t)slot;
	}
}

static void mark(const struct parse *parse, struct layout *layout, const struct weir_slice *keys)
{
	struct weir_slice time = converter_time_field(parse->converter);

	layout->convert_count = 0;
	layout->has_time = 0;
	for (uint32_t slot = 0; slot < layout->parsed; slot++) {
		uint8_t type = converter_type(parse->converter, keys[slot]);

		if (type != CONVERT_NONE) {
			layout->convert[layout->convert_count] = (uint16_t)slot;
			layout->types[layout->convert_count++] = type;
		}
		if (time.size && same_text(time, keys[slot])) {
			layout->has_time = 1;
			layout->time_slot = (uint16_t)slot;
		}
	}
}

static int build(struct parse *parse, struct layout *layout, const struct weir_shape *from)
{
	struct layouts *layouts = parse->layouts;
	int result;

	layout->from = NULL; /* until it is whole */
	result = grow(layouts, layout, parse->count + from->count + 1);
	if (result != WEIR_OK)
		return result;
	layout->from = from;
	collect(parse, layout, layouts->keys);
	if (parse->converter)
		mark(parse, layout, layouts->keys);
	result = parse->host->batch_shape(parse->batch, layouts->keys,
					  layout->parsed + layout->carried, &layout->index);
	if (result != WEIR_OK) {
		layout->from = NULL;
		return result;
	}
	layout->to = parse->batch->shapes[layout->index];
	layout->lasting = from->id != 0 && layout->to->id != 0;
	layout->keys_hash = parse->keys_hash;
	layout->batch = parse->batches;
	return WEIR_OK;
}

/* Finds the place of the layout's shape in a new batch. */
static int refresh(struct parse *parse, struct layout *layout)
{
	struct weir_slice *keys = parse->layouts->keys;
	int result;

	if (layout->batch == parse->batches)
		return WEIR_OK;
	for (uint32_t slot = 0; slot < layout->to->count; slot++)
		keys[slot] = layout->to->keys[slot]->name;
	result = parse->host->batch_shape(parse->batch, keys, layout->to->count, &layout->index);
	if (result == WEIR_OK)
		layout->batch = parse->batches;
	return result;
}

/* True when the layout was made for these very keys and this shape. */
static int fits(const struct parse *parse, const struct layout *layout,
		const struct weir_shape *from)
{
	if (layout->from != from || layout->keys_hash != parse->keys_hash ||
	    layout->parsed != parse->count)
		return 0;
	if (layout->batch != parse->batches && !layout->lasting)
		return 0;
	if (parse->keys_hash == 0 || parse->same == layout)
		return 1;
	for (uint32_t slot = 0; slot < parse->count; slot++)
		if (!same_text(layout->to->keys[slot]->name, parse->keys[slot]))
			return 0;
	return 1;
}

int layout_find(struct parse *parse, const struct weir_shape *from,
		const struct layout **ret_layout)
{
	struct layout *layout =
		&parse->layouts->entries[(parse->keys_hash ^ from->id * 7) % LAYOUTS];
	int result;

	result = fits(parse, layout, from) ? refresh(parse, layout) : build(parse, layout, from);
	if (result == WEIR_OK)
		*ret_layout = layout;
	return result;
}
