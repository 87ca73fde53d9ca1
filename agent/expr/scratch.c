// SPDX-License-Identifier: MIT
/* Chunks that double. A reset keeps the newest, which is the largest, unless it is very large. */
#include "expr/scratch.h"

#include <stdlib.h>

#define CHUNK_FIRST 1024
#define CHUNK_KEPT (256 * 1024)
#define ALIGNMENT 8

struct scratch_chunk {
	struct scratch_chunk *older;
	size_t size;
	size_t used;
	char data[];
};

static struct scratch_chunk *chunk_add(struct scratch *scratch, size_t size)
{
	size_t wanted = scratch->chunks ? scratch->chunks->size * 2 : CHUNK_FIRST;
	struct scratch_chunk *chunk;

	if (scratch->total > scratch->limit || size > scratch->limit - scratch->total)
		return NULL;
	if (wanted > scratch->limit - scratch->total)
		wanted = scratch->limit - scratch->total;
	if (wanted < size)
		wanted = size;
	chunk = malloc(sizeof(*chunk) + wanted);
	if (!chunk)
		return NULL;
	chunk->older = scratch->chunks;
	chunk->size = wanted;
	chunk->used = 0;
	scratch->chunks = chunk;
	scratch->total += wanted;
	return chunk;
}

void *scratch_take(struct scratch *scratch, size_t size)
{
	struct scratch_chunk *chunk = scratch->chunks;
	void *taken;

	if (size > scratch->limit)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (!chunk || chunk->size - chunk->used < size)
		chunk = chunk_add(scratch, size);
	if (!chunk)
		return NULL;
	taken = chunk->data + chunk->used;
	chunk->used += size;
	return taken;
}

struct weir_slice scratch_copy(struct scratch *scratch, struct weir_slice text)
{
	struct weir_slice copy = {scratch_take(scratch, text.size + 1), text.size};
	char *data = (char *)(uintptr_t)copy.data;

	if (data) {
		if (text.size)
			memcpy(data, text.data, text.size);
		data[text.size] = '\0';
	}
	return copy;
}

void scratch_clear(struct scratch *scratch)
{
	struct scratch_chunk *kept = scratch->chunks;

	if (kept->size > CHUNK_KEPT) {
		scratch_done(scratch);
		return;
	}
	while (kept->older) {
		struct scratch_chunk *older = kept->older;

		kept->older = older->older;
		free(older);
	}
	kept->used = 0;
	scratch->total = kept->size;
}

void scratch_done(struct scratch *scratch)
{
	while (scratch->chunks) {
		struct scratch_chunk *older = scratch->chunks->older;

		free(scratch->chunks);
		scratch->chunks = older;
	}
	scratch->total = 0;
}
