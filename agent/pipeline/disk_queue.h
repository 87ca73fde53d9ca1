// SPDX-License-Identifier: MIT
/*
 * The queue on disk of one output (`buffer`), between the pipeline and the output.
 *
 *   dispatch ──▶ waiting ──writer thread──▶ spool ══▶ its source ──worker──▶ delivery ──▶ output
 *                             │ synced                     ▲                    │ outcome
 *                             ▼                            └──── acknowledged ◀─┘
 *                 the records' own claims settle
 *
 * For the source of a record, the record is dealt with at this output once it is in the spool, as
 * durably as was asked for. From there it is delivered as a record of the spool's own source, which
 * goes to no filter and to no other output; its identity (source id, position, ordinal) stays what it
 * was, so that a destination that knows it knows it again.
 *
 * Group commit: the writer takes all that waits, appends it, and syncs once. When the spool is full or
 * the disk is, what waits keeps its memory, and the inputs stop at the pipeline's bound. What is read
 * back has a part of that memory to itself, so neither side can starve the other.
 *
 * Threads: put() from any worker; the writer has a thread of its own; reading on a worker. `lock`
 * guards what waits and the flags; no other is taken under it, but for `deliveries_lock`.
 */
#ifndef PIPELINE_DISK_QUEUE_H
#define PIPELINE_DISK_QUEUE_H

#include "base/buffer.h"
#include "pipeline/pipeline.h"

struct disk_queue;

/* For an output with `buffer`. Nothing is opened before start. */
int disk_queue_create(struct weir_context *output, struct disk_queue **ret_queue,
		      struct weir_error *error);
/* The folder is opened by the writer, which waits for the one that has it now: the generation before
 * this one at a reload. */
int disk_queue_start(struct disk_queue *queue, struct weir_error *error);
/* No more is written; what could not be is given up, and its source reads it again. */
void disk_queue_stop(struct disk_queue *queue);
/* The same at a reload: what could not be written goes to the heir, the output that takes this one's place,
 * or is dropped when there is none. Returns the records. */
uint64_t disk_queue_hand_over(struct disk_queue *queue, struct weir_context *heir);
/* Before the start: what the queue before this one wrote counts as written by this one. */
void disk_queue_succeed(struct disk_queue *queue, const struct disk_queue *before);
/* Nothing waits to be written. */
int disk_queue_is_idle(struct disk_queue *queue);
/* Of a pipeline that is retired: dead letters that are on their way still stand on what was read back, or
 * nobody settles that any more. */
void disk_queue_retire(struct disk_queue *queue, int is_astray);
/* Saves what was delivered, and lets go of the folder. Once no outcome comes any more. */
void disk_queue_close(struct disk_queue *queue);
void disk_queue_destroy(struct disk_queue *queue);

/* Takes a delivery as delivery_write() would. */
void disk_queue_put(struct disk_queue *queue, struct weir_delivery *delivery);
/* Sends on a batch that was read back. Takes it. */
void disk_queue_dispatch(struct disk_queue *queue, struct batch *take_batch);
/* Nothing waits, and all that was written has been delivered. */
int disk_queue_is_drained(struct disk_queue *queue);
/* "null", or {bytes, limit, durable} as JSON. */
void disk_queue_status(struct disk_queue *queue, struct buffer *out);

/* Folders under STATE_DIR/spool that no output of the configuration has: their records wait for one. */
void disk_queue_report_orphans(const struct config *config);

/* The part of a pipeline's memory for what is read back; 0 without queues. */
int64_t disk_queue_share(const struct config_pipeline *config, int64_t memory_bytes);

#endif
