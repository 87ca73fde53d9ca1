// SPDX-License-Identifier: MIT
/*
 * The long forms of the copy. Eight bytes at a time in plain C, 32 with AVX2. Which of them runs is
 * asked of the processor at each call: that costs one load.
 */
#include "batch/json_copy.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Not zero when a byte of the word is not clean. */
static uint64_t unclean(uint64_t word)
{
	uint64_t quote = word ^ (EACH_BYTE * '"');
	uint64_t backslash = word ^ (EACH_BYTE * '\\');
	uint64_t below = (word - EACH_BYTE * 0x20) & ~word;
	uint64_t equal = ((quote - EACH_BYTE) & ~quote) | ((backslash - EACH_BYTE) & ~backslash);

	return (word | below | equal) & (EACH_BYTE * 0x80);
}

static int is_clean(char c)
{
	return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

size_t json_copy_scalar(char *to, const char *from, size_t size)
{
	size_t at = 0;
	uint64_t word;

	for (; size - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, from + at, sizeof(word));
		if (unclean(word))
			break;
		memcpy(to + at, &word, sizeof(word));
	}
	for (; at < size && is_clean(from[at]); at++)
		to[at] = from[at];
	return at;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static size_t copy_avx2(char *to, const char *from, size_t size)
{
	const __m256i below = _mm256_set1_epi8(0x20);
	const __m256i quote = _mm256_set1_epi8('"');
	const __m256i backslash = _mm256_set1_epi8('\\');

	for (size_t at = 0; at < size; at += 32) {
		__m256i text = _mm256_loadu_si256((const __m256i *)(const void *)(from + at));
		__m256i bad = _mm256_or_si256(_mm256_cmpgt_epi8(below, text),
					      _mm256_or_si256(_mm256_cmpeq_epi8(text, quote),
							      _mm256_cmpeq_epi8(text, backslash)));
		uint32_t mask = (uint32_t)_mm256_movemask_epi8(bad);

		_mm256_storeu_si256((__m256i *)(void *)(to + at), text);
		if (mask)
			return at + (size_t)__builtin_ctz(mask);
	}
	return size;
}

size_t json_copy_blocks(char *to, const char *from, size_t size)
{
	if (size && __builtin_cpu_supports("avx2"))
		return copy_avx2(to, from, size);
	return json_copy_scalar(to, from, size);
}
#else
size_t json_copy_blocks(char *to, const char *from, size_t size)
{
	return json_copy_scalar(to, from, size);
}
#endif
