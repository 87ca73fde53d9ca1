// SPDX-License-Identifier: MIT
#include "scan.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Keeps the bits of a word that belong to the line. */
static inline uint64_t line_mask(uint32_t size, uint32_t at)
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

/* Behind the recorded spaces there are none, for scan_space(). */
static inline void scan_end(struct scan *scan, uint32_t size, uint64_t special)
{
	uint32_t words = size / 64 + (size % 64 != 0);

	scan->spaces[words < SCAN_WORDS ? words : SCAN_WORDS] = 0;
	scan->special = special != 0;
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
	scan_end(ret_scan, size, special);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

struct scan_word {
	uint64_t quotes, spaces, special;
};

AVX2 static inline uint64_t mask_pair(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
							     << 32;
}

AVX2 static inline struct scan_word scan_word(const char *text)
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

/* Writes the positions of the bits, behind the last bit any; returns how many there are. */
AVX2 static inline uint32_t places_write(uint32_t *out, uint64_t bits, uint32_t at)
{
	uint64_t second = _blsr_u64(bits), third = _blsr_u64(second), fourth = _blsr_u64(third);
	uint64_t rest = _blsr_u64(fourth);

	out[0] = at + (uint32_t)_tzcnt_u64(bits);
	out[1] = at + (uint32_t)_tzcnt_u64(second);
	out[2] = at + (uint32_t)_tzcnt_u64(third);
	out[3] = at + (uint32_t)_tzcnt_u64(fourth);
	for (uint32_t i = 4; rest; i++, rest = _blsr_u64(rest))
		out[i] = at + (uint32_t)_tzcnt_u64(rest);
	return (uint32_t)_mm_popcnt_u64(bits);
}

AVX2 static void scan_avx2(const char *text, uint32_t size, struct scan *ret_scan)
{
	uint32_t quote_count = 0;
	uint64_t special = 0;

	for (uint32_t at = 0; at < size; at += 64) {
		struct scan_word word = scan_word(text + at);
		uint64_t mask = line_mask(size, at);

		quote_count += places_write(ret_scan->quotes + quote_count, word.quotes & mask, at);
		special |= word.special & mask;
		if (at / 64 < SCAN_WORDS)
			ret_scan->spaces[at / 64] = word.spaces & mask;
		if (quote_count > SCAN_QUOTES) {
			special = 1;
			break;
		}
	}
	ret_scan->quote_count = quote_count;
	scan_end(ret_scan, size, special);
}

/* A third of the instructions of AVX2: comparisons give masks, and the positions of all quotes of
 * a step are one compression of the numbers from 0 to 63. */
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt")))

static const uint8_t numbers_0_to_63[64] = {
	0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
	22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
	44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

AVX512 static void scan_avx512(const char *text, uint32_t size, struct scan *ret_scan)
{
	const __m512i quote = _mm512_set1_epi8('"'), space = _mm512_set1_epi8(' ');
	const __m512i backslash = _mm512_set1_epi8('\\'),
		      numbers = _mm512_loadu_si512(numbers_0_to_63);
	uint32_t quote_count = 0;
	uint64_t special = 0;

	for (uint32_t at = 0; at < size; at += 64) {
		uint64_t mask = line_mask(size, at), quotes;
		__m512i bytes = _mm512_loadu_si512(text + at), places;

		quotes = _mm512_mask_cmpeq_epi8_mask(mask, bytes, quote);
		/* Signed, as above. */
		special |= _mm512_mask_cmplt_epi8_mask(mask, bytes, space) |
			   _mm512_mask_cmpeq_epi8_mask(mask, bytes, backslash);
		if (at / 64 < SCAN_WORDS)
			ret_scan->spaces[at / 64] = _mm512_mask_cmpeq_epi8_mask(mask, bytes, space);
		/* The first 16 of them: with more, the line is special. */
		places = _mm512_cvtepu8_epi32(
			_mm512_castsi512_si128(_mm512_maskz_compress_epi8(quotes, numbers)));
		_mm512_storeu_si512(ret_scan->quotes + quote_count,
				    _mm512_add_epi32(places, _mm512_set1_epi32((int)at)));
		quote_count += (uint32_t)_mm_popcnt_u64(quotes);
		if (quote_count > SCAN_QUOTES) {
			special = 1;
			break;
		}
	}
	ret_scan->quote_count = quote_count;
	scan_end(ret_scan, size, special);
}
#endif

uint32_t scan_all(scan_function ret_scans[SCAN_FUNCTIONS_MAX])
{
	uint32_t count = 0;

	ret_scans[count++] = scan_portable;
#if defined(__x86_64__)
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
	    !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("popcnt"))
		return count;
	ret_scans[count++] = scan_avx2;
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2"))
		ret_scans[count++] = scan_avx512;
#endif
	return count;
}

scan_function scan_best(void)
{
	scan_function scans[SCAN_FUNCTIONS_MAX];

	return scans[scan_all(scans) - 1];
}

uint32_t scan_space_far(const struct scan *scan, const char *text, uint32_t from, uint32_t size)
{
	const char *found;

	while (from < size && from / 64 < SCAN_WORDS) {
		uint64_t bits = scan->spaces[from / 64] >> (from % 64);

		if (bits) {
			from += (uint32_t)__builtin_ctzll(bits);
			return from < size ? from : size;
		}
		from = (from / 64 + 1) * 64;
	}
	if (from >= size)
		return size;
	found = memchr(text + from, ' ', size - from);
	return found ? (uint32_t)(found - text) : size;
}
