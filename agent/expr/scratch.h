// SPDX-License-Identifier: MIT
/*
 * Memory that is given up all at once: an expression's nodes, and the texts made for one record.
 *
 * Pointers stay good until scratch_reset(). After a few records the one chunk that is kept holds
 * all that a record needs, so that the hot path allocates nothing. Zeroed but for `limit` it is
 * ready to use.
 */
#ifndef EXPR_SCRATCH_H
#define EXPR_SCRATCH_H

#include <weir/abi.h>

struct scratch_chunk;

struct scratch {
	struct scratch_chunk *chunks; /* the newest first */
	size_t total;                 /* bytes in all chunks */
	size_t limit;                 /* of `total` */
};

/* Aligned to 8 bytes, not zeroed; NULL at the limit or without memory. */
void *scratch_take(struct scratch *scratch, size_t size);
/* A copy of the text; data is NULL on failure. */
struct weir_slice scratch_copy(struct scratch *scratch, struct weir_slice text);
void scratch_clear(struct scratch *scratch);
void scratch_done(struct scratch *scratch);

/* Gives up all that was taken. */
static inline void scratch_reset(struct scratch *scratch)
{
	if (scratch->chunks)
		scratch_clear(scratch);
}

#endif
