// SPDX-License-Identifier: MIT
#include "isolate/parts.h"

#include <stdlib.h>

#include "isolate/image.h"

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

void parts_free(struct parts *parts, struct budget *budget)
{
	if (!parts)
		return;
	shared_done(&parts->area);
	budget_charge(budget, -(int64_t)parts->charged);
	free(parts);
}

static int parts_share(struct parts *parts, struct budget *budget, struct buffer *scratch,
		       struct weir_error *error)
{
	const struct weir_batch *view = parts->delivery->view.batch;
	uint64_t bits = parts->words * sizeof(uint64_t) + 64;
	uint64_t head, size;
	int status = image_head(view, scratch);

	if (status < 0)
		return weir_fail(error, status, "no memory for a delivery");
	size = image_size(view, scratch->size) + bits;
	status = shared_create(&parts->area, size, error);
	if (status == 0)
		status = image_write(view, &parts->area.area, &parts->area.area, scratch, &head);
	if (status < 0)
		return status;
	parts->head = head;
	parts->selection = parts->area.area.used;
	parts->charged = size;
	budget_charge(budget, (int64_t)size);
	return 0;
}

int parts_prepare(struct parts *parts, struct budget *budget, struct buffer *scratch,
		  struct weir_error *error)
{
	uint64_t *out = parts->bits + parts->words;
	uint32_t count = 0;

	if (!parts->area.area.data && parts_share(parts, budget, scratch, error) < 0)
		return error->code;
	for (uint32_t i = 0; i < parts->words; i++) {
		out[i] = parts->bits[i];
		count += (uint32_t)__builtin_popcountll(out[i]);
		for (; count > parts->most; count--) /* the last ones wait */
			out[i] &= ~(UINT64_C(1) << (63 - __builtin_clzll(out[i])));
	}
	memcpy(parts->area.area.data + parts->selection, out, parts->words * sizeof(*out));
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
