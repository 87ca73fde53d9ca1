// SPDX-License-Identifier: MIT
/*
 * Memory of batches. Arrays grow by doubling and stay with the batch when it goes back to the pool;
 * blocks beyond the first are freed then. Every byte is charged while the batch is in use.
 */
#include "batch/batch.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "batch/shape.h"

#define FIRST_RECORDS 256u
#define FIRST_BLOCKS 4u
#define FIRST_SHAPES 8u
#define FIRST_SOURCES 2u
/* A block for more text than fits the ordinary one is at least this much larger than asked. */
#define BLOCK_SLACK 4096u

void batch_pool_init(struct batch_pool *pool, struct budget *budget, uint32_t block_bytes,
		     void (*source_unref)(const struct weir_source_view *view))
{
	memset(pool, 0, sizeof(*pool));
	pool->budget = budget;
	pool->block_bytes = block_bytes;
	pool->source_unref = source_unref;
	pthread_mutex_init(&pool->lock, NULL);
}

/* What its pool's area has is nobody's to free. */
static void batch_free_rows(struct batch *batch)
{
	if (batch->pool->area)
		return;
	for (uint32_t i = 0; i < batch->view.block_count; i++)
		free(batch->view.blocks[i].data);
	free(batch->view.records);
	free(batch->view.values);
}

static void batch_free(struct batch *batch)
{
	batch_free_rows(batch);
	free(batch->view.blocks);
	free((void *)batch->view.shapes);
	free((void *)batch->view.sources);
	free(batch->claims);
	free(batch->dead);
	free((void *)batch->owned_shapes);
	free(batch->routed);
	pthread_mutex_destroy(&batch->encoding_lock);
	free(batch);
}

void batch_pool_done(struct batch_pool *pool)
{
	while (pool->kept) {
		struct batch *batch = pool->kept;

		pool->kept = batch->next;
		batch_free(batch);
	}
	pthread_mutex_destroy(&pool->lock);
}

void batch_charge(struct batch *batch, int64_t bytes)
{
	atomic_fetch_add_explicit(&batch->charge, bytes, memory_order_relaxed);
	budget_charge(batch->pool->budget, bytes);
}

void *batch_area_take(struct batch_area *area, uint64_t bytes)
{
	uint64_t size = (bytes + 63) & ~UINT64_C(63);
	void *taken = area->data + area->used;

	if (size < bytes || size > area->size - area->used)
		return NULL;
	area->used += size;
	return taken;
}

uint32_t batch_capacity(uint32_t now, uint64_t need, uint32_t first)
{
	uint64_t wanted = now ? now : first;

	while (wanted < need)
		wanted *= 2;
	return wanted > UINT32_MAX ? 0 : (uint32_t)wanted;
}

/* realloc(), but that in an area what was there stays where it is until the area is given back. */
static void *batch_regrow(struct batch_area *area, void *old, size_t old_bytes, size_t bytes)
{
	void *grown;

	if (!area)
		return realloc(old, bytes);
	grown = batch_area_take(area, bytes);
	if (grown && old_bytes)
		memcpy(grown, old, old_bytes);
	return grown;
}

/* Grows *array to hold `need` entries of `size` bytes and charges the difference. */
static int batch_grow_in(struct batch *batch, struct batch_area *area, void *array,
			 uint32_t *capacity, uint64_t need, uint32_t first, size_t size)
{
	uint32_t wanted;
	void *grown;

	if (need <= *capacity)
		return 0;
	wanted = batch_capacity(*capacity, need, first);
	if (!wanted)
		return WEIR_ERR_MEMORY;
	memcpy(&grown, array, sizeof(grown)); /* the pointer's type differs from call to call */
	grown = batch_regrow(area, grown, *capacity * size, wanted * size);
	if (!grown)
		return WEIR_ERR_MEMORY;
	batch_charge(batch, (int64_t)((wanted - *capacity) * size));
	memcpy(array, &grown, sizeof(grown));
	*capacity = wanted;
	return 0;
}

static int batch_grow_rows(struct batch *batch, void *array, uint32_t *capacity, uint64_t need,
			   size_t size)
{
	return batch_grow_in(batch, batch->pool->area, array, capacity, need, FIRST_RECORDS, size);
}

static int batch_grow(struct batch *batch, void *array, uint32_t *capacity, uint32_t need,
		      uint32_t first, size_t size)
{
	return batch_grow_in(batch, NULL, array, capacity, need, first, size);
}

