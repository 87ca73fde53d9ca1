// SPDX-License-Identifier: MIT
/* Chunks in a list, newest first; small requests share one, a large one gets its own. */
#include "config/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 16384
#define ALIGNMENT _Alignof(max_align_t)

struct config_memory_chunk {
	struct config_memory_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

static struct config_memory_chunk *add_chunk(struct config_memory *memory, size_t size)
{
	struct config_memory_chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (!chunk) {
		memory->failed = 1;
		return NULL;
	}
	chunk->size = size;
	if (memory->chunks && size > CHUNK_SIZE) { /* keep the one with room in front */
		chunk->next = memory->chunks->next;
		memory->chunks->next = chunk;
	} else {
		chunk->next = memory->chunks;
		memory->chunks = chunk;
	}
	return chunk;
}

void *config_alloc(struct config_memory *memory, size_t size)
{
	struct config_memory_chunk *chunk = memory->chunks;
	size_t need = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	void *bytes;

	if (need < size || need > SIZE_MAX / 2) {
		memory->failed = 1;
		return NULL;
	}
	if (!chunk || chunk->size - chunk->used < need)
		chunk = add_chunk(memory, need > CHUNK_SIZE ? need : CHUNK_SIZE);
	if (!chunk)
		return NULL;
	bytes = chunk->bytes + chunk->used;
	chunk->used += need;
	return bytes;
}

char *config_copy(struct config_memory *memory, const void *bytes, size_t size)
{
	char *copy = config_alloc(memory, size + 1);

	if (copy && size)
		memcpy(copy, bytes, size);
	return copy;
}

char *config_vprint(struct config_memory *memory, const char *format, va_list args)
{
	va_list again;
	char *text = NULL;
	int size;

	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, args);
	if (size >= 0)
		text = config_alloc(memory, (size_t)size + 1);
	if (text)
		vsnprintf(text, (size_t)size + 1, format, again);
	va_end(again);
	return text;
}

char *config_print(struct config_memory *memory, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = config_vprint(memory, format, args);
	va_end(args);
	return text;
}

void config_memory_done(struct config_memory *memory)
{
	while (memory->chunks) {
		struct config_memory_chunk *next = memory->chunks->next;

		free(memory->chunks);
		memory->chunks = next;
	}
}
