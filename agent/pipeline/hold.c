// SPDX-License-Identifier: MIT
/*
 * Records that filters hold back, and the claims that they keep for them.
 *
 * The first record of a batch that is held makes a group, which has one hold on every claim of the
 * batch until the last of its records is given up. Each held record has a claim of its own in the
 * group, in chunks: so that a reload can tell which records have to be read again for the filters of
 * the next generation, and which were passed on.
 *
 * Chunks are added by the one worker that has the batch; any thread gives up claims.
 */
#include <stdlib.h>

#include "pipeline/pipeline.h"

#define CHUNK_CLAIMS 32

struct weir_claim {
	struct claim_group *group;
	const struct source *source; /* NULL: the record was made by a filter */
	uint64_t position;
	_Atomic uint32_t refs;
};

struct claim_chunk {
	struct claim_chunk *next;
	uint32_t used;
	struct weir_claim claims[CHUNK_CLAIMS];
};

struct claim_group {
	struct pipeline *pipeline;
	struct claim_group *prev, *next; /* the pipeline's list, under its lock */
	_Atomic uint32_t refs; /* claims that are held, and the batch while it is filtered */
	struct claim_chunk *chunks;
	uint32_t count;
	struct claim *claims[];
};

static struct claim_group *group_create(struct batch *batch)
{
	struct pipeline *pipeline = batch->pipeline;
	struct claim_group *group =
		calloc(1, sizeof(*group) + batch->claim_count * sizeof(group->claims[0]));

	if (!group)
		return NULL;
	atomic_store(&group->refs, 1);
	group->pipeline = pipeline;
	group->count = batch->claim_count;
	for (uint32_t i = 0; i < group->count; i++) {
		group->claims[i] = batch->claims[i].claim;
		ledger_hold(group->claims[i]->source->ledger, group->claims[i], -1);
	}
	pthread_mutex_lock(&pipeline->lock);
	group->next = pipeline->held;
	if (group->next)
		group->next->prev = group;
	pipeline->held = group;
	pthread_mutex_unlock(&pipeline->lock);
	return group;
}

static void group_unlink(struct claim_group *group)
{
	struct pipeline *pipeline = group->pipeline;

	pthread_mutex_lock(&pipeline->lock);
	if (group->prev)
		group->prev->next = group->next;
	else
		pipeline->held = group->next;
	if (group->next)
		group->next->prev = group->prev;
	pthread_mutex_unlock(&pipeline->lock);
}

void hold_group_unref(struct claim_group *group)
{
	if (!group || atomic_fetch_sub_explicit(&group->refs, 1, memory_order_acq_rel) != 1)
		return;
	group_unlink(group);
	for (uint32_t i = 0; i < group->count; i++)
		if (!atomic_load(&group->pipeline->filters_stopped) ||
		    atomic_load(&group->claims[i]->source->superseded))
			source_release(group->claims[i], -1);
	while (group->chunks) {
		struct claim_chunk *chunk = group->chunks;

		group->chunks = chunk->next;
		free(chunk);
	}
	free(group);
}

static struct weir_claim *group_claim(struct claim_group *group)
{
	struct claim_chunk *chunk = group->chunks;

	if (!chunk || chunk->used == CHUNK_CLAIMS) {
		chunk = calloc(1, sizeof(*chunk));
		if (!chunk)
			return NULL;
		chunk->next = group->chunks;
		group->chunks = chunk;
	}
	return &chunk->claims[chunk->used++];
}

struct weir_claim *flow_hold(struct batch *batch, uint32_t index)
{
	struct weir_record *record = &batch->view.records[index];
	struct weir_claim *claim;

	if (!batch->group)
		batch->group = group_create(batch);
	claim = batch->group ? group_claim(batch->group) : NULL;
	if (!claim)
		return NULL;
	record->flags |= WEIR_RECORD_HELD;
	claim->group = batch->group;
	if (!(record->flags & WEIR_RECORD_DERIVED) && record->source < batch->view.source_count)
		claim->source =
			(const struct source *)(const void *)batch->view.sources[record->source];
	claim->position = record->position;
	atomic_store(&claim->refs, 1);
	atomic_fetch_add_explicit(&batch->group->refs, 1, memory_order_relaxed);
	return claim;
}

struct weir_claim *flow_claim_ref(struct weir_claim *claim)
{
	atomic_fetch_add_explicit(&claim->refs, 1, memory_order_relaxed);
	return claim;
}

