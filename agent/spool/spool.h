// SPDX-License-Identifier: MIT
/*
 * A disk queue: records go in as chunks at one end and come out as batches at the other, in order.
 *
 *     append ─▶ [segment 7: sealed][segment 8: sealed][segment 9: being written]
 *                     ▲ acked             ▲ read                ▲ visible
 *
 * What it promises
 *   1. What spool_sync() has returned for is there after a SIGKILL, and with `durable` after a power
 *      cut: the segment is fsynced, and so is the folder when a segment is new. A sync that failed is
 *      never tried again on the same bytes: the segment is cut back to what was synced, and the
 *      caller appends again.
 *   2. A record stays until it is acknowledged. The acknowledged position is saved by
 *      spool_save() and may lag behind: that costs repeats. Segments go as a whole.
 *   3. Damage costs the damaged records. They are skipped and counted.
 *   4. Opening reads the two slots of the state and the names in the folder, whatever is queued.
 *   5. The files never take more than `limit_bytes`, but for the two slots.
 *
 * Threads: one writer (append, sync, flush, save) and one reader (read), each one at a time; acked()
 * and the questions from any thread. `lock` guards what they share; it is held over no I/O but the
 * unlinking of segments.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "spool/spool_chunk.h"

/* The smallest useful bound, and how segments follow from it: sixteen in all, none larger than 16 MiB,
 * so that space comes back in small steps and a scan of one takes milliseconds. */
#define SPOOL_LIMIT_MIN (INT64_C(1) << 20)
#define SPOOL_LIMIT_MAX (INT64_C(1) << 50)
#define SPOOL_SEGMENTS 16
#define SPOOL_SEGMENT_BYTES_MAX (16u << 20)

struct spool;

struct spool_options {
	uint64_t limit_bytes;
	int durable;     /* acknowledged means fsynced */
	int drop_oldest; /* when full: make room by the loss of the oldest segment */
};

/* What was skipped in reading. */
struct spool_damage {
	uint64_t records; /* that are known to be missing */
	uint64_t bytes;
	uint64_t position; /* of the last piece */
};

/* Makes the folder when its parent exists and takes its lock: WEIR_ERR_REFUSED while another has it.
 * *ret_reset is 1 when nothing is known of what was delivered: all of it will be sent again. */
int spool_open(const char *path, const struct spool_options *options, struct spool **ret_spool,
	       int *ret_reset, struct weir_error *error);
/* Saves, seals, and lets go. A queue that is empty leaves no segment. */
void spool_close(struct spool *spool);

/* ---- the writer ---- */

/* A record that needs more can't be queued. */
uint64_t spool_record_max(const struct spool *spool);
#define SPOOL_FULL 1
/* Records that were dropped to make room, that an earlier opening had queued, or this one. */
struct spool_lost {
	uint64_t earlier, own;
};

/* Adds a chunk. SPOOL_FULL: try again when something was acknowledged. WEIR_ERR_IO: the disk refuses;
 * nothing was added. *lost grows by what was dropped to make room. */
int spool_append(struct spool *spool, struct spool_chunk *chunk, struct spool_lost *lost,
		 struct weir_error *error);
/* Everything appended is as durable as was asked for, and can be read. */
int spool_sync(struct spool *spool, struct weir_error *error);
/* Grows by one when a sync failed, within spool_append() too: then what was appended since the last
 * spool_sync() that did not must be appended again. */
uint32_t spool_cuts(const struct spool *spool);
/* Without `durable`: has the disk catch up. */
int spool_flush(struct spool *spool, struct weir_error *error);
/* Saves the acknowledged position, if it has moved. */
int spool_save(struct spool *spool, struct weir_error *error);

/* ---- the reader ---- */

/* Where reading begins: what was saved as acknowledged. */
uint64_t spool_start(struct spool *spool);
/* Fills the batch with what comes next. 1: *ret_end is the position behind it, for spool_acked();
 * 0: nothing more is there now. Damage is added up in *damage. */
int spool_read(struct spool *spool, struct weir_batch *batch,
	       int64_t (*source)(void *user, struct weir_batch *batch, const uint8_t id[16],
				 struct weir_slice name),
	       void *user, uint64_t *ret_end, struct spool_damage *damage,
	       struct weir_error *error);
/* Everything before the position is dealt with. Returns 1 when that made room. */
int spool_acked(struct spool *spool, uint64_t position);

/* ---- questions ---- */

uint64_t spool_bytes(struct spool *spool);
/* The first position that is of this opening; what lies before it is from earlier ones. */
uint64_t spool_first(const struct spool *spool);
/* Everything appended and synced has been acknowledged. */
int spool_is_drained(struct spool *spool);

#endif
