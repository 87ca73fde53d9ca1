// SPDX-License-Identifier: MIT
/*
 * The file that is being appended to.
 *
 * Invariants: it is ours alone (a lock, held as long as it is open); it ends with a whole record
 * between calls; `size` is where the next one goes. Functions return 0 or an errno.
 *
 * Two locks, on bytes of the file that need not exist: byte 0 is the owner's, byte 1 is held by whoever
 * writes to it at this moment. `weir dead` takes the second one, renames the file, and lets go of it:
 * the owner sees that the file has moved before it writes again, and begins a new one.
 *
 * A record that a crash cut in half had no outcome and is sent again, so its half is removed when
 * the file is opened.
 */
#ifndef FILE_LIVE_H
#define FILE_LIVE_H

#include <sys/stat.h>

#include "support/delivery_queue/delivery_cursor.h"

/* A last line longer than this, or (for JSON) one that is no object's beginning, was not written by
 * this output: it is ended with a newline instead of being removed. */
#define FILE_TAIL_MAX (16 << 20)

struct file_live {
	int fd; /* -1 = closed */
	dev_t device;
	ino_t inode;
	uint64_t size;
	int64_t repaired; /* by the last opening: bytes of half a record removed; -1 = ended a line */
	int held;         /* the lock of the writing is ours */
};

int file_live_open(struct file_live *live, const char *path, uint32_t mode, int json);
void file_live_close(struct file_live *live);
/* Takes the lock of the writing; EAGAIN while somebody else has it, which is for moments only. */
int file_live_hold(struct file_live *live);
void file_live_release(struct file_live *live);
/* True when the path no longer names this file: it was renamed or removed by someone else. */
int file_live_moved(const struct file_live *live, const char *path);
/* True when the file has no name any more, so that what was written is gone with it. */
int file_live_removed(const struct file_live *live);
/* Takes up that someone else cut the file (copytruncate). */
int file_live_measure(struct file_live *live);
/* Appends all of the chunk, or nothing. Uses the chunk up. */
int file_live_append(struct file_live *live, struct delivery_chunk *chunk);
int file_live_sync(struct file_live *live);
/* Cuts back to `size`; what lies behind could not be made durable. */
void file_live_cut(struct file_live *live, uint64_t size);

#endif
