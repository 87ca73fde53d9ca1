// SPDX-License-Identifier: MIT
#include "support/delivery_queue/delivery_cursor.h"

/* Adds bytes to the chunk; 0 when they need a slice and none is left. */
static int chunk_add(struct delivery_chunk *chunk, const char *data, size_t size)
{
	struct iovec *last = chunk->count ? &chunk->slices[chunk->count - 1] : NULL;

	if (last && (const char *)last->iov_base + last->iov_len == data) {
		last->iov_len += size;
	} else {
		if (chunk->count == DELIVERY_SLICES_MAX)
			return 0;
		chunk->slices[chunk->count++] = (struct iovec){(void *)(uintptr_t)data, size};
	}
	chunk->bytes += size;
	return 1;
}

/* The rest of a delivery at once, when all of its batch is selected and fits. */
static int chunk_add_whole(struct delivery_chunk *chunk, const struct delivery *delivery,
			   uint32_t record, size_t max_bytes)
{
	const struct weir_encoding *encoding = delivery->encoding;
	uint32_t start = encoding->starts[record];
	uint32_t size = encoding->starts[encoding->count] - start;

	return delivery->view->count == encoding->count && size &&
	       chunk->bytes + size <= max_bytes && chunk_add(chunk, encoding->data + start, size);
}

/* Returns 0 when the chunk is full; its end is then the record that did not fit. */
static int chunk_add_delivery(struct delivery_chunk *chunk, const struct delivery *delivery,
			      size_t max_bytes, int one_at_least)
{
	const struct weir_encoding *encoding = delivery->encoding;
	uint32_t *record = &chunk->end.record;

	if (chunk_add_whole(chunk, delivery, *record, max_bytes))
		return 1;
	for (; *record < encoding->count; (*record)++) {
		uint32_t start = encoding->starts[*record];
		uint32_t size = encoding->starts[*record + 1] - start;

		if (size == 0 || !weir_selected(delivery->view, *record))
			continue;
		if (chunk->bytes + size > max_bytes && !(one_at_least && chunk->bytes == 0))
			return 0;
		if (!chunk_add(chunk, encoding->data + start, size))
			return 0;
	}
	return 1;
}

void delivery_chunk_fill(struct delivery_chunk *chunk, const struct delivery_group *group,
			 struct delivery_cursor at, size_t max_bytes, int one_at_least)
{
	chunk->count = 0;
	chunk->bytes = 0;
	chunk->end = at;
	while (chunk->end.delivery < group->count &&
	       chunk_add_delivery(chunk, &group->items[chunk->end.delivery], max_bytes,
				  one_at_least)) {
		chunk->end.delivery++;
		chunk->end.record = 0;
	}
}

void delivery_chunk_skip(struct delivery_chunk *chunk, size_t bytes)
{
	int done = 0;

	chunk->bytes -= bytes;
	while (done < chunk->count && bytes >= chunk->slices[done].iov_len)
		bytes -= chunk->slices[done++].iov_len;
	chunk->count -= done;
	memmove(chunk->slices, chunk->slices + done, (size_t)chunk->count * sizeof(*chunk->slices));
	if (chunk->count && bytes) {
		chunk->slices[0].iov_base = (char *)chunk->slices[0].iov_base + bytes;
		chunk->slices[0].iov_len -= bytes;
	}
}
