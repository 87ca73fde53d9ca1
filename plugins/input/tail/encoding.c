// SPDX-License-Identifier: MIT
#include "encoding.h"

#include <string.h>

#include "options.h"

#define REPLACEMENT 0xfffd

static uint32_t unit_at(const uint8_t *raw, int big_endian)
{
	return big_endian ? (uint32_t)raw[0] << 8 | raw[1] : (uint32_t)raw[1] << 8 | raw[0];
}

static uint32_t put_utf8(uint8_t *text, uint32_t code)
{
	if (code < 0x80) {
		text[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		text[0] = (uint8_t)(0xc0 | code >> 6);
		text[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		text[0] = (uint8_t)(0xe0 | code >> 12);
		text[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		text[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	text[0] = (uint8_t)(0xf0 | code >> 18);
	text[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	text[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	text[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

uint32_t encoding_from_utf16(const uint8_t *raw, uint32_t size, int big_endian, int final,
			     uint8_t *ret_text, uint32_t *ret_used)
{
	uint32_t written = 0;
	uint32_t at = 0;

	while (size - at >= 2) {
		uint32_t code = unit_at(raw + at, big_endian);
		uint32_t used = 2;

		if (code >= 0xd800 && code < 0xdc00) {
			uint32_t low = size - at >= 4 ? unit_at(raw + at + 2, big_endian) : 0;

			if (size - at < 4 && !final)
				break;
			if (low >= 0xdc00 && low < 0xe000) {
				code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
				used = 4;
			} else {
				code = REPLACEMENT;
			}
		} else if (code >= 0xdc00 && code < 0xe000) {
			code = REPLACEMENT;
		}
		written += put_utf8(ret_text + written, code);
		at += used;
	}
	*ret_used = at;
	return written;
}

uint64_t encoding_utf16_size(const uint8_t *text, uint64_t size)
{
	uint64_t units = 0;

	for (uint64_t i = 0; i < size; i++)
		units += ((text[i] & 0xc0) != 0x80) + (text[i] >= 0xf0);
	return units * 2;
}

int encoding_of_mark(const uint8_t *head, uint64_t size, uint32_t *ret_size)
{
	*ret_size = 2;
	if (size >= 2 && memcmp(head, "\xff\xfe", 2) == 0)
		return ENCODING_UTF16LE;
	if (size >= 2 && memcmp(head, "\xfe\xff", 2) == 0)
		return ENCODING_UTF16BE;
	*ret_size = 3;
	if (size >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
		return ENCODING_UTF8;
	*ret_size = 0;
	return -1;
}
