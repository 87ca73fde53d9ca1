// SPDX-License-Identifier: MIT
#include "json_text.h"

#include <string.h>

/* The value of a hexadecimal digit, or -1. */
static int32_t hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const char *text, const char *end)
{
	int32_t number = 0;

	if (end - text < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int32_t digit = hex_digit(text[i]);

		if (digit < 0)
			return -1;
		number = number << 4 | digit;
	}
	return number;
}

static int is_escape(char c)
{
	return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' ||
	       c == 't' || c == 'u';
}

int json_escapes_valid(const char *text, uint32_t size)
{
	const char *end = text + size, *at = text;

	while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
		if (end - at < 2 || !is_escape(at[1]))
			return 0;
		if (at[1] == 'u' && hex4(at + 2, end) < 0)
			return 0;
		at += 2;
	}
	return 1;
}

static char *put_utf8(char *out, int32_t point)
{
	if (point < 0x80) {
		*out++ = (char)point;
	} else if (point < 0x800) {
		*out++ = (char)(0xc0 | point >> 6);
		*out++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*out++ = (char)(0xe0 | point >> 12);
		*out++ = (char)(0x80 | (point >> 6 & 0x3f));
		*out++ = (char)(0x80 | (point & 0x3f));
	} else {
		*out++ = (char)(0xf0 | point >> 18);
		*out++ = (char)(0x80 | (point >> 12 & 0x3f));
		*out++ = (char)(0x80 | (point >> 6 & 0x3f));
		*out++ = (char)(0x80 | (point & 0x3f));
	}
	return out;
}

/* The character at `\u`, which may take a second one; *at is moved past it. */
static int32_t take_point(const char **at, const char *end)
{
	int32_t high = hex4(*at + 2, end), low;

	*at += 6;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return 0xfffd;
	low = hex4(*at + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*at += 6;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

uint32_t json_unescape(const char *text, uint32_t size, char *out)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *end = text + size, *at = text;
	char *start = out;

	while (at < end) {
		const char *escape = memchr(at, '\\', (size_t)(end - at)), *short_form;
		size_t plain = (size_t)((escape ? escape : end) - at);

		memcpy(out, at, plain);
		out += plain;
		at += plain;
		if (at == end)
			break;
		if (at[1] == 'u') {
			out = put_utf8(out, take_point(&at, end));
			continue;
		}
		short_form = strchr(from, at[1]);
		*out++ = short_form ? to[short_form - from] : at[1];
		at += 2;
	}
	return (uint32_t)(out - start);
}

/* Bytes of the UTF-8 sequence at `at`; negative: of an ill-formed one, which is replaced. */
static int32_t sequence_size(const unsigned char *at, const unsigned char *end)
{
	unsigned char lead = at[0], low = 0x80, high = 0xbf;
	int32_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (size == 1)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return -1;
	/* The second byte: no overlong forms, no surrogates, nothing above U+10FFFF. */
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	for (int32_t i = 1; i < size; i++) {
		if (at + i == end || at[i] < low || at[i] > high)
			return -i;
		low = 0x80;
		high = 0xbf;
	}
	return size;
}

uint32_t json_escape(const char *text, uint32_t size, char *out)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *at = (const unsigned char *)text, *end = at + size;
	char *start = out;

	while (at < end) {
		int32_t length = sequence_size(at, end);

		if (length < 0) {
			out = put_utf8(out, 0xfffd);
			at -= length;
		} else if (*at < 0x20) {
			memcpy(out, "\\u00", 4);
			out[4] = hex[*at >> 4];
			out[5] = hex[*at & 15];
			out += 6;
			at++;
		} else {
			if (*at == '"' || *at == '\\')
				*out++ = '\\';
			memcpy(out, at, (size_t)length);
			out += length;
			at += length;
		}
	}
	return (uint32_t)(out - start);
}

uint32_t json_minify(const char *text, uint32_t size, char *out)
{
	char *start = out;
	int inside = 0;

	for (uint32_t i = 0; i < size; i++) {
		char c = text[i];

		if (!inside && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			continue;
		*out++ = c;
		if (c == '"')
			inside = !inside;
		else if (c == '\\' && i + 1 < size)
			*out++ = text[++i];
	}
	return (uint32_t)(out - start);
}
