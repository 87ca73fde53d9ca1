// SPDX-License-Identifier: MIT
/*
 * The memory that a pipeline may use, which its generations share: what an old one still has on its
 * way counts against the new one, so that a reload never doubles the bound.
 *
 * Room that comes back wakes the generation that reads, whichever of them gave it back. `lock` guards
 * the reader; it is taken before a pipeline's.
 */
#ifndef PIPELINE_MEMORY_H
#define PIPELINE_MEMORY_H

#include <pthread.h>

#include "batch/budget.h"

struct pipeline;

struct memory {
	struct budget budget;
	uint32_t refs; /* main thread */
	pthread_mutex_t lock;
	struct pipeline *reader; /* or NULL */
};

/* At one reference; NULL without memory. */
struct memory *memory_create(int64_t bytes, int64_t first_estimate);
void memory_ref(struct memory *memory);
void memory_unref(struct memory *memory);
/* From now on this generation is woken. */
void memory_set_reader(struct memory *memory, struct pipeline *reader);
/* This generation is woken no more, and not being woken now when it returns. */
void memory_leave(struct memory *memory, const struct pipeline *reader);

#endif
