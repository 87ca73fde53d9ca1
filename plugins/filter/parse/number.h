// SPDX-License-Identifier: MIT
/*
 * Numbers as text: what is one by JSON's grammar, and what a person would still call one.
 */
#ifndef PARSE_NUMBER_H
#define PARSE_NUMBER_H

#include <stdint.h>

#include "word.h"

/*
 * WEIR_INT or WEIR_DOUBLE when the text is a JSON number, which may then stay as it is
 * (WEIR_VALUE_TEXT); WEIR_STRING when it is none. A whole number beyond 64 bits is a DOUBLE: its
 * text keeps every digit.
 */
uint8_t number_tag(const char *text, uint32_t size);

/*
 * True for a whole number of one to eight digits as JSON has it, which most numbers of logs are;
 * number_tag() then says WEIR_INT. Text must be in a block: eight bytes are read.
 */
static inline int number_is_short(const char *text, uint32_t size)
{
	return size - 1 < WORD_BYTES && word_is_digits(text, size) && (*text != '0' || size == 1);
}

/* The same for three to eight bytes with a dot, which are a WEIR_DOUBLE. */
static inline int number_is_short_double(const char *text, uint32_t size)
{
	return size - 3 < WORD_BYTES - 2 && word_is_fraction(text, size) &&
	       (*text != '0' || text[1] == '.');
}

/* Also takes a plus sign and leading zeros. -1 when it is no whole number of 64 bits. */
int number_int(const char *text, uint32_t size, int64_t *ret_number);
/* Also takes `.5`, `5.` and a plus sign; no hexadecimal, no infinities. */
int number_double(const char *text, uint32_t size, double *ret_number);

#endif
