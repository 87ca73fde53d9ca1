// SPDX-License-Identifier: MIT
/*
 * How far a disk queue has been delivered: the file `state`, two slots that are written in turn.
 *
 * Each slot has a generation and a CRC; the valid one with the higher generation counts. So a write
 * that a crash cuts short leaves the one before. A position that is too old costs repeats and never a
 * record; that both slots are damaged is reported, and everything in the queue is sent again.
 */
#ifndef SPOOL_SPOOL_SLOTS_H
#define SPOOL_SPOOL_SLOTS_H

#include <weir/abi.h>

#define SPOOL_SLOTS_NAME "state"

struct spool_slots {
	int fd;
	uint64_t generation; /* of the last write; 0 = none was valid */
	uint64_t position;   /* everything before it is dealt with */
	int valid;           /* slots that were, of 2 */
};

/* Opens or makes the file in the folder. */
int spool_slots_open(struct spool_slots *slots, int folder_fd, struct weir_error *error);
/* Reads it without changing anything; WEIR_ERR_NOT_FOUND when it is missing. fd is then -1. */
int spool_slots_peek(struct spool_slots *slots, int folder_fd, struct weir_error *error);
/* Writes the position into the older slot; with `durable` it is on the disk when this returns. */
int spool_slots_write(struct spool_slots *slots, uint64_t position, int durable,
		      struct weir_error *error);
void spool_slots_close(struct spool_slots *slots);

#endif
