// SPDX-License-Identifier: MIT
/*
 * For every shape of the batch there is a run in `slots`, made when a record first needs it.
 */
#include "support/fieldlist/fieldlist.h"

#include <stdlib.h>

struct run {
	uint32_t first; /* in slots */
	uint32_t count;
	int made;
};

struct fieldlist {
	const struct weir_node *names;
	int which;
	struct run *runs; /* by index of the shape in the batch */
	uint32_t run_capacity;
	uint32_t *slots;
	uint32_t slot_count, slot_capacity;
};

int32_t fieldlist_create(const struct weir_node *names, int which, struct fieldlist **ret_list,
			 struct weir_error *error)
{
	struct fieldlist *list = calloc(1, sizeof(*list));

	if (!list)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a list of fields");
	list->names = names;
	list->which = which;
	*ret_list = list;
	return WEIR_OK;
}

void fieldlist_destroy(struct fieldlist *list)
{
	if (!list)
		return;
	free(list->runs);
	free(list->slots);
	free(list);
}

static int is_listed(const struct fieldlist *list, struct weir_slice name)
{
	for (uint32_t i = 0; i < list->names->count; i++) {
		struct weir_slice one = list->names->items[i]->text;

		if (one.size == name.size &&
		    (name.size == 0 || memcmp(one.data, name.data, name.size) == 0))
			return 1;
	}
	return 0;
}

static int begin(struct fieldlist *list, uint32_t shapes)
{
	if (shapes > list->run_capacity) {
		struct run *runs = realloc(list->runs, shapes * sizeof(*runs));

		if (!runs)
			return WEIR_ERR_MEMORY;
		list->runs = runs;
		list->run_capacity = shapes;
	}
	if (shapes)
		memset(list->runs, 0, shapes * sizeof(*list->runs));
	list->slot_count = 0;
	return WEIR_OK;
}

static int make_run(struct fieldlist *list, const struct weir_shape *shape, struct run *run)
{
	uint32_t need = list->slot_count + shape->count;

	if (need > list->slot_capacity) {
		uint32_t *slots = realloc(list->slots, 2 * need * sizeof(*slots));

		if (!slots)
			return WEIR_ERR_MEMORY;
		list->slots = slots;
		list->slot_capacity = 2 * need;
	}
	run->first = list->slot_count;
	run->made = 1;
	for (uint32_t i = 0; i < shape->count; i++)
		if (is_listed(list, shape->keys[i]->name) == (list->which == FIELDLIST_LISTED))
			list->slots[list->slot_count++] = i;
	run->count = list->slot_count - run->first;
	return WEIR_OK;
}

int32_t fieldlist_clear(struct fieldlist *list, struct weir_batch *batch, struct weir_error *error)
{
	int result = begin(list, batch->shape_count);

	for (uint32_t i = 0; i < batch->record_count && result == WEIR_OK; i++) {
		const struct weir_record *record = &batch->records[i];
		struct weir_value *row = weir_record_row(batch, record);
		struct run *run = &list->runs[record->shape];

		if (record->flags & WEIR_RECORD_GONE)
			continue;
		if (!run->made)
			result = make_run(list, batch->shapes[record->shape], run);
		for (uint32_t k = 0; k < run->count; k++)
			row[list->slots[run->first + k]].tag = WEIR_ABSENT;
	}
	if (result != WEIR_OK)
		return weir_fail(error, result, "no memory for the shapes of a batch");
	return WEIR_OK;
}

void fieldlist_fields(const struct fieldlist *list, struct weir_fields *fields)
{
	for (uint32_t i = 0; i < list->names->count; i++)
		fields->reads(fields, list->names->items[i]->text, list->names->items[i]);
	if (list->which == FIELDLIST_OTHERS)
		fields->clear(fields);
	for (uint32_t i = 0; i < list->names->count; i++) {
		if (list->which == FIELDLIST_OTHERS)
			fields->add(fields, list->names->items[i]->text);
		else
			fields->remove(fields, list->names->items[i]->text);
	}
}
