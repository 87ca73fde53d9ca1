// SPDX-License-Identifier: MIT
/* All renames happen at once, so {a: b, b: a} swaps two fields. */
#include "rename.h"

#include <stdlib.h>

static int same(struct weir_slice a, struct weir_slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static int32_t grow(void **array, uint32_t *capacity, uint32_t need, size_t size)
{
	void *grown;

	if (need <= *capacity)
		return WEIR_OK;
	grown = realloc(*array, 2 * (size_t)need * size);
	if (!grown)
		return WEIR_ERR_MEMORY;
	*array = grown;
	*capacity = 2 * need;
	return WEIR_OK;
}

int32_t rename_plans_begin(struct rename *rename, const struct weir_batch *batch)
{
	void *plans = rename->plans;
	int32_t result =
		grow(&plans, &rename->plan_capacity, batch->shape_count, sizeof(*rename->plans));

	rename->plans = plans;
	rename->move_count = 0;
	if (result == WEIR_OK && batch->shape_count)
		memset(rename->plans, 0, batch->shape_count * sizeof(*rename->plans));
	return result;
}

static int32_t reserve(struct rename *rename, uint32_t keys)
{
	void *moves = rename->moves, *names = rename->keys;
	int32_t result = grow(&names, &rename->key_capacity, keys, sizeof(*rename->keys));

	rename->keys = names;
	if (result == WEIR_OK)
		result = grow(&moves, &rename->move_capacity, rename->move_count + keys,
			      sizeof(*rename->moves));
	rename->moves = moves;
	return result;
}

/* The new name of a field, or NULL when it keeps its own. */
static const struct weir_slice *new_name(const struct rename *rename, struct weir_slice name)
{
	for (uint32_t i = 0; i < rename->names->count; i++)
		if (same(rename->names->keys[i], name))
			return &rename->names->items[i]->text;
	return NULL;
}

/* The slot that keeps this very name, or -1. */
static int32_t kept_slot(const struct rename *rename, const struct weir_shape *shape,
			 struct weir_slice name)
{
	int32_t slot = weir_shape_find(shape, name);

	return slot >= 0 && !new_name(rename, name) ? slot : -1;
}

static int is_taken(const struct weir_slice *keys, uint32_t count, struct weir_slice name)
{
	for (uint32_t i = 0; i < count; i++)
		if (keys[i].data && same(keys[i], name))
			return 1;
	return 0;
}

/* Of the old names one is free for each slot that is left over. */
static void name_leftovers(const struct weir_shape *shape, struct weir_slice *keys)
{
	uint32_t old = 0;

	for (uint32_t i = 0; i < shape->count; i++) {
		if (keys[i].data)
			continue;
		while (old < shape->count && is_taken(keys, shape->count, shape->keys[old]->name))
			old++;
		if (old < shape->count)
			keys[i] = shape->keys[old]->name;
	}
}

int32_t rename_plan_make(struct rename *rename, struct weir_batch *batch, uint16_t index,
			 struct rename_plan *plan)
{
	const struct weir_shape *shape = batch->shapes[index];
	int32_t result = reserve(rename, shape->count);
	int changed = 0;

	if (result != WEIR_OK)
		return result;
	*plan = (struct rename_plan){.made = 1, .shape = index, .first = rename->move_count};
	for (uint32_t i = 0; i < shape->count; i++) {
		const struct weir_slice *name = new_name(rename, shape->keys[i]->name);
		int32_t other = name ? kept_slot(rename, shape, *name) : -1;

		rename->keys[i] = name ? *name : shape->keys[i]->name;
		changed |= name != NULL;
		if (other < 0)
			continue;
		rename->keys[i] = (struct weir_slice){NULL, 0};
		rename->moves[rename->move_count++] = (struct rename_move){i, (uint32_t)other};
	}
	plan->count = rename->move_count - plan->first;
	if (!changed)
		return WEIR_OK;
	name_leftovers(shape, rename->keys);
	return rename->host->batch_shape(batch, rename->keys, shape->count, &plan->shape);
}
