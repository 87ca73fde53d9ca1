// SPDX-License-Identifier: MIT
/*
 * Well-formed UTF-8 is what table 3-7 of the Unicode standard lists: no surrogates, nothing above
 * U+10FFFF, no overlong forms. Only the second byte of a sequence has a range that depends on the
 * first; all later ones are 80..BF.
 */
#include "batch/utf8.h"

#include "batch/json.h"

struct second_byte {
	uint8_t length; /* of the whole sequence; 0 when no sequence begins so */
	uint8_t low, high;
};

static struct second_byte second_byte(uint8_t first)
{
	if (first >= 0xC2 && first <= 0xDF)
		return (struct second_byte){2, 0x80, 0xBF};
	if (first == 0xE0)
		return (struct second_byte){3, 0xA0, 0xBF};
	if (first == 0xED)
		return (struct second_byte){3, 0x80, 0x9F};
	if (first >= 0xE1 && first <= 0xEF)
		return (struct second_byte){3, 0x80, 0xBF};
	if (first == 0xF0)
		return (struct second_byte){4, 0x90, 0xBF};
	if (first >= 0xF1 && first <= 0xF3)
		return (struct second_byte){4, 0x80, 0xBF};
	if (first == 0xF4)
		return (struct second_byte){4, 0x80, 0x8F};
	return (struct second_byte){0, 0, 0};
}

size_t utf8_step(const uint8_t *text, size_t size, int *ret_valid)
{
	struct second_byte rule;
	size_t length;

	*ret_valid = 1;
	if (text[0] < 0x80)
		return 1;
	*ret_valid = 0;
	rule = second_byte(text[0]);
	if (rule.length == 0 || size < 2 || text[1] < rule.low || text[1] > rule.high)
		return 1;
	for (length = 2; length < rule.length; length++)
		if (length == size || (text[length] & 0xC0) != 0x80)
			return length;
	*ret_valid = 1;
	return length;
}

char *utf8_append(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xC0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xE0 | code >> 12);
		} else {
			*to++ = (char)(0xF0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3F));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3F));
	}
	*to++ = (char)(0x80 | (code & 0x3F));
	return to;
}

static size_t ascii_prefix(const uint8_t *text, size_t size)
{
	size_t at = 0;
	uint64_t word;

	for (; size - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text + at, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (at < size && text[at] < 0x80)
		at++;
	return at;
}

int utf8_valid(struct weir_slice text)
{
	const uint8_t *bytes = (const uint8_t *)text.data;
	size_t at = 0;
	int valid = 1;

	while (at < text.size && valid) {
		if (bytes[at] < 0x80)
			at += ascii_prefix(bytes + at, text.size - at);
		else
			at += utf8_step(bytes + at, text.size - at, &valid);
	}
	return valid;
}
