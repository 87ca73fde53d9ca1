// SPDX-License-Identifier: MIT
/*
 * The newline scan: 64 bytes a step into one bit mask, then one iteration per newline. With log
 * lines of about 240 bytes that is four steps a line, so the scan costs less than the read before
 * it. The choice of instructions is made once, at the first call.
 */
#include "lines.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef uint32_t lines_call(const uint8_t *, uint32_t, uint32_t, uint32_t *, uint32_t);

uint32_t lines_find_scalar(const uint8_t *text, uint32_t from, uint32_t size, uint32_t *ret_ends,
			   uint32_t max)
{
	uint32_t count = 0;

	while (from < size && count < max) {
		const uint8_t *end = memchr(text + from, '\n', size - from);

		if (!end)
			break;
		from = (uint32_t)(end - text);
		ret_ends[count++] = from++;
	}
	return count;
}

#if defined(__x86_64__)
__attribute__((target("avx2,bmi"))) static uint32_t
lines_find_avx2(const uint8_t *text, uint32_t from, uint32_t size, uint32_t *ret_ends, uint32_t max)
{
	const __m256i newline = _mm256_set1_epi8('\n');
	uint32_t count = 0;

	for (uint64_t at = from; at < size; at += 64) {
		const __m256i *step = (const __m256i *)(const void *)(text + at);
		__m256i low = _mm256_cmpeq_epi8(_mm256_loadu_si256(step), newline);
		__m256i high = _mm256_cmpeq_epi8(_mm256_loadu_si256(step + 1), newline);
		uint64_t mask = (uint32_t)_mm256_movemask_epi8(low) |
				(uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;

		if (size - at < 64)
			mask &= (UINT64_C(1) << (size - at)) - 1;
		while (mask) {
			if (count == max)
				return count;
			ret_ends[count++] = (uint32_t)at + (uint32_t)__builtin_ctzll(mask);
			mask &= mask - 1;
		}
	}
	return count;
}
#endif

static lines_call *lines_choose(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
		return lines_find_avx2;
#endif
	return lines_find_scalar;
}

uint32_t lines_find(const uint8_t *text, uint32_t from, uint32_t size, uint32_t *ret_ends,
		    uint32_t max)
{
	/* Written more than once at worst, always with the same value. */
	static lines_call *_Atomic chosen;
	lines_call *call = chosen;

	if (!call)
		chosen = call = lines_choose();
	return call(text, from, size, ret_ends, max);
}

size_t lines_nul_run(const uint8_t *text, size_t size)
{
	size_t run = 0;

	while (size - run >= sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, text + run, sizeof(word));
		if (word)
			break;
		run += sizeof(word);
	}
	while (run < size && text[run] == 0)
		run++;
	return run;
}
