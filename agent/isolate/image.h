// SPDX-License-Identifier: MIT
/*
 * A batch in memory that two processes share.
 *
 * The agent copies a batch out:
 *
 *   text area   [head][text of block 0][padding][text of block 1]...   the plugin can only read it
 *   rows area   [records][values]... then what the plugin adds: rows that grew, blocks of text
 *
 * and the process of the plugin works on the rows where they are. What comes back is described by offsets,
 * which the agent takes out of the answer's body, copies what they lead to into memory of its own, and then
 * checks the copy: what the plugin's process writes afterwards, or has written where it should not,
 * changes nothing. Text that was there is never copied back.
 *
 * For an output, whose batch is frozen, both areas are one, which the plugin can only read.
 */
#ifndef ISOLATE_IMAGE_H
#define ISOLATE_IMAGE_H

#include "isolate/parcel.h"
#include "isolate/wire.h"
#include "pipeline/pipeline.h"

/* Copies the batch out; rows goes behind the text where the two areas are one. The head's size is returned
 * in ret_head. WEIR_ERR_MEMORY when an area is too small. */
int image_write(const struct weir_batch *view, struct batch_area *text, struct batch_area *rows,
		struct buffer *scratch, uint64_t *ret_head);
/* The head of a batch, into an empty buffer. */
int image_head(const struct weir_batch *view, struct buffer *out);
/* Bytes that image_write() needs for a batch in one area, at most. */
uint64_t image_size(const struct weir_batch *view, uint64_t head_bytes);

/* In the process of the plugin: fills a new batch of a pool with an area. */
int image_read(struct batch *batch, const struct batch_area *text, const struct batch_area *rows,
	       uint64_t head);
/* Describes what a plugin made of the batch in `out`: from these blocks and shapes on it is new. */
int image_describe(const struct batch *batch, const struct batch_area *rows, uint32_t first_block,
		   uint32_t first_shape, struct buffer *out);

/* In the agent. Records that are not of a segment (bits of `aside`) stay as they are. */
struct image_merge {
	struct batch_rows rows; /* spare ones, which the batch's are exchanged for */
	const uint64_t *aside;  /* or NULL: none */
	uint32_t aside_count;   /* records that it has bits for */
	/* A batch of the plugin's own making: its first block goes into the first one of the batch. */
	int is_new;
	uint32_t sources; /* that it names beside those of the batch; they come behind them */
	uint64_t *room;   /* bytes that may yet be copied for this answer, */
	uint64_t *text;   /* and that its records' values and texts may yet have together */
};

/* Whether the record is not of the segment. */
static inline int image_is_aside(const struct image_merge *merge, uint64_t record)
{
	return merge->aside && record < merge->aside_count &&
	       (merge->aside[record >> 6] >> (record & 63) & 1);
}

/* Takes in what image_describe() has described: all of it, or nothing and a sentence. Shapes and blocks of
 * the batch up to now are those that the plugin was given. */
int image_merge(struct batch *batch, const struct batch_area *rows, struct parcel *body,
		struct image_merge *merge, struct weir_error *error);

#endif
