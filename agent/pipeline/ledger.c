// SPDX-License-Identifier: MIT
#include "pipeline/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <weir/abi.h>

#define LEDGER_FIRST 8u

struct ledger_name *ledger_name_create(const char *text)
{
	size_t size = strlen(text) + 1;
	struct ledger_name *name = malloc(sizeof(*name) + size);

	if (!name)
		return NULL;
	atomic_init(&name->refs, 1);
	memcpy(name->text, text, size);
	return name;
}

void ledger_name_unref(struct ledger_name *name)
{
	if (name && atomic_fetch_sub_explicit(&name->refs, 1, memory_order_acq_rel) == 1)
		free(name);
}

struct ledger *ledger_create(uint32_t outputs)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger) + outputs * sizeof(struct ledger_column));

	if (!ledger)
		return NULL;
	ledger->columns = ledger->first;
	ledger->column_room = outputs;
	atomic_store(&ledger->refs, 1);
	pthread_mutex_init(&ledger->lock, NULL);
	return ledger;
}

void ledger_ref(struct ledger *ledger)
{
	atomic_fetch_add_explicit(&ledger->refs, 1, memory_order_relaxed);
}

void ledger_unref(struct ledger *ledger)
{
	if (!ledger || atomic_fetch_sub_explicit(&ledger->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (; ledger->head < ledger->tail; ledger->head++)
		free(ledger->ring[ledger->head & (ledger->capacity - 1)]);
	for (uint32_t i = 0; i < ledger->column_count; i++)
		ledger_name_unref(ledger->columns[i].name);
	if (ledger->columns != ledger->first)
		free(ledger->columns);
	free(ledger->ring);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}

/* ---- columns. All under the lock ---- */

static int claim_is_open(const struct claim *claim, uint32_t column)
{
	return column < claim->width && claim->pending[column];
}

static int claim_is_settled(const struct claim *claim)
{
	for (uint32_t i = 0; i < claim->width; i++)
		if (claim->pending[i])
			return 0;
	return 1;
}

static struct claim *ledger_claim(const struct ledger *ledger, uint64_t sequence)
{
	return ledger->ring[sequence & (ledger->capacity - 1)];
}

/* Moves the column's cursor over claims that are not open at it; returns how many bytes its position
 * moved. */
static uint64_t ledger_advance(struct ledger *ledger, uint32_t index)
{
	struct ledger_column *column = &ledger->columns[index];
	uint64_t before = column->committed;

	for (; column->cursor < ledger->tail; column->cursor++) {
		const struct claim *claim = ledger_claim(ledger, column->cursor);

		if (claim_is_open(claim, index))
			break;
		/* An output may be ahead of what is being read again for the others. */
		if (claim->end > column->committed)
			column->committed = claim->end;
	}
	return column->committed - before;
}

/* A column of an output that is no more: frees it once nothing is on its way there. */
static void ledger_retire(struct ledger *ledger, uint32_t index)
{
	struct ledger_column *column = &ledger->columns[index];
	uint64_t s = column->cursor;

	while (s < ledger->tail && !claim_is_open(ledger_claim(ledger, s), index))
		s++;
	if (s < ledger->tail)
		return;
	ledger_name_unref(column->name);
	column->name = NULL;
}

static int32_t ledger_find(const struct ledger *ledger, const char *name)
{
	for (uint32_t i = 0; i < ledger->column_count; i++)
		if (ledger->columns[i].name && strcmp(ledger->columns[i].name->text, name) == 0)
			return (int32_t)i;
	return -1;
}

/* Room for a further column. */
static int ledger_widen(struct ledger *ledger)
{
	int is_first = ledger->columns == ledger->first;
	size_t size = (ledger->column_room + 1) * sizeof(struct ledger_column);
	struct ledger_column *grown = realloc(is_first ? NULL : ledger->columns, size);

	if (!grown)
		return WEIR_ERR_MEMORY;
	if (is_first)
		memcpy(grown, ledger->first, ledger->column_room * sizeof(*grown));
	ledger->columns = grown;
	ledger->column_room++;
	return 0;
}

/* A free column, or a further one; -1 without memory. */
static int32_t ledger_free_column(struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->column_count; i++)
		if (!ledger->columns[i].name)
			return (int32_t)i;
	if (ledger->column_count == ledger->column_room && ledger_widen(ledger) < 0)
		return -1;
	ledger->columns[ledger->column_count] = (struct ledger_column){0};
	return (int32_t)ledger->column_count++;
}

static int32_t ledger_column(struct ledger *ledger, struct ledger_name *name, uint64_t position)
{
	int32_t index = ledger_find(ledger, name->text);

	if (index >= 0)
		return index;
	index = ledger_free_column(ledger);
	if (index < 0)
		return index;
	atomic_fetch_add_explicit(&name->refs, 1, memory_order_relaxed);
	ledger->columns[index] = (struct ledger_column){name, ledger->tail, position, 1};
	return index;
}

struct ledger_outputs *ledger_take_up(struct ledger *ledger, struct ledger_name *const *names,
				      uint32_t count, const uint64_t *positions)
{
	struct ledger_outputs *outputs =
		malloc(sizeof(*outputs) + count * sizeof(outputs->columns[0]));

	if (!outputs)
		return NULL;
	outputs->count = count;
	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < ledger->column_count; i++)
		ledger->columns[i].current = 0;
	for (uint32_t i = 0; outputs && i < count; i++) {
		int32_t index = ledger_column(ledger, names[i], positions[i]);

		if (index < 0) {
			free(outputs);
			outputs = NULL;
			break;
		}
		ledger->columns[index].current = 1;
		outputs->columns[i] = (uint32_t)index;
	}
	pthread_mutex_unlock(&ledger->lock);
	return outputs;
}