static int batch_add_block(struct batch *batch, uint32_t bytes)
{
	struct weir_batch *view = &batch->view;
	uint8_t *data;

	if (view->block_count == WEIR_BATCH_BLOCKS_MAX ||
	    batch_grow(batch, &view->blocks, &batch->block_capacity, view->block_count + 1,
		       FIRST_BLOCKS, sizeof(*view->blocks)) < 0)
		return WEIR_ERR_MEMORY;
	data = batch->pool->area
		       ? batch_area_take(batch->pool->area, (uint64_t)bytes + WEIR_BLOCK_PADDING)
		       : aligned_alloc(64, ((size_t)bytes + WEIR_BLOCK_PADDING + 63) & ~(size_t)63);
	if (!data)
		return WEIR_ERR_MEMORY;
	memset(data + bytes, 0, WEIR_BLOCK_PADDING);
	view->arena_block = view->block_count;
	view->blocks[view->block_count++] = (struct weir_block_view){data, bytes, 0};
	batch_charge(batch, bytes + WEIR_BLOCK_PADDING);
	return 0;
}

static struct batch *batch_create(struct batch_pool *pool)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->pool = pool;
	batch->view.struct_size = sizeof(batch->view);
	pthread_mutex_init(&batch->encoding_lock, NULL);
	batch_charge(batch, sizeof(*batch));
	if (batch_add_block(batch, pool->block_bytes) < 0) {
		budget_charge(pool->budget, -batch->charge);
		batch_free(batch);
		return NULL;
	}
	return batch;
}

struct batch *batch_acquire(struct batch_pool *pool)
{
	struct batch *batch;

	pthread_mutex_lock(&pool->lock);
	batch = pool->kept;
	if (batch) {
		pool->kept = batch->next;
		pool->kept_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	if (batch)
		budget_charge(pool->budget, batch->charge);
	else
		batch = batch_create(pool);
	if (!batch)
		return NULL;
	atomic_fetch_add(&pool->alive, 1);
	atomic_store_explicit(&batch->refs, 1, memory_order_relaxed);
	batch->next = NULL;
	batch->view.read_ns = clock_wall_ns();
	return batch;
}

void batch_ref(struct batch *batch)
{
	atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
}

/* Empties the batch but keeps its arrays and first block. */
static void batch_reset(struct batch *batch)
{
	struct weir_batch *view = &batch->view;

	batch_encodings_free(batch);
	for (uint32_t i = 1; i < view->block_count; i++) {
		batch->charge -= (int64_t)view->blocks[i].size + WEIR_BLOCK_PADDING;
		if (!batch->pool->area)
			free(view->blocks[i].data);
	}
	view->block_count = 1;
	view->blocks[0].used = 0;
	view->arena_block = 0;
	for (uint32_t i = 0; i < view->source_count; i++)
		batch->pool->source_unref(view->sources[i]);
	for (uint32_t i = 0; i < batch->owned_shape_count; i++)
		shape_free(batch->owned_shapes[i]);
	for (uint32_t i = 0; i < batch->dead_count; i++)
		free(batch->dead[i].text);
	view->record_count = 0;
	view->value_count = 0;
	view->shape_count = 0;
	view->source_count = 0;
	view->range_start = 0;
	view->range_end = 0;
	batch->owned_shape_count = 0;
	batch->claim_count = 0;
	batch->dead_count = 0;
	batch->skipped = 0;
	batch->pipeline = NULL;
}

/* What is kept never exceeds what was in use at once, so the budget bounds it too; freeing and
 * allocating again under load would only fragment the heap. */
static void pool_keep(struct batch_pool *pool, struct batch *batch)
{
	pthread_mutex_lock(&pool->lock);
	batch->next = pool->kept;
	pool->kept = batch;
	pool->kept_count++;
	pthread_mutex_unlock(&pool->lock);
}

/* Nothing is on its way: gives back what a burst needed. */
static void pool_trim(struct batch_pool *pool)
{
	struct batch *surplus = NULL;

	pthread_mutex_lock(&pool->lock);
	while (pool->kept_count > BATCH_KEEP) {
		struct batch *batch = pool->kept;

		pool->kept = batch->next;
		pool->kept_count--;
		batch->next = surplus;
		surplus = batch;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!surplus)
		return;
	while (surplus) {
		struct batch *batch = surplus;

		surplus = batch->next;
		batch_free(batch);
	}
	malloc_trim(0);
}

int batch_pool_is_idle(struct batch_pool *pool)
{
	/* In this order: who takes the count down announces it first. */
	return atomic_load(&pool->alive) == 0 && atomic_load(&pool->leaving) == 0;
}

void batch_unref(struct batch *batch)
{
	struct batch_pool *pool = batch->pool;
	int64_t charged;

	if (atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) != 1)
		return;
	charged = batch->charge;
	budget_learn(pool->budget, charged);
	batch_reset(batch);
	if (batch->charge <= BATCH_KEEP_BYTES && !pool->area)
		pool_keep(pool, batch);
	else
		batch_free(batch);
	atomic_fetch_add(&pool->leaving, 1);
	if (atomic_fetch_sub(&pool->alive, 1) == 1)
		pool_trim(pool);
	budget_charge(pool->budget, -charged);
	atomic_fetch_sub(&pool->leaving, 1);
}

