// SPDX-License-Identifier: MIT
/*
 * JSON strings: escapes, repair of what is not UTF-8, and base64.
 *
 * Text is taken in pieces, so that room is asked for the piece's worst case (six bytes out for one
 * in) and not for that of the whole text. A piece ends between two sequences: the decoder may look
 * past it, up to the end of the text.
 */
#include "batch/json_string.h"

#include "base/base64.h"
#include "batch/json_copy.h"
#include "batch/utf8.h"

#define PIECE 512
#define ESCAPE_MAX 6 /* \u001f */

static char *append_escape(char *to, uint8_t byte)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

	*to++ = '\\';
	if (byte >= 0x20) {
		*to++ = (char)byte; /* the quote and the backslash */
	} else if (letters[byte]) {
		*to++ = letters[byte];
	} else {
		memcpy(to, "u00", 3);
		to[3] = hex[byte >> 4];
		to[4] = hex[byte & 15];
		to += 5;
	}
	return to;
}

/* One sequence of bytes from 0x80 on. */
static char *append_sequence(char *to, const uint8_t *text, size_t size, size_t *ret_length)
{
	int valid;

	*ret_length = utf8_step(text, size, &valid);
	if (!valid) {
		memcpy(to, UTF8_REPLACEMENT, UTF8_REPLACEMENT_SIZE);
		return to + UTF8_REPLACEMENT_SIZE;
	}
	memcpy(to, text, *ret_length);
	return to + *ret_length;
}

/* From *at up to `stop` or a little further; returns the end of what was written. */
static char *append_piece(char *to, struct weir_slice text, size_t *at, size_t stop)
{
	const uint8_t *bytes = (const uint8_t *)text.data;

	while (*at < stop) {
		size_t length;

		if (bytes[*at] >= 0x80) {
			to = append_sequence(to, bytes + *at, text.size - *at, &length);
		} else {
			length = json_copy_exact(to, text.data + *at, stop - *at);
			to += length;
			if (length == 0)
				to = append_escape(to, bytes[*at + length++]);
		}
		*at += length;
	}
	return to;
}

int json_append_inner(struct buffer *out, struct weir_slice text)
{
	size_t at = 0;

	while (at < text.size) {
		size_t stop = text.size - at > PIECE ? at + PIECE : text.size;
		char *to = buffer_reserve(out, (stop - at) * ESCAPE_MAX + 2 * JSON_COPY_SLACK);

		if (!to)
			return WEIR_ERR_MEMORY;
		out->size = (size_t)(append_piece(to, text, &at, stop) - out->data);
	}
	return 0;
}

int json_append_string(struct buffer *out, struct weir_slice text)
{
	size_t start = out->size;

	if (buffer_append(out, "\"", 1) == 0 && json_append_inner(out, text) == 0 &&
	    buffer_append(out, "\"", 1) == 0)
		return 0;
	out->size = start;
	return WEIR_ERR_MEMORY;
}

int json_append_member(struct buffer *out, const char *name, const char *text)
{
	int status = buffer_printf(out, ",\"%s\":", name);

	if (status < 0)
		return status;
	return text ? json_append_string(out, weir_slice_of(text)) : buffer_text(out, "null");
}

int json_append_base64(struct buffer *out, struct weir_slice bytes)
{
	char *to = buffer_reserve(out, base64_size(bytes.size) + 2);

	if (!to)
		return WEIR_ERR_MEMORY;
	*to++ = '"';
	to = base64_append(to, bytes);
	*to++ = '"';
	out->size = (size_t)(to - out->data);
	return 0;
}
