// SPDX-License-Identifier: MIT
/*
 * Frames: what a segment of a disk queue is made of.
 *
 *   0  u8  0xF5                     4  u32 size of the payload      12  u32 CRC-32C of header and payload
 *   1  u8  type                     8  u32 number                   16  payload, zeros up to 8 bytes
 *   2  u16 check of the header
 *
 * All numbers are little-endian. Check and CRC are seeded with the segment's salt (it is in the name
 * of the file) and the frame's offset: bytes of a record that look like a frame are none, and a frame
 * is valid at its own place only. Frames begin at multiples of 8, so that after damage the next whole
 * one is found by looking at each such place; no frame is needed to find another.
 */
#ifndef SPOOL_SPOOL_FRAME_H
#define SPOOL_SPOOL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define SPOOL_FRAME_HEADER 16u
#define SPOOL_FRAME_ALIGN 8u

#define SPOOL_FRAME_HEAD 1   /* first of a segment; number = version of the format */
#define SPOOL_FRAME_TABLE 2  /* opens a chunk; number = of its first record */
#define SPOOL_FRAME_RECORD 3 /* number = of the record in its segment */
#define SPOOL_FRAME_AGAIN 4  /* the chunk's table once more, at its end */
#define SPOOL_FRAME_SEAL 5   /* last of a segment; number = records in it */

struct spool_frame {
	uint32_t offset; /* in the segment */
	uint32_t type;
	uint32_t number;
	uint32_t size; /* of the payload */
	const uint8_t *payload;
};

/* Bytes that a frame with this payload takes. */
static inline uint64_t spool_frame_bytes(uint64_t payload)
{
	return (SPOOL_FRAME_HEADER + payload + SPOOL_FRAME_ALIGN - 1) &
	       ~(uint64_t)(SPOOL_FRAME_ALIGN - 1);
}

/* Writes the header in front of a payload of `size` bytes, which lies behind it already, and the zeros
 * after it. spool_frame_close() completes it when its place is known. */
void spool_frame_open(uint8_t *frame, uint32_t type, uint32_t size);
/* Sets the number and the sums of one frame. Returns its length. */
uint32_t spool_frame_close(uint8_t *frame, uint32_t number, uint32_t salt, uint32_t offset);

#define SPOOL_FRAME_VALID 1
#define SPOOL_FRAME_NONE 0 /* no whole frame begins here */
#define SPOOL_FRAME_MORE 2 /* one may, but it goes on behind `available` */

/* Looks at the bytes at `data`, which is `offset` in the segment. */
int spool_frame_read(const uint8_t *data, size_t available, uint32_t salt, uint32_t offset,
		     struct spool_frame *ret_frame);

#endif
