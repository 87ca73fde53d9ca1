// SPDX-License-Identifier: MIT
/*
 * A batch as the host holds it: the public view, and behind it the memory, its accounting, and what
 * the pipeline hangs on it.
 *
 * Life:  batch_acquire ─▶ filled by an input ─▶ filters ─▶ batch_freeze ─▶ deliveries ─▶ batch_unref
 *
 * Until it is frozen a batch belongs to one thread; after that it is read-only and counted by
 * reference, and the last unref gives it back to its pool. The pool keeps a few batches with their
 * arrays, so that a running pipeline allocates nothing.
 */
#ifndef BATCH_BATCH_H
#define BATCH_BATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <weir/services.h>

#include "batch/budget.h"

/* Block size: the text of a batch with its records and rows stays in a core's L2 cache. */
#define BATCH_BLOCK_BYTES (128u << 10)
#define BATCH_BLOCK_BYTES_MIN (16u << 10)
/* Batches kept for reuse while nothing is on its way, and the size above which one is freed at once. */
#define BATCH_KEEP 8
#define BATCH_KEEP_BYTES (2u << 20)

struct batch_encoding;

/* Memory that is taken from its start on, and given back as a whole. */
struct batch_area {
	uint8_t *data;
	uint64_t size, used; /* bytes */
};

struct batch_pool {
	struct budget *budget;
	uint32_t block_bytes;
	void (*source_unref)(const struct weir_source_view *view);
	/* Where rows and text of its batches are, or NULL: on the heap. Such batches are not kept. */
	struct batch_area *area;
	pthread_mutex_t lock; /* guards the two below */
	struct batch *kept;
	uint32_t kept_count;
	_Atomic uint32_t alive;   /* batches acquired and not yet given back */
	_Atomic uint32_t leaving; /* threads that give one back */
};

/* A claim that the batch stands for: at one output, or at all (output -1). */
struct batch_claim {
	struct claim *claim;
	int32_t output;
};

/* A record on its way to the dead letter, with the reason. */
struct batch_dead {
	uint32_t record;
	const char *reason; /* a constant of the plugin's */
	char *text;
	const char *stage;
};

struct batch {
	struct weir_batch view; /* first: plugins see its address */
	struct batch_pool *pool;
	struct batch *next;        /* in the pool */
	void *pipeline;            /* the pipeline's own */
	struct claim_group *group; /* made by the first record_hold() */
	uint32_t skipped;          /* records left out as soon as they were read */
	int is_dead_letter;
	int is_tapped;               /* somebody looks at records, maybe at these */
	_Atomic uint32_t deliveries; /* unfinished ones */
	_Atomic uint32_t refs;
	_Atomic int64_t charge; /* bytes charged to the budget */
	uint32_t block_capacity, shape_capacity, source_capacity;
	uint32_t first_block_bytes;
	struct batch_claim *claims;
	uint32_t claim_count, claim_capacity;
	struct batch_dead *dead;
	uint32_t dead_count, dead_capacity;
	const struct weir_shape **owned_shapes;
	uint32_t owned_shape_count, owned_shape_capacity;
	uint64_t *routed; /* bit i: record i goes to some output; filled in by dispatch */
	uint64_t *alive;  /* bit i: record i is not gone; behind `routed` in one allocation */
	uint32_t routed_capacity;      /* words */
	pthread_mutex_t encoding_lock; /* guards encodings */
	struct batch_encoding *encodings;
};

void batch_pool_init(struct batch_pool *pool, struct budget *budget, uint32_t block_bytes,
		     void (*source_unref)(const struct weir_source_view *view));
/* Nothing of the pool is in use, or being given back: it may be freed. */
int batch_pool_is_idle(struct batch_pool *pool);
void batch_pool_done(struct batch_pool *pool);

/* An empty batch with one block, at one reference; NULL without memory. */
struct batch *batch_acquire(struct batch_pool *pool);
void batch_ref(struct batch *batch);
void batch_unref(struct batch *batch);

static inline struct batch *batch_of(struct weir_batch *view)
{
	return (struct batch *)view;
}

static inline uint32_t batch_words(const struct batch *batch)
{
	return (batch->view.record_count + 63) / 64;
}

/* The calls of the services table. */
int32_t batch_reserve(struct weir_batch *view, uint32_t records, uint32_t values,
		      uint32_t text_bytes);
int32_t batch_shape(struct weir_batch *view, const struct weir_slice *keys, uint32_t count,
		    uint16_t *ret_shape);

/* A copy of the text that lives with the batch, as a STRING; null where batch_reserve() has not been asked for
 * it. */
struct weir_value batch_text(struct weir_batch *view, struct weir_slice text);

/* ---- for batches that other processes have a part in ---- */

/* Rows of a batch, on the heap. */
struct batch_rows {
	struct weir_record *records;
	struct weir_value *values;
	uint32_t record_capacity, value_capacity;
	uint32_t record_count, value_count;
};

/* `now`, or `first` for none, doubled until `need` fit; 0 when that is too much. */
uint32_t batch_capacity(uint32_t now, uint64_t need, uint32_t first);

/* Room for `bytes` in the pool's area; NULL when it is full. Aligned to a cache line. */
void *batch_area_take(struct batch_area *area, uint64_t bytes);
/* Of a new batch of a pool with an area: its blocks become these, which it borrows, followed by the one
 * that it had, and its rows those, which are in the area. */
int batch_adopt(struct batch *batch, const struct weir_block_view *blocks, uint32_t block_count,
		const struct batch_rows *rows);
/* A further block with these bytes in it, and no room for more. */
int batch_append_block(struct batch *batch, const void *text, uint32_t size);
/* Takes away the blocks from that one on. */
void batch_drop_blocks(struct batch *batch, uint32_t first);
/* Makes `rows` the batch's, and gives back in it those that it had. */
void batch_exchange_rows(struct batch *batch, struct batch_rows *rows);

/* The index of the source in the batch. Takes a reference only when it is added: *ret_added. */
int batch_add_source(struct batch *batch, const struct weir_source_view *source,
		     uint32_t *ret_index, int *ret_added);
int batch_add_claim(struct batch *batch, struct claim *claim, int32_t output);
/* Marks the record DEAD; text is copied. */
int batch_add_dead(struct batch *batch, uint32_t record, const char *stage, const char *reason,
		   struct weir_slice text);
/* Makes the bitmaps `routed` and `alive`, all zero. */
int batch_freeze(struct batch *batch);

/* The encoding for a spec, made by the first that asks. Any thread, on frozen batches. */
int batch_encode(struct batch *batch, const struct weir_encode_spec *spec, struct weir_slice host,
		 const struct weir_encoding **ret_encoding);
void batch_encodings_free(struct batch *batch);
/* Charges the batch, and so its pipeline, for memory that goes with it. */
void batch_charge(struct batch *batch, int64_t bytes);

#endif
