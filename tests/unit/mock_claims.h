// SPDX-License-Identifier: MIT
/* Claims of a mock host: what a filter holds, and the batches that it makes of that. */
#ifndef MOCK_CLAIMS_H
#define MOCK_CLAIMS_H

#include "mock_batch.h"

static inline struct weir_claim *mock_record_hold(struct weir_context *context,
						  struct weir_batch *batch, uint32_t record)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_claim *claim = calloc(1, sizeof(*claim));

	assert(claim && record < batch->record_count);
	batch->records[record].flags |= WEIR_RECORD_HELD;
	host->hold_calls++;
	host->claims_live++;
	claim->host = host;
	claim->refs = 1;
	claim->next = host->claims;
	host->claims = claim;
	claim->source = *batch->sources[batch->records[record].source];
	claim->position = batch->records[record].position;
	return (struct weir_claim *)(void *)claim;
}

static inline struct weir_claim *mock_claim_ref(struct weir_claim *handle)
{
	struct mock_claim *claim = (struct mock_claim *)(void *)handle;

	assert(claim->refs > 0);
	claim->refs++;
	return handle;
}

static inline void mock_claim_release(struct weir_claim *handle)
{
	struct mock_claim *claim = (struct mock_claim *)(void *)handle;

	assert(claim->refs > 0);
	if (--claim->refs == 0)
		claim->host->claims_live--;
}

static inline int32_t mock_batch_begin(struct weir_context *context, struct weir_batch **ret_batch)
{
	*ret_batch = mock_batch_new(mock_of_context(context));
	return WEIR_OK;
}

static inline void mock_batch_claim(struct weir_batch *batch, struct weir_claim *take_claim)
{
	struct mock_batch *own = mock_of_batch(batch);

	own->claims = mock_move(own->claims, sizeof(struct mock_claim *), own->claim_count,
				own->claim_count + 1);
	own->claims[own->claim_count++] = (struct mock_claim *)(void *)take_claim;
}

static inline uint32_t mock_batch_source(struct weir_batch *batch, const struct weir_claim *handle)
{
	const struct mock_claim *claim = (const struct mock_claim *)(const void *)handle;

	return mock_source_index(batch, &claim->source);
}

static inline int32_t mock_batch_emit(struct weir_context *context, struct weir_batch *take_batch)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_batch **end = &host->emitted;

	while (*end)
		end = &(*end)->next;
	*end = mock_of_batch(take_batch);
	host->emitted_count++;
	return WEIR_OK;
}

static inline void mock_record_dead(struct weir_context *context, struct weir_batch *batch,
				    uint32_t record, const char *reason, struct weir_slice text)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_dead *dead;

	assert(record < batch->record_count && reason);
	host->dead =
		mock_move(host->dead, sizeof(*host->dead), host->dead_count, host->dead_count + 1);
	dead = &host->dead[host->dead_count++];
	batch->records[record].flags |= WEIR_RECORD_DEAD;
	dead->record = record;
	(void)snprintf(dead->reason, sizeof(dead->reason), "%s", reason);
	(void)snprintf(dead->text, sizeof(dead->text), "%.*s", (int)text.size,
		       text.data ? text.data : "");
}

static inline void mock_batch_free(struct weir_batch *batch)
{
	struct mock_batch *own;

	if (!batch)
		return;
	own = mock_of_batch(batch);
	for (uint32_t i = 0; i < own->claim_count; i++)
		mock_claim_release((struct weir_claim *)(void *)own->claims[i]);
	for (uint32_t i = 0; i < batch->block_count; i++)
		free(batch->blocks[i].data);
	free(own->claims);
	free(batch->records);
	free(batch->values);
	free(batch->blocks);
	free((void *)(uintptr_t)batch->shapes);
	free((void *)(uintptr_t)batch->sources);
	free(own);
}

/* Takes the oldest emitted batch; NULL when there is none. The caller frees it. */
static inline struct weir_batch *mock_take_emitted(struct mock_host *host)
{
	struct mock_batch *first = host->emitted;

	if (!first)
		return NULL;
	host->emitted = first->next;
	host->emitted_count--;
	return &first->batch;
}

#endif