int32_t batch_reserve(struct weir_batch *view, uint32_t records, uint32_t values,
		      uint32_t text_bytes)
{
	struct batch *batch = batch_of(view);
	struct weir_block_view *block = &view->blocks[view->arena_block];
	uint64_t need_records = (uint64_t)view->record_count + records;
	uint64_t need_values = (uint64_t)view->value_count + values;

	if (need_records > UINT32_MAX || need_values > UINT32_MAX ||
	    text_bytes > UINT32_MAX - BLOCK_SLACK - WEIR_BLOCK_PADDING)
		return WEIR_ERR_MEMORY;
	if (batch_grow_rows(batch, &view->records, &view->record_capacity, need_records,
			    sizeof(*view->records)) < 0 ||
	    batch_grow_rows(batch, &view->values, &view->value_capacity, need_values,
			    sizeof(*view->values)) < 0)
		return WEIR_ERR_MEMORY;
	if (block->size - block->used >= text_bytes)
		return 0;
	return batch_add_block(batch, text_bytes + BLOCK_SLACK > batch->pool->block_bytes
					      ? text_bytes + BLOCK_SLACK
					      : batch->pool->block_bytes);
}

static int batch_own_shape(struct batch *batch, const struct weir_shape *shape)
{
	if (batch_grow(batch, &batch->owned_shapes, &batch->owned_shape_capacity,
		       batch->owned_shape_count + 1, FIRST_SHAPES, sizeof(shape)) < 0) {
		shape_free(shape);
		return WEIR_ERR_MEMORY;
	}
	batch->owned_shapes[batch->owned_shape_count++] = shape;
	return 0;
}

int32_t batch_shape(struct weir_batch *view, const struct weir_slice *keys, uint32_t count,
		    uint16_t *ret_shape)
{
	struct batch *batch = batch_of(view);
	const struct weir_shape *shape;
	int owned;
	int status;

	for (uint32_t i = view->shape_count; i-- > 0;)
		if (shape_has_keys(view->shapes[i], keys, count)) {
			*ret_shape = (uint16_t)i;
			return 0;
		}
	if (view->shape_count > UINT16_MAX ||
	    batch_grow(batch, &view->shapes, &batch->shape_capacity, view->shape_count + 1,
		       FIRST_SHAPES, sizeof(shape)) < 0)
		return WEIR_ERR_MEMORY;
	status = shape_intern(keys, count, &shape, &owned);
	if (status == 0 && owned)
		status = batch_own_shape(batch, shape);
	if (status < 0)
		return status;
	*ret_shape = (uint16_t)view->shape_count;
	view->shapes[view->shape_count++] = shape;
	return 0;
}

struct weir_value batch_text(struct weir_batch *view, struct weir_slice text)
{
	struct weir_value value;
	char *room = weir_batch_text(view, (uint32_t)text.size, &value);

	if (!room)
		return weir_value_null();
	if (text.size)
		memcpy(room, text.data, text.size);
	return value;
}

int batch_add_source(struct batch *batch, const struct weir_source_view *source,
		     uint32_t *ret_index, int *ret_added)
{
	struct weir_batch *view = &batch->view;

	*ret_added = 0;
	for (uint32_t i = view->source_count; i-- > 0;)
		if (view->sources[i] == source) {
			*ret_index = i;
			return 0;
		}
	if (batch_grow(batch, &view->sources, &batch->source_capacity, view->source_count + 1,
		       FIRST_SOURCES, sizeof(source)) < 0)
		return WEIR_ERR_MEMORY;
	*ret_index = view->source_count;
	*ret_added = 1;
	view->sources[view->source_count++] = source;
	return 0;
}

