// SPDX-License-Identifier: MIT
/*
 * UTF-16 to UTF-8 and back to sizes. A lone surrogate becomes U+FFFD, which like it is one unit, so
 * that the size in UTF-16 of any piece of the result is the size of what it came from. Pure.
 */
#ifndef TAIL_ENCODING_H
#define TAIL_ENCODING_H

#include <stdint.h>

/* Bytes of UTF-8 that one UTF-16 unit becomes, at most. */
#define ENCODING_GROWTH 3

/* Converts whole units, and no first half of a pair without its second unless `final`; writes at
 * most ENCODING_GROWTH bytes a unit. Returns bytes written; *ret_used = bytes of raw converted. */
uint32_t encoding_from_utf16(const uint8_t *raw, uint32_t size, int big_endian, int final,
			     uint8_t *ret_text, uint32_t *ret_used);
/* Bytes of UTF-16 that a piece of converted text came from. */
uint64_t encoding_utf16_size(const uint8_t *text, uint64_t size);

/* The encoding that the byte order mark at the start of a file names (ENCODING_*), or -1;
 * *ret_size = bytes of the mark. */
int encoding_of_mark(const uint8_t *head, uint64_t size, uint32_t *ret_size);

#endif
