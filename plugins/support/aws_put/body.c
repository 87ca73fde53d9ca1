// SPDX-License-Identifier: MIT
#include "support/aws_put/body.h"

#include <stdlib.h>

#define BODY_TEXT_FIRST (64u << 10)
#define BODY_PIECES_FIRST 64

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- room ---- */

static char *text_room(struct body *body, uint64_t size)
{
	uint64_t capacity = body->text_capacity ? body->text_capacity : BODY_TEXT_FIRST;
	char *moved;

	if (body->failed)
		return NULL;
	while (capacity - body->text_size < size)
		capacity *= 2;
	if (capacity != body->text_capacity) {
		moved = realloc(body->text, capacity);
		if (!moved) {
			body->failed = 1;
			return NULL;
		}
		body->text = moved;
		body->text_capacity = capacity;
	}
	return body->text + body->text_size;
}

static void add_piece(struct body *body, const char *data, uint64_t size)
{
	struct body_piece *last = body->count ? &body->pieces[body->count - 1] : NULL;

	body->size += size;
	if (last && (data ? last->data && last->data + last->size == data : !last->data)) {
		last->size += size;
		return;
	}
	if (!body->pieces || body->count == body->capacity) {
		uint32_t capacity = body->capacity ? 2 * body->capacity : BODY_PIECES_FIRST;
		struct body_piece *moved = realloc(body->pieces, capacity * sizeof(*moved));

		if (!moved) {
			body->failed = 1;
			return;
		}
		body->pieces = moved;
		body->capacity = capacity;
	}
	body->pieces[body->count++] = (struct body_piece){data, size};
}

/* `size` bytes were written where text_room() said. */
static void text_used(struct body *body, uint64_t size)
{
	body->text_size += size;
	add_piece(body, NULL, size);
}

/* ---- adding ---- */

void body_add(struct body *body, const char *data, uint64_t size)
{
	char *to = text_room(body, size);

	if (!to || size == 0)
		return;
	memcpy(to, data, size);
	text_used(body, size);
}

void body_add_string(struct body *body, const char *string)
{
	body_add(body, string, strlen(string));
}

void body_add_slice(struct body *body, struct weir_slice slice)
{
	if (slice.size && !body->failed)
		add_piece(body, slice.data, slice.size);
}

void body_add_json(struct body *body, struct weir_slice text)
{
	static const char digits[] = "0123456789abcdef";
	char *to = text_room(body, 6 * text.size), *at = to;

	for (uint64_t i = 0; to && i < text.size; i++) {
		uint8_t c = (uint8_t)text.data[i];

		if (c == '"' || c == '\\') {
			*at++ = '\\';
			*at++ = (char)c;
		} else if (c < 0x20) {
			memcpy(at, "\\u00", 4);
			at[4] = digits[c >> 4];
			at[5] = digits[c & 15];
			at += 6;
		} else {
			*at++ = (char)c;
		}
	}
	if (at != to)
		text_used(body, (uint64_t)(at - to));
}

/* ---- base64 ---- */

static char *put_four(char *to, uint32_t three)
{
	to[0] = base64_digits[three >> 18];
	to[1] = base64_digits[three >> 12 & 63];
	to[2] = base64_digits[three >> 6 & 63];
	to[3] = base64_digits[three & 63];
	return to + 4;
}

void body_add_base64(struct body *body, struct weir_slice slice)
{
	const uint8_t *at = (const uint8_t *)slice.data, *end = at + slice.size;
	char *to = text_room(body, (slice.size + 4) / 3 * 4 + 4), *out = to;

	if (!to)
		return;
	while (body->pending_count && at < end) {
		body->pending = body->pending << 8 | *at++;
		if (++body->pending_count < 3)
			continue;
		out = put_four(out, body->pending);
		body->pending = body->pending_count = 0;
	}
	for (; end - at >= 3; at += 3)
		out = put_four(out, (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]);
	for (; at < end; at++, body->pending_count++)
		body->pending = body->pending << 8 | *at;
	if (out != to)
		text_used(body, (uint64_t)(out - to));
}

void body_end_base64(struct body *body)
{
	char four[4];

	if (body->pending_count) {
		put_four(four, body->pending << (body->pending_count == 1 ? 16 : 8));
		four[3] = '=';
		if (body->pending_count == 1)
			four[2] = '=';
		body_add(body, four, sizeof(four));
	}
	body->pending = body->pending_count = 0;
}

/* ---- the end ---- */

struct weir_slice *body_slices(const struct body *body)
{
	struct weir_slice *slices =
		body->failed ? NULL : calloc(body->count ? body->count : 1, sizeof(*slices));
	const char *text = body->text;

	for (uint32_t i = 0; slices && i < body->count; i++) {
		const struct body_piece *piece = &body->pieces[i];

		slices[i] = (struct weir_slice){piece->data ? piece->data : text, piece->size};
		text += piece->data ? 0 : piece->size;
	}
	return slices;
}

void body_done(struct body *body)
{
	free(body->text);
	free(body->pieces);
	memset(body, 0, sizeof(*body));
}
