// SPDX-License-Identifier: MIT
/*
 * One pass over a line that finds what separates its fields: quotes and spaces, and whether any of
 * its bytes would need care in JSON.
 *
 * Three implementations give the same answer: AVX-512 and AVX2, chosen at run time, and portable C.
 * The first two read up to 63 bytes past the end of the line, which blocks allow
 * (WEIR_BLOCK_PADDING).
 */
#ifndef PARSE_SCAN_H
#define PARSE_SCAN_H

#include <stdint.h>

#define SCAN_WORDS 16  /* 64 bytes each: spaces beyond the first KiB are not recorded */
#define SCAN_QUOTES 16 /* recorded at most; combined has six */
#define SCAN_FUNCTIONS_MAX 3

struct scan {
	/* Set when a byte is a backslash, below 0x20 or not ASCII, or there are too many quotes. */
	uint32_t special;
	uint32_t quote_count;
	uint32_t quotes[SCAN_QUOTES +
			64];             /* offsets; a word's worth may follow the last valid one */
	uint64_t spaces[SCAN_WORDS + 1]; /* bit i of word w: byte 64 * w + i is a space */
};

typedef void (*scan_function)(const char *text, uint32_t size, struct scan *ret_scan);

void scan_portable(const char *text, uint32_t size, struct scan *ret_scan);
/* Those that this processor has, the fastest last; how many. */
uint32_t scan_all(scan_function ret_scans[SCAN_FUNCTIONS_MAX]);
scan_function scan_best(void);

/* scan_space() when there is no space in the next 64 bytes, or their spaces are not recorded. */
uint32_t scan_space_far(const struct scan *scan, const char *text, uint32_t from, uint32_t size);

/* Offset of the first space at or after `from`; `size` when there is none before it. `size` is not
 * beyond the line. */
static inline uint32_t scan_space(const struct scan *scan, const char *text, uint32_t from,
				  uint32_t size)
{
	const uint64_t *spaces;
	uint64_t bits;

	if (from >= size || from / 64 >= SCAN_WORDS)
		return scan_space_far(scan, text, from, size);
	spaces = scan->spaces + from / 64;
	bits = spaces[0] >> (from % 64) | spaces[1] << 1 << (63 - from % 64);
	if (bits == 0)
		return scan_space_far(scan, text, from, size);
	from += (uint32_t)__builtin_ctzll(bits);
	return from < size ? from : size;
}

#endif