/* ---- claims ---- */

/* Room for one more claim. Under the lock. */
static int ledger_grow(struct ledger *ledger)
{
	uint32_t capacity = ledger->capacity ? ledger->capacity * 2 : LEDGER_FIRST;
	struct claim **ring;

	if (ledger->tail - ledger->head < ledger->capacity)
		return 0;
	ring = calloc(capacity, sizeof(struct claim *));
	if (!ring)
		return WEIR_ERR_MEMORY;
	for (uint64_t s = ledger->head; s < ledger->tail; s++)
		ring[s & (capacity - 1)] = ledger_claim(ledger, s);
	free(ledger->ring);
	ledger->ring = ring;
	ledger->capacity = capacity;
	return 0;
}

struct claim *ledger_add(struct ledger *ledger, struct source *source,
			 const struct ledger_outputs *outputs, uint64_t start, uint64_t end)
{
	struct claim *claim;

	pthread_mutex_lock(&ledger->lock);
	claim = calloc(1, sizeof(*claim) + ledger->column_count * sizeof(claim->pending[0]));
	if (claim && ledger_grow(ledger) < 0) {
		free(claim);
		claim = NULL;
	}
	if (claim) {
		claim->source = source;
		claim->outputs = outputs;
		claim->start = start;
		claim->end = end;
		claim->width = ledger->column_count;
		ledger->read_end = end;
		for (uint32_t i = 0; i < outputs->count; i++)
			claim->pending[outputs->columns[i]] = 1;
		ledger->ring[ledger->tail++ & (ledger->capacity - 1)] = claim;
	}
	pthread_mutex_unlock(&ledger->lock);
	return claim;
}

void ledger_hold(struct ledger *ledger, struct claim *claim, int32_t output)
{
	const struct ledger_outputs *outputs = claim->outputs;

	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < outputs->count; i++)
		if (output < 0 || (uint32_t)output == i)
			claim->pending[outputs->columns[i]]++;
	pthread_mutex_unlock(&ledger->lock);
}

/* Frees the claims that every output has passed. Under the lock. */
static void ledger_trim(struct ledger *ledger)
{
	uint64_t least = ledger->tail;

	for (uint32_t i = 0; i < ledger->column_count; i++) {
		if (ledger->columns[i].name && !ledger->columns[i].current)
			ledger_retire(ledger, i);
		if (ledger->columns[i].name && ledger->columns[i].cursor < least)
			least = ledger->columns[i].cursor;
	}
	for (; ledger->head < least; ledger->head++)
		free(ledger_claim(ledger, ledger->head));
	/* The source may be one of very many that rest from now on. */
	if (ledger->head == ledger->tail) {
		free(ledger->ring);
		ledger->ring = NULL;
		ledger->capacity = 0;
	}
}

uint64_t ledger_release(struct ledger *ledger, struct claim *claim, int32_t output,
			int *ret_settled, int *ret_empty)
{
	const struct ledger_outputs *outputs = claim->outputs;
	uint64_t moved = 0;

	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < outputs->count; i++)
		if ((output < 0 || (uint32_t)output == i) &&
		    --claim->pending[outputs->columns[i]] == 0)
			moved += ledger_advance(ledger, outputs->columns[i]);
	*ret_settled = claim_is_settled(claim);
	ledger_trim(ledger);
	*ret_empty = ledger->head == ledger->tail;
	pthread_mutex_unlock(&ledger->lock);
	return moved;
}

/* ---- questions ---- */

uint64_t ledger_acked(struct ledger *ledger, const struct ledger_outputs *outputs)
{
	uint64_t least = UINT64_MAX;

	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < outputs->count; i++)
		if (ledger->columns[outputs->columns[i]].committed < least)
			least = ledger->columns[outputs->columns[i]].committed;
	pthread_mutex_unlock(&ledger->lock);
	return least;
}

void ledger_each(struct ledger *ledger,
		 void (*call)(void *user, const char *output, uint64_t position), void *user)
{
	pthread_mutex_lock(&ledger->lock);
	for (uint32_t i = 0; i < ledger->column_count; i++)
		if (ledger->columns[i].name)
			call(user, ledger->columns[i].name->text, ledger->columns[i].committed);
	pthread_mutex_unlock(&ledger->lock);
}

uint64_t ledger_claims(struct ledger *ledger)
{
	uint64_t claims;

	pthread_mutex_lock(&ledger->lock);
	claims = ledger->tail - ledger->head;
	pthread_mutex_unlock(&ledger->lock);
	return claims;
}

int ledger_is_empty(struct ledger *ledger)
{
	int empty;

	pthread_mutex_lock(&ledger->lock);
	empty = ledger->head == ledger->tail;
	pthread_mutex_unlock(&ledger->lock);
	return empty;
}
