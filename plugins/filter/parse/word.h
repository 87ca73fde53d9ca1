// SPDX-License-Identifier: MIT
/*
 * Short texts as one word of eight bytes: all of them are looked at at once, without a loop whose
 * end the processor would have to guess.
 *
 * Eight bytes from the text on are read, whatever its size: blocks allow it (WEIR_BLOCK_PADDING).
 */
#ifndef PARSE_WORD_H
#define PARSE_WORD_H

#include <stdint.h>
#include <string.h>

#define WORD_BYTES 8
#define WORD_OF(byte) (UINT64_C(0x0101010101010101) * (uint8_t)(byte))
#define WORD_HIGH_BITS WORD_OF(0x80)

static inline uint64_t word_load(const char *text)
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return word;
}

/* All bits of the first `size` bytes in memory, 1 to 8. */
static inline uint64_t word_mask(uint32_t size)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return ~UINT64_C(0) >> (64 - 8 * size);
#else
	return ~UINT64_C(0) << (64 - 8 * size);
#endif
}

/* True when the first `size` bytes, 1 to 8, are digits: added to 0x76, no more than 9 stays below
 * the high bit. */
static inline int word_is_digits(const char *text, uint32_t size)
{
	uint64_t word = (word_load(text) ^ WORD_OF('0')) & word_mask(size);

	return (((word + WORD_OF(0x76)) | word) & WORD_HIGH_BITS) == 0;
}

/* True when the first `size` bytes, 3 to 8, are digits but for one dot between them. */
static inline int word_is_fraction(const char *text, uint32_t size)
{
	uint64_t mask = word_mask(size), word = word_load(text), zero_at_dot = word ^ WORD_OF('.');
	/* The high bit of every byte that is a dot; of a slash beside one too, which is no digit. */
	uint64_t dots = (zero_at_dot - WORD_OF(1)) & ~zero_at_dot & WORD_HIGH_BITS & mask;
	uint64_t digits = (word ^ WORD_OF('0')) & mask & ~((dots >> 7) * 0xff);

	return dots != 0 && (dots & (dots - 1)) == 0 && text[0] != '.' && text[size - 1] != '.' &&
	       (((digits + WORD_OF(0x76)) | digits) & WORD_HIGH_BITS) == 0;
}

/* True when the first `size` bytes, 1 to 8, are letters of ASCII: both additions set the high bit
 * of a byte that is past one end of the alphabet. */
static inline int word_is_letters(const char *text, uint32_t size)
{
	uint64_t mask = word_mask(size), word = (word_load(text) & mask) | WORD_OF(0x20);
	uint64_t from_a = word + WORD_OF(0x80 - 'a'), past_z = word + WORD_OF(0x7f - 'z');

	return ((~from_a | past_z | word) & mask & WORD_HIGH_BITS) == 0;
}

#endif