int batch_add_claim(struct batch *batch, struct claim *claim, int32_t output)
{
	if (batch_grow(batch, &batch->claims, &batch->claim_capacity, batch->claim_count + 1, 4,
		       sizeof(*batch->claims)) < 0)
		return WEIR_ERR_MEMORY;
	batch->claims[batch->claim_count++] = (struct batch_claim){claim, output};
	return 0;
}

int batch_add_dead(struct batch *batch, uint32_t record, const char *stage, const char *reason,
		   struct weir_slice text)
{
	struct batch_dead *dead;
	char *copy;

	if (batch->view.records[record].flags & WEIR_RECORD_GONE)
		return 0;
	if (batch_grow(batch, &batch->dead, &batch->dead_capacity, batch->dead_count + 1, 8,
		       sizeof(*batch->dead)) < 0)
		return WEIR_ERR_MEMORY;
	copy = strndup(text.data ? text.data : "", text.size);
	if (!copy)
		return WEIR_ERR_MEMORY;
	dead = &batch->dead[batch->dead_count++];
	*dead = (struct batch_dead){record, reason, copy, stage};
	batch->view.records[record].flags |= WEIR_RECORD_DEAD;
	return 0;
}

int batch_freeze(struct batch *batch)
{
	uint32_t words = batch_words(batch);

	if (batch_grow(batch, &batch->routed, &batch->routed_capacity, words * 2 + 1, 16,
		       sizeof(*batch->routed)) < 0)
		return WEIR_ERR_MEMORY;
	memset(batch->routed, 0, words * 2 * sizeof(*batch->routed));
	batch->alive = batch->routed + words;
	return 0;
}

/* ---- batches that other processes have a part in ---- */

int batch_adopt(struct batch *batch, const struct weir_block_view *blocks, uint32_t block_count,
		const struct batch_rows *rows)
{
	struct weir_batch *view = &batch->view;
	struct weir_block_view own = view->blocks[0];

	if (block_count >= WEIR_BATCH_BLOCKS_MAX ||
	    batch_grow(batch, &view->blocks, &batch->block_capacity, block_count + 1, FIRST_BLOCKS,
		       sizeof(*view->blocks)) < 0)
		return WEIR_ERR_MEMORY;
	if (block_count)
		memcpy(view->blocks, blocks, block_count * sizeof(*blocks));
	view->blocks[block_count] = own;
	view->block_count = block_count + 1;
	view->arena_block = block_count;
	view->records = rows->records;
	view->values = rows->values;
	view->record_count = rows->record_count;
	view->value_count = rows->value_count;
	view->record_capacity = rows->record_capacity;
	view->value_capacity = rows->value_capacity;
	return 0;
}

int batch_append_block(struct batch *batch, const void *text, uint32_t size)
{
	struct weir_batch *view = &batch->view;
	uint32_t arena = view->arena_block;

	if (batch_add_block(batch, size) < 0)
		return WEIR_ERR_MEMORY;
	if (size)
		memcpy(view->blocks[view->arena_block].data, text, size);
	view->blocks[view->arena_block].used = size;
	view->arena_block = arena;
	return 0;
}

void batch_drop_blocks(struct batch *batch, uint32_t first)
{
	struct weir_batch *view = &batch->view;

	while (view->block_count > first) {
		const struct weir_block_view *block = &view->blocks[--view->block_count];

		batch_charge(batch, -((int64_t)block->size + WEIR_BLOCK_PADDING));
		free(block->data);
	}
}

void batch_exchange_rows(struct batch *batch, struct batch_rows *rows)
{
	struct weir_batch *view = &batch->view;
	const struct batch_rows old = {view->records,         view->values,
				       view->record_capacity, view->value_capacity,
				       view->record_count,    view->value_count};

	batch_charge(batch, ((int64_t)rows->record_capacity - old.record_capacity) *
					    (int64_t)sizeof(*view->records) +
				    ((int64_t)rows->value_capacity - old.value_capacity) *
					    (int64_t)sizeof(*view->values));
	view->records = rows->records;
	view->values = rows->values;
	view->record_capacity = rows->record_capacity;
	view->value_capacity = rows->value_capacity;
	view->record_count = rows->record_count;
	view->value_count = rows->value_count;
	*rows = old;
}