void flow_claim_release(struct weir_claim *claim)
{
	if (claim && atomic_fetch_sub_explicit(&claim->refs, 1, memory_order_acq_rel) == 1)
		hold_group_unref(claim->group);
}

static int batch_has_claim(const struct batch *batch, const struct claim *claim)
{
	for (uint32_t i = batch->claim_count; i-- > 0;)
		if (batch->claims[i].claim == claim)
			return 1;
	return 0;
}

void flow_batch_claim(struct batch *batch, struct weir_claim *take_claim)
{
	const struct claim_group *group = take_claim->group;

	for (uint32_t i = 0; i < group->count; i++) {
		struct claim *claim = group->claims[i];

		if (batch_has_claim(batch, claim))
			continue;
		if (batch_add_claim(batch, claim, -1) < 0) {
			/* Held for ever: read again after a restart rather than lost. */
			pipeline_fail(batch->pipeline, "no memory to account for held records");
			continue;
		}
		ledger_hold(claim->source->ledger, claim, -1);
	}
	flow_claim_release(take_claim);
}

uint32_t flow_batch_source(struct batch *batch, const struct weir_claim *claim)
{
	const struct claim_group *group = claim ? claim->group : NULL;
	struct source *source;
	uint32_t index = 0;
	int added;

	if (!group || group->count == 0)
		return 0;
	source = group->claims[0]->source;
	if (batch_add_source(batch, &source->view, &index, &added) == 0 && added)
		source_ref(source);
	return index;
}

/* ---- what is held at the end of a generation ---- */

int hold_any(struct pipeline *pipeline)
{
	int any;

	pthread_mutex_lock(&pipeline->lock);
	any = pipeline->held != NULL;
	pthread_mutex_unlock(&pipeline->lock);
	return any;
}

static int group_has(const struct claim_group *group, const struct source *source,
		     uint64_t *ret_start)
{
	int has = 0;

	for (uint32_t i = 0; i < group->count; i++)
		if (group->claims[i]->source == source) {
			has = 1;
			if (group->claims[i]->start < *ret_start)
				*ret_start = group->claims[i]->start;
		}
	return has;
}

int hold_add(struct hold_positions *list, uint64_t position)
{
	if (list->count == list->capacity) {
		uint32_t capacity = list->capacity ? list->capacity * 2 : 16;
		uint64_t *grown = realloc(list->positions, capacity * sizeof(*grown));

		if (!grown)
			return WEIR_ERR_MEMORY;
		list->positions = grown;
		list->capacity = capacity;
	}
	list->positions[list->count++] = position;
	return 0;
}

/* One group's held records of the source. */
static int add_group(struct hold_positions *list, const struct claim_group *group,
		     const struct source *source)
{
	for (const struct claim_chunk *chunk = group->chunks; chunk; chunk = chunk->next)
		for (uint32_t i = 0; i < chunk->used; i++) {
			const struct weir_claim *claim = &chunk->claims[i];

			if (!atomic_load(&claim->refs))
				continue;
			if (!claim->source)
				list->all = 1;
			if (claim->source == source && hold_add(list, claim->position) < 0)
				return WEIR_ERR_MEMORY;
		}
	return 0;
}

static int by_position(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

int hold_list(struct pipeline *pipeline, const struct source *source,
	      struct hold_positions *ret_list)
{
	int status = 0;

	*ret_list = (struct hold_positions){.start = UINT64_MAX};
	pthread_mutex_lock(&pipeline->lock);
	for (const struct claim_group *group = pipeline->held; group && status == 0;
	     group = group->next)
		if (group_has(group, source, &ret_list->start))
			status = add_group(ret_list, group, source);
	pthread_mutex_unlock(&pipeline->lock);
	return status;
}

void hold_sort(struct hold_positions *list)
{
	if (list->count)
		qsort(list->positions, list->count, sizeof(*list->positions), by_position);
}

static int hold_has(const struct hold_positions *list, uint64_t position)
{
	return list &&
	       (list->all || (list->count && bsearch(&position, list->positions, list->count,
						     sizeof(position), by_position)));
}

void hold_skip_had(const struct source *source, struct batch *batch)
{
	uint32_t skipped = 0;

	for (uint32_t i = 0; i < batch->view.record_count; i++) {
		struct weir_record *record = &batch->view.records[i];

		if (record->position >= source->had_until || (record->flags & WEIR_RECORD_GONE) ||
		    hold_has(source->held, record->position))
			continue;
		record->flags |= WEIR_RECORD_HELD;
		skipped++;
	}
	batch->skipped = skipped;
}
