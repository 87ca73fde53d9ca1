// SPDX-License-Identifier: MIT
/* The inside of a disk queue, for spool.c (opening, acknowledging), spool_write.c and spool_read.c. */
#ifndef SPOOL_SPOOL_INTERNAL_H
#define SPOOL_SPOOL_INTERNAL_H

#include <pthread.h>

#include "spool/spool.h"
#include "spool/spool_segment.h"
#include "spool/spool_slots.h"

struct spool {
	struct spool_options options;
	uint64_t segment_bytes;
	int folder_fd, lock_fd;
	uint64_t first; /* position */

	pthread_mutex_t lock; /* guards the segments, bytes, visible and acked */
	struct spool_segment *segments;
	uint32_t count, capacity;
	uint64_t bytes;   /* of all segments */
	uint64_t visible; /* the reader goes no further */
	uint64_t acked;

	/* Of the writer. The segment being written is the last of the list too, where others look. */
	struct spool_segment active;
	int fd; /* of it; -1 = none */
	uint32_t next_number;
	uint32_t records; /* in it */
	uint64_t synced;  /* bytes of it that are as durable as was asked for */
	uint64_t flushed; /* bytes of it that are on the disk */
	uint32_t cuts;    /* how often a sync failed */
	struct spool_slots slots;

	/* Of the reader, and of the writer while it drops a segment. */
	pthread_mutex_t read_lock; /* taken before `lock` */
	uint64_t read;
	int read_fd;
	uint32_t read_number; /* of the segment that read_fd is */
	uint32_t expected;    /* number of the next record; SPOOL_EXPECT_ANY = not known */
	struct spool_table table;
	struct spool_frame *frames;
	uint32_t frame_count, frame_capacity;
};

#define SPOOL_EXPECT_ANY UINT32_MAX

/* Takes the first segment out of the list and unlinks it. Under the lock. */
void spool_remove_first(struct spool *spool);
/* Ends the segment being written. */
int spool_rotate(struct spool *spool, struct weir_error *error);

#endif
