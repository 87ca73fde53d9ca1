// SPDX-License-Identifier: MIT
#include "scan.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Keeps the bits of a word that belong to the line. */
static inline uint64_t word_mask(uint32_t size, uint32_t at)
{
	return size - at >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (size - at)) - 1;
}

/* Writes the positions of the bits; four at once, because a loop over them is mispredicted. */
static inline void quotes_add(struct scan *scan, uint64_t bits, uint32_t at)
{
	uint32_t *out = scan->quotes + scan->quote_count;
	uint32_t count = (uint32_t)__builtin_popcountll(bits);

	for (uint32_t i = 0; i < 4; i++) {
		out[i] = at + (bits ? (uint32_t)__builtin_ctzll(bits) : 0);
		bits &= bits - 1;
	}
	for (uint32_t i = 4; bits; i++, bits &= bits - 1)
		out[i] = at + (uint32_t)__builtin_ctzll(bits);
	scan->quote_count += count;
}

void scan_portable(const char *text, uint32_t size, struct scan *ret_scan)
{
	uint32_t special = 0;

	ret_scan->quote_count = 0;
	for (uint32_t at = 0; at < size; at += 64) {
		uint32_t end = size - at < 64 ? size - at : 64;
		uint64_t quotes = 0, spaces = 0;

		for (uint32_t i = 0; i < end; i++) {
			unsigned char c = (unsigned char)text[at + i];

			quotes |= (uint64_t)(c == '"') << i;
			spaces |= (uint64_t)(c == ' ') << i;
			special |= c < 0x20 || c >= 0x80 || c == '\\';
		}
		quotes_add(ret_scan, quotes, at);
		if (at / 64 < SCAN_WORDS)
			ret_scan->spaces[at / 64] = spaces;
		if (ret_scan->quote_count > SCAN_QUOTES) {
			special = 1;
			break;
		}
	}
	ret_scan->special = special;
}

#if defined(__x86_64__)
struct scan_word {
	uint64_t quotes, spaces, special;
};

__attribute__((target("avx2"))) static inline uint64_t mask_pair(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
							     << 32;
}

__attribute__((target("avx2"))) static inline struct scan_word scan_word(const char *text)
{
	const __m256i quote = _mm256_set1_epi8('"'), space = _mm256_set1_epi8(' ');
	const __m256i backslash = _mm256_set1_epi8('\\');
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)text);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(text + 32));
	struct scan_word word;

	word.quotes = mask_pair(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote));
	word.spaces = mask_pair(_mm256_cmpeq_epi8(low, space), _mm256_cmpeq_epi8(high, space));
	/* Signed: bytes from 0x80 on are negative; one comparison finds them and the controls. */
	word.special = mask_pair(
		_mm256_or_si256(_mm256_cmpgt_epi8(space, low), _mm256_cmpeq_epi8(low, backslash)),
		_mm256_or_si256(_mm256_cmpgt_epi8(space, high),
				_mm256_cmpeq_epi8(high, backslash)));
	return word;
}

__attribute__((target("avx2,bmi,popcnt"))) static void scan_avx2(const char *text, uint32_t size,
								 struct scan *ret_scan)
{
	uint64_t special = 0;

	ret_scan->quote_count = 0;
	for (uint32_t at = 0; at < size; at += 64) {
		struct scan_word word = scan_word(text + at);
		uint64_t mask = word_mask(size, at);

		quotes_add(ret_scan, word.quotes & mask, at);
		special |= word.special & mask;
		if (at / 64 < SCAN_WORDS)
			ret_scan->spaces[at / 64] = word.spaces & mask;
		if (ret_scan->quote_count > SCAN_QUOTES) {
			special = 1;
			break;
		}
	}
	ret_scan->special = special != 0;
}
#endif

scan_function scan_best(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("popcnt"))
		return scan_avx2;
#endif
	return scan_portable;
}

uint32_t scan_space(const struct scan *scan, const char *text, uint32_t from, uint32_t size)
{
	const char *found;

	while (from < size && from / 64 < SCAN_WORDS) {
		uint64_t bits = scan->spaces[from / 64] >> (from % 64);

		if (bits)
			return from + (uint32_t)__builtin_ctzll(bits);
		from = (from / 64 + 1) * 64;
	}
	if (from >= size)
		return size;
	found = memchr(text + from, ' ', size - from);
	return found ? (uint32_t)(found - text) : size;
}
