// SPDX-License-Identifier: MIT
/*
 * Chunks: how records of a batch become frames.
 *
 *   TABLE   sources and shapes of the records that follow
 *   RECORD  one each
 *   AGAIN   the table once more, when there are several records
 *
 * A chunk needs nothing outside itself, and as its table is there twice, damage costs no record that
 * is not damaged itself. Numbers are LEB128 varints but for those of fixed size, texts are a varint
 * length and bytes:
 *
 *   table   u32 count of records (fixed)
 *           sources: count, then each 16 bytes of id, text name
 *           shapes:  count, then each count of keys, then each text
 *   record  source, shape (indices in the table), flags, i64 timestamp_ns (fixed), position, span,
 *           ordinal, text line; then one value per key of the shape:
 *   value   u8: bits 0-3 tag, 4-5 flags, 7 = its text lies in the line
 *           text: offset in the line and length, or length and bytes; INT, BOOL: zigzag varint;
 *           DOUBLE, TIMESTAMP: 8 bytes (fixed)
 *
 * So a field that a filter cut out of the line costs three or four bytes.
 */
#ifndef SPOOL_SPOOL_CHUNK_H
#define SPOOL_SPOOL_CHUNK_H

#include <weir/batch.h>

#include "base/buffer.h"

/* A chunk grows no larger than that unless one record does: what is read at once is a few of them. */
#define SPOOL_CHUNK_BYTES (32u << 10)

/* One chunk being built; zeroed memory is an empty one. One thread. */
struct spool_chunk {
	struct buffer bytes; /* the frames, each still to be closed with its place */
	uint32_t records;
	/* Of the build only. */
	struct buffer rows;
	uint32_t *map; /* indices in the batch to those in the table, plus 1 */
	size_t map_capacity;
};

/* Builds a chunk of the batch's selected records from *at on, and moves *at past those taken; a record
 * of more than record_max bytes is left out and its index is *ret_too_large (else UINT32_MAX): the
 * chunk ends there, and may be empty. WEIR_ERR_MEMORY. */
int spool_chunk_build(struct spool_chunk *chunk, const struct weir_batch *batch,
		      const uint64_t *selected, uint32_t *at, uint64_t record_max,
		      uint32_t *ret_too_large);
void spool_chunk_done(struct spool_chunk *chunk);

/* A table that was read. Owns its memory. */
struct spool_table {
	uint32_t first, count; /* records that it is for */
	uint8_t *memory;
	struct weir_slice *names; /* of sources, then keys of all shapes */
	const uint8_t **ids;
	uint32_t source_count;
	uint32_t shape_count;
	uint32_t *shapes;   /* first key of each in `keys`, and one past the last */
	uint32_t *in_batch; /* per source, then per shape: the index in the batch at hand, plus 1 */
	struct weir_slice *keys;
};

/* From a frame's payload; WEIR_ERR_INVALID when it is none. */
int spool_table_read(struct spool_table *table, uint32_t first, const uint8_t *payload,
		     uint32_t size);
/* The batch changes: indices in it are to be asked for anew. */
void spool_table_forget_batch(struct spool_table *table);
void spool_table_done(struct spool_table *table);

/* Where records that are read go. */
struct spool_sink {
	struct weir_batch *batch;
	uint16_t block; /* of the batch, in which the frames lie */
	/* The index in batch->sources of a source, added if it is new; negative on failure. */
	int64_t (*source)(void *user, struct weir_batch *batch, const uint8_t id[16],
			  struct weir_slice name);
	void *user;
};

/* Adds the record in a frame's payload, which lies in the sink's block, to the batch: its texts stay
 * where they are. WEIR_ERR_INVALID when it is no record of the table's; then nothing is added. */
int spool_record_read(const struct spool_sink *sink, struct spool_table *table,
		      const uint8_t *payload, uint32_t size);

#endif
