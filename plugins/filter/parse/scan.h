// SPDX-License-Identifier: MIT
/*
 * One pass over a line that finds what separates its fields: quotes and spaces, and whether any of
 * its bytes would need care in JSON.
 *
 * Two implementations give the same answer: AVX2, chosen at run time, and portable C. The AVX2 one
 * reads up to 63 bytes past the end of the line, which blocks allow (WEIR_BLOCK_PADDING).
 */
#ifndef PARSE_SCAN_H
#define PARSE_SCAN_H

#include <stdint.h>

#define SCAN_WORDS 16  /* 64 bytes each: spaces beyond the first KiB are not recorded */
#define SCAN_QUOTES 16 /* recorded at most; combined has six */

struct scan {
	/* Set when a byte is a backslash, below 0x20 or not ASCII, or there are too many quotes. */
	uint32_t special;
	uint32_t quote_count;
	uint32_t quotes[SCAN_QUOTES +
			64];         /* offsets; a word's worth may follow the last valid one */
	uint64_t spaces[SCAN_WORDS]; /* bit i of word w: byte 64 * w + i is a space */
};

typedef void (*scan_function)(const char *text, uint32_t size, struct scan *ret_scan);

void scan_portable(const char *text, uint32_t size, struct scan *ret_scan);
/* The fastest one that this processor has. */
scan_function scan_best(void);

/* Offset of the first space at or after `from`; `size` when there is none. */
uint32_t scan_space(const struct scan *scan, const char *text, uint32_t from, uint32_t size);

#endif
