// SPDX-License-Identifier: MIT
#include "isolate/slots.h"

#include <stdlib.h>
#include <weir/plugin.h>

/* A batch as tail makes it fits the smallest; larger ones get twice as much, and so on. */
#define SLOT_BYTES (UINT64_C(512) << 10)
/* Free slots whose pages are kept, as pools keep batches. */
#define SLOTS_KEPT BATCH_KEEP

static struct slot *find_free(struct slots *slots, uint64_t size)
{
	for (struct slot **link = &slots->free; *link; link = &(*link)->next_free) {
		struct slot *slot = *link;

		if (slot->shared.area.size < size)
			continue;
		*link = slot->next_free;
		slots->free_count--;
		return slot;
	}
	return NULL;
}

static int slots_room(struct slots *slots)
{
	uint32_t capacity = slots->capacity ? slots->capacity * 2 : 16;
	struct slot **grown;

	if (slots->count < slots->capacity)
		return 0;
	grown = realloc(slots->items, capacity * sizeof(struct slot *));
	if (!grown)
		return WEIR_ERR_MEMORY;
	slots->items = grown;
	slots->capacity = capacity;
	return 0;
}

struct slot *slots_take(struct slots *slots, uint64_t size, struct weir_error *error)
{
	struct slot *slot = find_free(slots, size);
	uint64_t bytes = SLOT_BYTES;

	if (!slot) {
		while (bytes < size)
			bytes *= 2;
		slot = slots_room(slots) < 0 ? NULL : calloc(1, sizeof(*slot));
		if (!slot) {
			weir_fail(error, WEIR_ERR_MEMORY, "no memory for a delivery");
			return NULL;
		}
		if (shared_create(&slot->shared, bytes, error) < 0) {
			free(slot);
			return NULL;
		}
		slot->number = slots->count;
		slots->items[slots->count++] = slot;
	}
	slot->shared.area.used = 0;
	return slot;
}

/* Nothing is on its way: gives back what a burst needed. */
static void slots_trim(const struct slots *slots)
{
	uint32_t kept = 0;

	for (const struct slot *slot = slots->free; slot; slot = slot->next_free)
		if (kept++ >= SLOTS_KEPT)
			shared_trim(&slot->shared, 0);
}

void slots_give(struct slots *slots, struct slot *slot)
{
	slot->next_free = slots->free;
	slots->free = slot;
	if (++slots->free_count == slots->count && slots->count > SLOTS_KEPT)
		slots_trim(slots);
}

void slots_forget(struct slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++)
		slots->items[i]->is_known = 0;
}

void slots_done(struct slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		shared_done(&slots->items[i]->shared);
		free(slots->items[i]);
	}
	free(slots->items);
	*slots = (struct slots){0};
}
