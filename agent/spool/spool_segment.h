// SPDX-License-Identifier: MIT
/*
 * Segments: the files of a disk queue, NUMBER-SALT.seg, both in hexadecimal.
 *
 *   HEAD · chunk · chunk · ... · SEAL
 *
 * A segment is written once, by one process, from beginning to end, and sealed when it is full or the
 * agent stops. Without a seal the process died: what lies behind the last whole frame was never
 * finished. A position in the queue is the segment's number and the offset in it.
 */
#ifndef SPOOL_SPOOL_SEGMENT_H
#define SPOOL_SPOOL_SEGMENT_H

#include <stddef.h>
#include <sys/types.h>
#include <weir/abi.h>

#include "spool/spool_frame.h"

#define SPOOL_FORMAT_VERSION 1

struct spool_segment {
	uint32_t number;
	uint32_t salt;
	uint64_t size; /* bytes of the file */
};

/* NUMBER-SALT.seg with its NUL. */
#define SPOOL_SEGMENT_NAME_SIZE 24

static inline uint64_t spool_position(uint32_t segment, uint32_t offset)
{
	return (uint64_t)segment << 32 | offset;
}

static inline uint32_t spool_position_segment(uint64_t position)
{
	return (uint32_t)(position >> 32);
}

static inline uint32_t spool_position_offset(uint64_t position)
{
	return (uint32_t)position;
}

void spool_segment_name(const struct spool_segment *segment,
			char ret_name[SPOOL_SEGMENT_NAME_SIZE]);
/* 1 when the name is that of a segment. */
int spool_segment_parse(const char *name, struct spool_segment *ret_segment);
/* The segments of a folder in order of their numbers, with their sizes; free() the list. */
int spool_segment_list(int folder_fd, struct spool_segment **ret_list, uint32_t *ret_count,
		       struct weir_error *error);

/* Writes all of it at an offset; WEIR_ERR_IO, then nothing is known of what follows the offset. */
int spool_write_at(int fd, const void *data, size_t size, uint64_t offset,
		   struct weir_error *error);
/* Makes the file with its head. Returns the descriptor or an error. */
int spool_segment_create(int folder_fd, struct spool_segment *segment, struct weir_error *error);
/* Adds the seal; segment->size grows. */
int spool_segment_seal(int fd, struct spool_segment *segment, uint32_t records,
		       struct weir_error *error);

/* ---- walking through ---- */

/* The frames of a run of bytes: whole ones are handed out, what lies between is damage. */
struct spool_walk {
	const uint8_t *data; /* data[0] is at `start` in the segment */
	uint32_t start;
	uint32_t at;  /* offset in the segment where the next frame is looked for */
	uint32_t end; /* one past the last byte */
	uint32_t salt;
	int is_last; /* nothing follows `end` */
	uint32_t
		skipped; /* bytes of damage before the frame that was handed out last, or before `at` */
};

/* The next whole frame: 1; 0 at the end, or where more bytes are needed to tell: walk->at. */
int spool_walk_next(struct spool_walk *walk, struct spool_frame *ret_frame);

#endif
