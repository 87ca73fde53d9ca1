// SPDX-License-Identifier: MIT
/*
 * A walk over the encoded records of a group of deliveries, in slices for writev().
 *
 * Records that lie side by side in an encoding become one slice, so a delivery of a whole batch is
 * one slice whatever it holds.
 */
#ifndef DELIVERY_CURSOR_H
#define DELIVERY_CURSOR_H

#include <sys/uio.h>

#include "support/delivery_queue/delivery_queue.h"

/* The next record: everything before it is dealt with. */
struct delivery_cursor {
	size_t delivery;
	uint32_t record;
};

/* Slices of one writev(); IOV_MAX is 1024 on Linux. */
#define DELIVERY_SLICES_MAX 1024

struct delivery_chunk {
	struct iovec slices[DELIVERY_SLICES_MAX];
	int count;
	size_t bytes;
	struct delivery_cursor end; /* the cursor after it */
};

/* Fills the chunk with whole records from `at` on, not more than max_bytes; with `one_at_least` the
 * first record is taken though it be longer. Every delivery of the group has its encoding. */
void delivery_chunk_fill(struct delivery_chunk *chunk, const struct delivery_group *group,
			 struct delivery_cursor at, size_t max_bytes, int one_at_least);
/* Leaves out the first `bytes`, which have been written. */
void delivery_chunk_skip(struct delivery_chunk *chunk, size_t bytes);

#endif
