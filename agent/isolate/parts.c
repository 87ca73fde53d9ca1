// SPDX-License-Identifier: MIT
#include "isolate/parts.h"

#include <stdlib.h>

#include "isolate/image.h"

void parts_append(struct parts_list *list, struct parts *parts)
{
	parts->prev = list->last;
	if (parts->prev)
		parts->prev->next = parts;
	else
		list->first = parts;
	list->last = parts;
}

void parts_unlink(struct parts_list *list, struct parts *parts)
{
	if (parts->prev)
		parts->prev->next = parts->next;
	else
		list->first = parts->next;
	if (parts->next)
		parts->next->prev = parts->prev;
	else
		list->last = parts->prev;
}

struct parts *parts_find(const struct parts_list *list, uint64_t number)
{
	struct parts *parts = list->first;

	while (parts && parts->number != number)
		parts = parts->next;
	return parts;
}

int parts_have_losses(const struct parts_list *list)
{
	for (const struct parts *parts = list->first; parts; parts = parts->next)
		if (parts->losses)
			return 1;
	return 0;
}

struct parts *parts_create(const struct weir_delivery_view *view, uint64_t number)
{
	uint32_t words = (view->batch->record_count + 63) / 64;
	struct parts *parts = calloc(1, sizeof(*parts) + words * 2 * sizeof(uint64_t));

	if (!parts)
		return NULL;
	parts->number = number;
	parts->delivery = view->handle;
	parts->words = words;
	parts->left = parts->most = view->count;
	memcpy(parts->bits, view->selected, words * sizeof(uint64_t));
	return parts;
}

void parts_free(struct parts *parts, struct slots *slots, struct budget *budget)
{
	if (!parts)
		return;
	if (parts->slot)
		slots_give(slots, parts->slot);
	budget_charge(budget, -(int64_t)parts->charged);
	free(parts);
}

static int parts_share(struct parts *parts, struct slots *slots, struct budget *budget,
		       struct buffer *scratch, struct weir_error *error)
{
	const struct weir_batch *view = parts->delivery->view.batch;
	uint64_t bits = parts->words * sizeof(uint64_t) + 64;
	struct slot *slot;
	uint64_t head, size;
	int status = image_head(view, scratch);

	if (status < 0)
		return weir_fail(error, status, "no memory for a delivery");
	size = image_size(view, scratch->size) + bits;
	slot = slots_take(slots, size, error);
	if (!slot)
		return error->code;
	if (image_write(view, &slot->shared.area, &slot->shared.area, scratch, &head) < 0) {
		slots_give(slots, slot);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a delivery");
	}
	parts->slot = slot;
	parts->head = head;
	parts->selection = slot->shared.area.used;
	parts->charged = size;
	budget_charge(budget, (int64_t)size);
	return 0;
}

int parts_prepare(struct parts *parts, struct slots *slots, struct budget *budget,
		  struct buffer *scratch, struct weir_error *error)
{
	uint64_t *out = parts->bits + parts->words;
	uint32_t count = 0;

	if (!parts->slot && parts_share(parts, slots, budget, scratch, error) < 0)
		return error->code;
	for (uint32_t i = 0; i < parts->words; i++) {
		out[i] = parts->bits[i];
		count += (uint32_t)__builtin_popcountll(out[i]);
		for (; count > parts->most; count--) /* the last ones wait */
			out[i] &= ~(UINT64_C(1) << (63 - __builtin_clzll(out[i])));
	}
	memcpy(parts->slot->shared.area.data + parts->selection, out, parts->words * sizeof(*out));
	parts->out = count;
	return 0;
}

uint32_t parts_return(struct parts *parts)
{
	uint32_t out = parts->out;

	memset(parts->bits + parts->words, 0, parts->words * sizeof(uint64_t));
	parts->out = 0;
	return out;
}

static int parts_mark(struct parts *parts, uint32_t record)
{
	uint64_t bit = UINT64_C(1) << (record & 63);
	uint64_t *out = parts->bits + parts->words;

	if (record >> 6 >= parts->words || !(out[record >> 6] & bit))
		return 0;
	out[record >> 6] &= ~bit;
	parts->bits[record >> 6] &= ~bit;
	return 1;
}

uint32_t parts_take(struct parts *parts, const uint32_t *records, uint64_t count,
		    uint32_t *ret_records)
{
	uint32_t taken = 0;

	for (uint64_t i = 0; records && i < count; i++)
		if (parts_mark(parts, records[i]))
			ret_records[taken++] = records[i];
	for (uint32_t i = 0; !records && i < parts->words * 64; i++)
		if (parts_mark(parts, i))
			ret_records[taken++] = i;
	parts->out -= taken;
	parts->left -= taken;
	return taken;
}
