// SPDX-License-Identifier: MIT
/*
 * Batches: records in order, over numbered blocks of text.
 *
 *   batch ── blocks[]   text and what filters add; each has WEIR_BLOCK_PADDING readable bytes after
 *        ├── records[]  one weir_record each: where its line is, its shape, its row
 *        ├── values[]   rows: record->capacity values from record->row on, one per key of its shape
 *        ├── shapes[]   the shapes that the records use; record->shape is an index into it
 *        └── sources[]  where records come from; record->source is an index into it
 *
 * Everything is plain memory: reading a field is values[record->row + slot]. The calls through the
 * services table are per batch, not per record: weir_batch_reserve() before records, rows or text
 * are added; it may move the arrays, so read the pointers again after it.
 *
 * Threads: a batch belongs to one thread until it is frozen; frozen batches (those that an output
 * sees) are read-only and shared.
 */
#ifndef WEIR_BATCH_H
#define WEIR_BATCH_H

#include <weir/value.h>

/* Readable bytes after the end of every block, for SIMD loads and simdjson's padding. */
#define WEIR_BLOCK_PADDING 64

/* Blocks in one batch, at most (record and value hold 16-bit numbers). */
#define WEIR_BATCH_BLOCKS_MAX 65535

/* Fields in one shape, at most. */
#define WEIR_SHAPE_KEYS_MAX 4096

/* Record flags. */
#define WEIR_RECORD_DROPPED 1 /* leave it out: dropped by a rule; the host counts it */
#define WEIR_RECORD_HELD 2    /* a filter keeps it (see services.record_hold) */
#define WEIR_RECORD_DEAD 4    /* on its way to the dead letter; set by services.record_dead only */
#define WEIR_RECORD_GONE (WEIR_RECORD_DROPPED | WEIR_RECORD_HELD | WEIR_RECORD_DEAD)
#define WEIR_RECORD_UNPARSED 8 /* a parse failed and the record was passed on with a mark */
#define WEIR_RECORD_DERIVED \
	16 /* made by a filter from several records: its position is no place to skip by */
#define WEIR_RECORD_CUT 32 /* the line was longer than the input's bound: this is a part of it */

struct weir_block_view {
	uint8_t *data;
	uint32_t size; /* usable bytes; WEIR_BLOCK_PADDING more are readable */
	uint32_t used; /* bytes filled so far */
};

/* Where records come from; borrowed, lives as long as the batch. */
struct weir_source_view {
	uint32_t struct_size;
	uint32_t reserved;
	uint8_t id[16];         /* random, given when the source was first seen */
	struct weir_slice name; /* path or peer */
	struct weir_slice hex;  /* the id in 32 hex digits */
};

struct weir_record {
	uint32_t row;        /* index of its first value in batch->values */
	uint16_t shape;      /* index in batch->shapes; every record has one: see batch_shape() */
	uint16_t capacity;   /* slots reserved from `row` on, at least the shape's count */
	uint16_t flags;      /* WEIR_RECORD_* */
	uint16_t line_block; /* the original line: block, offset, length without its newline */
	uint32_t line_offset;
	uint32_t line_length;
	uint32_t source;      /* index in batch->sources */
	int64_t timestamp_ns; /* @timestamp, nanoseconds since 1970; the time of reading until parsed */
	uint64_t position; /* @position: offset of its first byte in the (uncompressed) source */
	uint32_t span;     /* bytes of the source it stands for, with its newline */
	uint32_t ordinal;  /* 0, or the how-manieth record made of the same position */
};

struct weir_batch {
	uint32_t struct_size;
	uint32_t flags; /* none yet: 0 */
	struct weir_record *records;
	struct weir_value *values;
	struct weir_block_view *blocks;
	const struct weir_shape **shapes;
	const struct weir_source_view **sources;
	uint32_t record_count;
	uint32_t record_capacity;
	uint32_t value_count;
	uint32_t value_capacity;
	uint32_t block_count;
	uint32_t shape_count;
	uint32_t source_count;
	uint32_t arena_block; /* number of the block that weir_batch_text() fills */
	int64_t read_ns;      /* when it was read, nanoseconds since 1970 */
	/* Input batches: the range of the source that is done with once every record in the batch is,
	 * for instance with skipped headers and blank lines inside. Set by the input. */
	uint64_t range_start;
	uint64_t range_end;
};

static inline struct weir_slice weir_record_line(const struct weir_batch *batch,
						 const struct weir_record *record)
{
	struct weir_slice line = {(const char *)batch->blocks[record->line_block].data +
					  record->line_offset,
				  record->line_length};
	return line;
}

static inline struct weir_value *weir_record_row(const struct weir_batch *batch,
						 const struct weir_record *record)
{
	return batch->values + record->row;
}

static inline struct weir_slice weir_value_slice(const struct weir_batch *batch,
						 const struct weir_value *value)
{
	struct weir_slice text = {(const char *)batch->blocks[value->block].data + value->as.offset,
				  value->length};
	return text;
}

/* The field `name` of a record, or NULL when it is absent. For hot paths cache the slot by shape. */
static inline struct weir_value *weir_record_find(const struct weir_batch *batch,
						  const struct weir_record *record,
						  struct weir_slice name)
{
	int32_t slot = weir_shape_find(batch->shapes[record->shape], name);

	if (slot < 0 || batch->values[record->row + (uint32_t)slot].tag == WEIR_ABSENT)
		return NULL;
	return &batch->values[record->row + (uint32_t)slot];
}

/*
 * Room for `size` bytes of text that lives with the batch; NULL when weir_batch_reserve() has not
 * been asked for that much. On success `ret_value`, if not NULL, names the text as a STRING.
 */
static inline char *weir_batch_text(struct weir_batch *batch, uint32_t size,
				    struct weir_value *ret_value)
{
	struct weir_block_view *block = &batch->blocks[batch->arena_block];
	char *text;

	if (ret_value)
		memset(ret_value, 0, sizeof(*ret_value));
	if (batch->block_count == 0 || block->size - block->used < size)
		return NULL;
	text = (char *)block->data + block->used;
	if (ret_value)
		*ret_value = weir_value_text(WEIR_STRING, 0, (uint16_t)batch->arena_block,
					     block->used, size);
	block->used += size;
	return text;
}

/* The next free row of `capacity` values, zeroed; NULL when none was reserved. */
static inline struct weir_value *weir_batch_row(struct weir_batch *batch, uint32_t capacity,
						uint32_t *ret_row)
{
	struct weir_value *row;

	*ret_row = 0;
	if (batch->value_capacity - batch->value_count < capacity)
		return NULL;
	row = batch->values + batch->value_count;
	*ret_row = batch->value_count;
	batch->value_count += capacity;
	memset(row, 0, capacity * sizeof(*row));
	return row;
}

/* The next free record, zeroed except for its time of reading; NULL when none was reserved. */
static inline struct weir_record *weir_batch_record(struct weir_batch *batch)
{
	struct weir_record *record;

	if (batch->record_count == batch->record_capacity)
		return NULL;
	record = &batch->records[batch->record_count++];
	memset(record, 0, sizeof(*record));
	record->timestamp_ns = batch->read_ns;
	return record;
}

#endif
