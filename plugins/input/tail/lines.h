// SPDX-License-Identifier: MIT
/*
 * Finds newlines. Pure: reads [from, size) of the text and, for whole vectors, up to
 * LINES_OVERREAD bytes after it (blocks have that padding); never reports one beyond size.
 */
#ifndef TAIL_LINES_H
#define TAIL_LINES_H

#include <stddef.h>
#include <stdint.h>

/* Readable bytes that must follow the text. */
#define LINES_OVERREAD 64

/* Writes the offsets of the newlines in text[from, size), in order, at most `max`; returns how many.
 * size is below 4 GiB. Uses the widest instructions that this processor has. */
uint32_t lines_find(const uint8_t *text, uint32_t from, uint32_t size, uint32_t *ret_ends,
		    uint32_t max);

/* The same in plain C, for other processors and as the truth in tests. */
uint32_t lines_find_scalar(const uint8_t *text, uint32_t from, uint32_t size, uint32_t *ret_ends,
			   uint32_t max);

/* How many bytes at the start of the text are NUL. */
size_t lines_nul_run(const uint8_t *text, size_t size);

#endif
