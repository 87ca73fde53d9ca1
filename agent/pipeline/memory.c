// SPDX-License-Identifier: MIT
#include "pipeline/memory.h"

#include <stdlib.h>

#include "pipeline/pipeline.h"

static void memory_relieved(void *user)
{
	struct memory *memory = user;

	pthread_mutex_lock(&memory->lock);
	if (memory->reader)
		source_unpark(memory->reader);
	pthread_mutex_unlock(&memory->lock);
}

struct memory *memory_create(int64_t bytes, int64_t first_estimate)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->refs = 1;
	pthread_mutex_init(&memory->lock, NULL);
	budget_init(&memory->budget, bytes, first_estimate, memory_relieved, memory);
	return memory;
}

void memory_ref(struct memory *memory)
{
	memory->refs++;
}

void memory_unref(struct memory *memory)
{
	if (!memory || --memory->refs)
		return;
	pthread_mutex_destroy(&memory->lock);
	free(memory);
}

void memory_set_reader(struct memory *memory, struct pipeline *reader)
{
	pthread_mutex_lock(&memory->lock);
	memory->reader = reader;
	pthread_mutex_unlock(&memory->lock);
}

void memory_leave(struct memory *memory, const struct pipeline *reader)
{
	pthread_mutex_lock(&memory->lock);
	if (memory->reader == reader)
		memory->reader = NULL;
	pthread_mutex_unlock(&memory->lock);
}
