// SPDX-License-Identifier: MIT
#include "pipeline/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <weir/abi.h>

#define LEDGER_FIRST 8u

int ledger_init(struct ledger *ledger, uint32_t output_count, const uint64_t *positions)
{
	memset(ledger, 0, sizeof(*ledger));
	ledger->ring = calloc(LEDGER_FIRST, sizeof(struct claim *));
	ledger->cursor = calloc(output_count, sizeof(*ledger->cursor));
	ledger->committed = calloc(output_count, sizeof(*ledger->committed));
	if (!ledger->ring || !ledger->cursor || !ledger->committed) {
		free(ledger->ring);
		free(ledger->cursor);
		free(ledger->committed);
		return WEIR_ERR_MEMORY;
	}
	memcpy(ledger->committed, positions, output_count * sizeof(*positions));
	ledger->output_count = output_count;
	ledger->capacity = LEDGER_FIRST;
	pthread_mutex_init(&ledger->lock, NULL);
	return 0;
}

void ledger_done(struct ledger *ledger)
{
	for (; ledger->head < ledger->tail; ledger->head++)
		free(ledger->ring[ledger->head & (ledger->capacity - 1)]);
	free(ledger->ring);
	free(ledger->cursor);
	free(ledger->committed);
	pthread_mutex_destroy(&ledger->lock);
}

/* Room for one more claim. Under the lock. */
static int ledger_grow(struct ledger *ledger)
{
	uint32_t capacity = ledger->capacity * 2;
	struct claim **ring;

	if (ledger->tail - ledger->head < ledger->capacity)
		return 0;
	ring = calloc(capacity, sizeof(struct claim *));
	if (!ring)
		return WEIR_ERR_MEMORY;
	for (uint64_t s = ledger->head; s < ledger->tail; s++)
		ring[s & (capacity - 1)] = ledger->ring[s & (ledger->capacity - 1)];
	free(ledger->ring);
	ledger->ring = ring;
	ledger->capacity = capacity;
	return 0;
}

struct claim *ledger_add(struct ledger *ledger, struct source *source, uint64_t end)
{
	struct claim *claim =
		malloc(sizeof(*claim) + ledger->output_count * sizeof(claim->pending[0]));

	if (!claim)
		return NULL;
	claim->source = source;
	claim->end = end;
	for (uint32_t i = 0; i < ledger->output_count; i++)
		claim->pending[i] = 1;
	pthread_mutex_lock(&ledger->lock);
	if (ledger_grow(ledger) < 0) {
		free(claim);
		claim = NULL;
	} else {
		ledger->ring[ledger->tail++ & (ledger->capacity - 1)] = claim;
	}
	pthread_mutex_unlock(&ledger->lock);
	return claim;
}

void ledger_hold(struct ledger *ledger, struct claim *claim, int32_t output)
{
	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < ledger->output_count; i++)
		if (output < 0 || (uint32_t)output == i)
			claim->pending[i]++;
	pthread_mutex_unlock(&ledger->lock);
}

/* Moves the output's cursor over claims that are not open at it; returns how many bytes its position
 * moved. Under the lock. */
static uint64_t ledger_advance(struct ledger *ledger, uint32_t output)
{
	uint64_t s = ledger->cursor[output];
	uint64_t before = ledger->committed[output];

	for (; s < ledger->tail; s++) {
		const struct claim *claim = ledger->ring[s & (ledger->capacity - 1)];

		if (claim->pending[output])
			break;
		/* An output may be ahead of what is being read again for the others. */
		if (claim->end > ledger->committed[output])
			ledger->committed[output] = claim->end;
	}
	ledger->cursor[output] = s;
	return ledger->committed[output] - before;
}

/* Frees the claims that every output has passed. Under the lock. */
static void ledger_trim(struct ledger *ledger)
{
	uint64_t least = ledger->tail;

	for (uint32_t i = 0; i < ledger->output_count; i++)
		if (ledger->cursor[i] < least)
			least = ledger->cursor[i];
	for (; ledger->head < least; ledger->head++)
		free(ledger->ring[ledger->head & (ledger->capacity - 1)]);
}

uint64_t ledger_release(struct ledger *ledger, struct claim *claim, int32_t output, int *ret_empty)
{
	uint64_t moved = 0;

	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < ledger->output_count; i++)
		if ((output < 0 || (uint32_t)output == i) && --claim->pending[i] == 0)
			moved += ledger_advance(ledger, i);
	ledger_trim(ledger);
	*ret_empty = ledger->head == ledger->tail;
	pthread_mutex_unlock(&ledger->lock);
	return moved;
}

uint64_t ledger_acked(struct ledger *ledger)
{
	uint64_t least = UINT64_MAX;

	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < ledger->output_count; i++)
		if (ledger->committed[i] < least)
			least = ledger->committed[i];
	pthread_mutex_unlock(&ledger->lock);
	return least;
}

int ledger_is_empty(struct ledger *ledger)
{
	int empty;

	pthread_mutex_lock(&ledger->lock);
	empty = ledger->head == ledger->tail;
	pthread_mutex_unlock(&ledger->lock);
	return empty;
}
