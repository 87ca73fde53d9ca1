// SPDX-License-Identifier: MIT
#include "escape.h"

#include <string.h>

#include "json_text.h"

#define UNICODE_ESCAPE 6 /* bytes of \uHHHH */
#define BYTE_ESCAPE 4    /* of \xHH */

const char *escape_closing_quote(const char *from, const char *end, char quote)
{
	const char *at = from, *found, *slash;

	while (at < end && (found = memchr(at, quote, (size_t)(end - at))) != NULL) {
		for (slash = found; slash > from && slash[-1] == '\\';)
			slash--;
		if ((found - slash) % 2 == 0)
			return found;
		at = found + 1;
	}
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 when `count` hexadecimal digits stand there. */
static int has_digits(const char *from, const char *end, int count)
{
	if (end - from < count)
		return 0;
	for (int i = 0; i < count; i++)
		if (hex_digit(from[i]) < 0)
			return 0;
	return 1;
}

static int is_unicode(const char *at, const char *end)
{
	return end - at >= UNICODE_ESCAPE && at[0] == '\\' && at[1] == 'u' &&
	       has_digits(at + 2, end, 4);
}

/* The first half of a surrogate pair: \uD800 to \uDBFF. */
static int is_first_half(const char *escape)
{
	int high = hex_digit(escape[3]);

	return hex_digit(escape[2]) == 0xd && high >= 0x8 && high <= 0xb;
}

/* One escape, which the text begins with; the bytes it takes. */
static uint32_t undo_one(const char *at, const char *end, char **out)
{
	static const char letters[] = "ntrbfav\\\"'/", bytes[] = "\n\t\r\b\f\a\v\\\"'/";
	const char *letter;

	if (is_unicode(at, end)) {
		uint32_t size = UNICODE_ESCAPE;

		if (is_first_half(at) && is_unicode(at + size, end))
			size += UNICODE_ESCAPE;
		*out += json_unescape(at, size, *out);
		return size;
	}
	if (end - at >= BYTE_ESCAPE && at[1] == 'x' && has_digits(at + 2, end, 2)) {
		*(*out)++ = (char)(hex_digit(at[2]) * 16 + hex_digit(at[3]));
		return BYTE_ESCAPE;
	}
	letter = end - at >= 2 && at[1] ? strchr(letters, at[1]) : NULL;
	*(*out)++ = letter ? bytes[letter - letters] : *at;
	return letter ? 2 : 1;
}

uint32_t escape_unescape(const char *text, uint32_t size, char *out)
{
	const char *end = text + size, *begin = out;

	while (text < end) {
		const char *slash = memchr(text, '\\', (size_t)(end - text));
		size_t plain = (size_t)((slash ? slash : end) - text);

		memcpy(out, text, plain);
		out += plain;
		text += plain;
		if (slash)
			text += undo_one(text, end, &out);
	}
	return (uint32_t)(out - begin);
}

uint32_t escape_unquote(const char *text, uint32_t size, char *out)
{
	uint32_t length = 0;

	for (uint32_t i = 0; i < size; i++) {
		if (text[i] == '\\' && i + 1 < size && strchr("\\\"'", text[i + 1]) && text[i + 1])
			i++;
		out[length++] = text[i];
	}
	return length;
}

const char *escape_undo(struct parse *parse, const char *from, const char *to,
			uint32_t (*undo)(const char *text, uint32_t size, char *out),
			struct weir_value *ret_value)
{
	char *text;

	if (from == to || !memchr(from, '\\', (size_t)(to - from)))
		return NULL;
	text = parse_text(parse, (uint32_t)(to - from), ret_value);
	if (!text)
		return "no memory for the values";
	parse_text_cut(parse, ret_value, undo(from, (uint32_t)(to - from), text));
	return NULL;
}
