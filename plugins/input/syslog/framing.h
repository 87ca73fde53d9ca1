// SPDX-License-Identifier: MIT
/*
 * Where messages begin and end in a stream (RFC 6587), told apart message by message:
 *
 *   octet counting   `83 <13>1 2023-...`: the length in digits, a space, and that many bytes
 *   newline          everything up to the next newline
 *
 * A message of more than `max` bytes comes in parts of that size. Pure functions over a struct.
 */
#ifndef SYSLOG_FRAMING_H
#define SYSLOG_FRAMING_H

#include <stddef.h>
#include <stdint.h>

/* `999999999 `: digits of a length that are believed, and the space. */
#define FRAMING_HEAD_MAX 10u

struct framing {
	uint32_t max;
	uint64_t left; /* bytes of a counted message that is given out in parts */
	int in_line;   /* a line is given out in parts */
};

/* A message, or a part of one, in the bytes that were looked at. */
struct frame {
	uint32_t start, length;
	uint32_t span; /* bytes from the beginning to after the message and what separates it */
	int is_part;   /* not a message from its beginning to its end */
	int goes_on;   /* not the first part */
};

/* Looks at the bytes from the end of the last frame on. 1 = ret_frame; 0 = more bytes are needed. With
 * at_end nothing more comes, and 0 says that nothing is left. */
int framing_next(struct framing *framing, const uint8_t *data, size_t size, int at_end,
		 struct frame *ret_frame);

#endif
