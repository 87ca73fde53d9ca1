// SPDX-License-Identifier: MIT
/*
 * Copies text up to the first byte that JSON cannot take as it is: the inner loop of the encoder.
 *
 * A byte is clean unless it is below 0x20, a quote, a backslash, or not ASCII. Each function copies
 * the clean bytes at the front of `from` and returns how many there are; it may write up to
 * JSON_COPY_SLACK bytes more than that into `to`. "Padded" ones may also read so many bytes after
 * the end of `from`, which blocks of a batch allow (WEIR_BLOCK_PADDING).
 *
 * Short text (most fields of a log line) is done inline with what every x86-64 has; long text goes
 * to AVX2 where the processor has it. The scalar form is what the others are tested against.
 */
#ifndef BATCH_JSON_COPY_H
#define BATCH_JSON_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define JSON_COPY_SLACK 32

size_t json_copy_scalar(char *to, const char *from, size_t size);
/* `size` is a multiple of 32. */
size_t json_copy_blocks(char *to, const char *from, size_t size);

/* Up to 32 bytes. */
static inline size_t json_copy_short_padded(char *to, const char *from, size_t size)
{
#if defined(__SSE2__)
	const __m128i limit = _mm_set1_epi8(0x20);
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)from);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(from + 16));
	__m128i bad_a, bad_b;
	uint64_t bad;

	_mm_storeu_si128((__m128i *)(void *)to, a);
	_mm_storeu_si128((__m128i *)(void *)(to + 16), b);
	/* Compared as signed bytes, "less than 0x20" takes in everything from 0x80 on. */
	bad_a = _mm_or_si128(_mm_cmplt_epi8(a, limit),
			     _mm_or_si128(_mm_cmpeq_epi8(a, quote), _mm_cmpeq_epi8(a, backslash)));
	bad_b = _mm_or_si128(_mm_cmplt_epi8(b, limit),
			     _mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, backslash)));
	bad = (uint32_t)_mm_movemask_epi8(bad_a) | ((uint64_t)_mm_movemask_epi8(bad_b) << 16);
	bad |= UINT64_C(1) << size;
	return (size_t)__builtin_ctzll(bad);
#else
	return json_copy_scalar(to, from, size);
#endif
}

static inline size_t json_copy_padded(char *to, const char *from, size_t size)
{
	size_t blocks, done;

	if (size <= 32)
		return json_copy_short_padded(to, from, size);
	blocks = size & ~(size_t)31;
	done = json_copy_blocks(to, from, blocks);
	if (done < blocks)
		return done;
	return done + json_copy_short_padded(to + done, from + done, size - done);
}

/* From here on a call of memcpy() costs less than copying 32 bytes at a time. */
#define JSON_COPY_CALL 256

/* Copies all of a text known to be clean or to need no escapes; padded. */
static inline void json_copy_plain(char *to, const char *from, size_t size)
{
	size_t at = 0;

	if (size >= JSON_COPY_CALL) {
		memcpy(to, from, size);
		return;
	}
	do
		memcpy(to + at, from + at, 32);
	while ((at += 32) < size);
}

/* For text that has no readable bytes after it. */
static inline size_t json_copy_exact(char *to, const char *from, size_t size)
{
	size_t blocks = size & ~(size_t)31;
	char tail[32] = {0};
	size_t done = json_copy_blocks(to, from, blocks);

	if (done < blocks || done == size)
		return done;
	memcpy(tail, from + done, size - done);
	return done + json_copy_short_padded(to + done, tail, size - done);
}

/* Copies up to 32 bytes without reading past their end, and longer text by memcpy. */
static inline void json_copy_key(char *to, const char *from, size_t size)
{
	if (size > 32) {
		memcpy(to, from, size);
	} else if (size >= 16) {
		memcpy(to, from, 16);
		memcpy(to + size - 16, from + size - 16, 16);
	} else if (size >= 8) {
		memcpy(to, from, 8);
		memcpy(to + size - 8, from + size - 8, 8);
	} else if (size >= 4) {
		memcpy(to, from, 4);
		memcpy(to + size - 4, from + size - 4, 4);
	} else {
		for (size_t i = 0; i < size; i++)
			to[i] = from[i];
	}
}

#endif
