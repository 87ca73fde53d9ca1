// SPDX-License-Identifier: MIT
#include "isolate/kept.h"

#include <stdlib.h>

/* A record by itself: its keys, its values, and behind them all its text. */
struct kept {
	struct weir_claim *claim;
	const struct batch *batch; /* that it is still in, or NULL */
	uint32_t index;            /* in there */
	struct source *source;     /* with a reference, or NULL */
	struct weir_record record;
	uint32_t key_count;
	struct weir_slice *keys;
	struct weir_value *values;
	char *text; /* the line, and then the texts of keys and values */
	uint32_t text_size;
	int64_t charged; /* bytes */
};

static void kept_free(const struct kept_list *list, struct kept *kept)
{
	if (!kept)
		return;
	budget_charge(list->budget, -kept->charged);
	if (kept->source)
		source_unref(&kept->source->view);
	free(kept->keys);
	free(kept->values);
	free(kept->text);
	free(kept);
}

static struct kept_slot *kept_at(const struct kept_list *list, uint64_t number)
{
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list->slots[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list->count && list->slots[low].number == number && list->slots[low].kept
		       ? &list->slots[low]
		       : NULL;
}

/* Those that are given up make room. */
static void kept_pack(struct kept_list *list)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < list->count; i++)
		if (list->slots[i].kept)
			list->slots[count++] = list->slots[i];
	list->count = count;
}

static int kept_room(struct kept_list *list)
{
	uint32_t capacity = list->capacity ? list->capacity * 2 : 64;
	struct kept_slot *grown;

	if (list->count < list->capacity)
		return 0;
	kept_pack(list);
	if (list->capacity && list->count <= list->capacity / 2)
		return 0;
	grown = realloc(list->slots, capacity * sizeof(*grown));
	if (!grown)
		return WEIR_ERR_MEMORY;
	list->slots = grown;
	list->capacity = capacity;
	return 0;
}

int kept_hold(struct kept_list *list, uint64_t number, struct batch *batch, uint32_t record)
{
	struct kept *kept;

	if (number != list->last + 1 || record >= batch->view.record_count)
		return WEIR_ERR_INVALID;
	kept = calloc(1, sizeof(*kept));
	if (!kept || kept_room(list) < 0) {
		free(kept);
		return WEIR_ERR_MEMORY;
	}
	kept->claim = flow_hold(batch, record);
	if (!kept->claim) {
		free(kept);
		return WEIR_ERR_MEMORY;
	}
	kept->batch = batch;
	kept->index = record;
	list->slots[list->count++] = (struct kept_slot){number, kept};
	list->last = number;
	list->alive++;
	return 0;
}

struct weir_claim *kept_claim(const struct kept_list *list, uint64_t number)
{
	const struct kept_slot *slot = kept_at(list, number);

	return slot ? slot->kept->claim : NULL;
}

struct source *kept_source(const struct kept_list *list, uint64_t number)
{
	const struct kept_slot *slot = kept_at(list, number);
	const struct weir_batch *view;
	uint32_t source;

	if (!slot)
		return NULL;
	if (!slot->kept->batch)
		return slot->kept->source;
	view = &slot->kept->batch->view;
	source = view->records[slot->kept->index].source; /* may be one that is yet to be named */
	return source < view->source_count ? (struct source *)(uintptr_t)view->sources[source]
					   : NULL;
}

void kept_release(struct kept_list *list, uint64_t number)
{
	struct kept_slot *slot = kept_at(list, number);

	if (!slot)
		return;
	flow_claim_release(slot->kept->claim);
	kept_free(list, slot->kept);
	slot->kept = NULL;
	list->alive--;
}

/* ---- copies ---------------------------------------------------------------------------------- */

static void add_text(struct kept *kept, struct weir_slice text)
{
	if (text.size)
		memcpy(kept->text + kept->text_size, text.data, text.size);
	kept->text_size += (uint32_t)text.size;
}

static uint64_t text_of(const struct weir_batch *view, const struct weir_record *record,
			const struct weir_shape *shape)
{
	uint64_t size = record->line_length;

	for (uint32_t i = 0; i < shape->count; i++) {
		const struct weir_value *value = &view->values[record->row + i];

		size += shape->keys[i]->name.size;
		size += weir_value_has_text(value) ? value->length : 0;
	}
	return size;
}

/* Without memory it is a record of nothing, and its pipeline has failed. */
static int copy_room(struct kept *kept, uint32_t keys, uint64_t text_size)
{
	kept->keys = calloc(keys + 1, sizeof(*kept->keys));
	kept->values = calloc(keys + 1, sizeof(*kept->values));
	kept->text = text_size <= UINT32_MAX ? malloc(text_size + 1) : NULL;
	if (!kept->keys || !kept->values || !kept->text)
		return WEIR_ERR_MEMORY;
	kept->charged = (int64_t)(sizeof(*kept) + text_size +
				  keys * (sizeof(*kept->keys) + sizeof(*kept->values)));
	return 0;
}

