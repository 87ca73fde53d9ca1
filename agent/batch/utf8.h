// SPDX-License-Identifier: MIT
/* One step through bytes that are meant as UTF-8. Pure; any thread. */
#ifndef BATCH_UTF8_H
#define BATCH_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define UTF8_REPLACEMENT_SIZE 3

/*
 * The length of what stands at `text`, at least 1 when `size` is: a well-formed sequence
 * (*ret_valid 1), or a maximal subpart of an ill-formed one (*ret_valid 0) in the words of the
 * Unicode standard, chapter 3.
 */
size_t utf8_step(const uint8_t *text, size_t size, int *ret_valid);

/* Writes a code point in 1 to 4 bytes; returns the end. */
char *utf8_append(char *to, uint32_t code);

#endif
