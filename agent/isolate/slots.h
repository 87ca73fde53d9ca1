// SPDX-License-Identifier: MIT
/*
 * Memory for deliveries, used again and again: both processes have it mapped, and its pages are there already. One
 * thread at a time.
 */
#ifndef ISOLATE_SLOTS_H
#define ISOLATE_SLOTS_H

#include "isolate/wire.h"

struct slot {
	struct shared shared;
	uint32_t number;
	int is_known; /* the process has mapped it */
	struct slot *next_free;
};

struct slots {
	struct slot **items; /* by number */
	uint32_t count, capacity;
	struct slot *free; /* those used last first */
	uint32_t free_count;
};

/* One of at least that size, empty. NULL without memory. */
struct slot *slots_take(struct slots *slots, uint64_t size, struct weir_error *error);
/* With the last one, the pages of those beyond a few go back to the kernel. */
void slots_give(struct slots *slots, struct slot *slot);
/* Another process knows none of them. */
void slots_forget(struct slots *slots);
void slots_done(struct slots *slots);

#endif