static int copy_record(const struct kept_list *list, struct kept *kept,
		       const struct weir_batch *view)
{
	const struct weir_record *record = &view->records[kept->index];
	const struct weir_shape *shape = view->shapes[record->shape];

	if (copy_room(kept, shape->count, text_of(view, record, shape)) < 0)
		return WEIR_ERR_MEMORY;
	budget_charge(list->budget, kept->charged);
	kept->record = *record;
	kept->key_count = shape->count;
	add_text(kept, weir_record_line(view, record));
	for (uint32_t i = 0; i < shape->count; i++) {
		struct weir_value *value = &kept->values[i];

		kept->keys[i] = (struct weir_slice){kept->text + kept->text_size,
						    shape->keys[i]->name.size};
		add_text(kept, shape->keys[i]->name);
		*value = view->values[record->row + i];
		if (!weir_value_has_text(value))
			continue;
		value->as.offset = kept->text_size;
		add_text(kept, weir_value_slice(view, &view->values[record->row + i]));
	}
	if (view->source_count) {
		kept->source = (struct source *)(uintptr_t)view->sources[record->source];
		source_ref(kept->source);
	}
	return 0;
}

int kept_copy(struct kept_list *list, const struct batch *batch)
{
	int status = 0;

	for (uint32_t i = list->count; i-- > 0;) {
		struct kept *kept = list->slots[i].kept;

		if (kept && !kept->batch)
			break; /* those before it are older */
		if (kept && kept->batch == batch) {
			kept->batch = NULL;
			if (copy_record(list, kept, &batch->view) < 0)
				status = WEIR_ERR_MEMORY;
		}
	}
	return status;
}

/* ---- and back -------------------------------------------------------------------------------- */

static int append_record(struct batch *batch, const struct kept *kept)
{
	struct weir_batch *view = &batch->view;
	struct weir_record *record;
	struct weir_value *row, text;
	uint16_t shape;
	uint32_t index, source = 0;
	int added = 0;
	char *room;

	if (batch_reserve(view, 1, kept->key_count, kept->text_size) < 0 ||
	    batch_shape(view, kept->keys, kept->key_count, &shape) < 0 ||
	    (kept->source && batch_add_source(batch, &kept->source->view, &source, &added) < 0))
		return WEIR_ERR_MEMORY;
	if (added)
		source_ref(kept->source);
	room = weir_batch_text(view, kept->text_size, &text);
	if (kept->text_size)
		memcpy(room, kept->text, kept->text_size);
	record = weir_batch_record(view);
	row = weir_batch_row(view, kept->key_count, &index);
	*record = kept->record;
	record->flags &= (uint16_t)~WEIR_RECORD_GONE;
	record->row = index;
	record->shape = shape;
	record->capacity = (uint16_t)kept->key_count;
	record->source = source;
	record->line_block = text.block;
	record->line_offset = (uint32_t)text.as.offset;
	for (uint32_t i = 0; i < kept->key_count; i++) {
		row[i] = kept->values[i];
		if (!weir_value_has_text(&row[i]))
			continue;
		row[i].block = text.block;
		row[i].as.offset += text.as.offset;
	}
	return 0;
}

int kept_to_batch(struct kept_list *list, struct pipeline *pipeline, struct batch **ret_batch)
{
	struct batch *batch;
	int status = 0;

	*ret_batch = NULL;
	if (list->alive == 0) {
		kept_done(list);
		return 0;
	}
	batch = batch_acquire(&pipeline->pool);
	if (!batch)
		return WEIR_ERR_MEMORY;
	batch->pipeline = pipeline;
	for (uint32_t i = 0; i < list->count && status == 0; i++)
		if (list->slots[i].kept)
			status = append_record(batch, list->slots[i].kept);
	for (uint32_t i = 0; i < list->count && status == 0; i++) {
		if (!list->slots[i].kept)
			continue;
		flow_batch_claim(batch, list->slots[i].kept->claim);
		kept_free(list, list->slots[i].kept);
		list->slots[i].kept = NULL;
	}
	if (status < 0) {
		batch_unref(batch);
		return status;
	}
	list->last = 0;
	list->count = 0;
	list->alive = 0;
	*ret_batch = batch;
	return 0;
}

void kept_done(struct kept_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->slots[i].kept) {
			flow_claim_release(list->slots[i].kept->claim);
			kept_free(list, list->slots[i].kept);
		}
	free(list->slots);
	*list = (struct kept_list){.budget = list->budget};
}
