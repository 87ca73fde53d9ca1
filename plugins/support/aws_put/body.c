// SPDX-License-Identifier: MIT
#include "support/aws_put/body.h"

#include <stdlib.h>

#include "support/aws_put/base64.h"

#define BODY_TEXT_FIRST (64u << 10)
#define BODY_PIECES_FIRST 8
/* A smaller slice is copied: on its own it would cost more in hashing (an unaligned start), in
 * copying piece by piece into the socket, and in the list of pieces, than it saves here. */
#define BODY_SLICE_MIN (16u << 10)

/* ---- room ---- */

static char *text_grow(struct body *body, uint64_t size)
{
	uint64_t capacity = body->text_capacity ? body->text_capacity : BODY_TEXT_FIRST;
	char *moved;

	if (body->failed)
		return NULL;
	while (capacity - body->text_size < size)
		capacity *= 2;
	moved = realloc(body->text, capacity);
	if (!moved) {
		body->failed = 1;
		return NULL;
	}
	body->text = moved;
	body->text_capacity = capacity;
	return body->text + body->text_size;
}

/* Where `size` bytes may be written; text_size is then to be moved on. */
static inline char *text_room(struct body *body, uint64_t size)
{
	if (body->text_capacity - body->text_size >= size)
		return body->text + body->text_size;
	return text_grow(body, size);
}

static void add_piece(struct body *body, const char *data, uint64_t size)
{
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
	body->size += size;
}

static void list_text(struct body *body)
{
	if (body->text_size > body->text_listed)
		add_piece(body, NULL, body->text_size - body->text_listed);
	body->text_listed = body->text_size;
}

/* ---- adding ---- */

void body_add(struct body *body, const char *data, uint64_t size)
{
	char *to = text_room(body, size);

	if (!to || size == 0)
		return;
	memcpy(to, data, size);
	body->text_size += size;
}

void body_add_string(struct body *body, const char *string)
{
	body_add(body, string, strlen(string));
}

void body_add_slice(struct body *body, struct weir_slice slice)
{
	if (slice.size < BODY_SLICE_MIN) {
		body_add(body, slice.data, slice.size);
		return;
	}
	if (body->failed)
		return;
	list_text(body);
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
	body->text_size += (uint64_t)(at - to);
}

/* ---- base64 ---- */

/* Bytes that an earlier slice left over make a group of three with the first of this one. */
static char *fill_group(struct body *body, char *to, const uint8_t **at, const uint8_t *end)
{
	while (body->pending_count && body->pending_count < 3 && *at < end)
		body->pending_bytes[body->pending_count++] = *(*at)++;
	if (body->pending_count < 3)
		return to;
	body->pending_count = 0;
	return base64_encode(to, body->pending_bytes, 3);
}

void body_add_base64(struct body *body, struct weir_slice slice)
{
	const uint8_t *at = (const uint8_t *)slice.data, *end = at + slice.size;
	char *to = text_room(body, (slice.size + 4) / 3 * 4);
	size_t whole;

	if (!to || slice.size == 0)
		return;
	to = fill_group(body, to, &at, end);
	whole = (size_t)(end - at) / 3 * 3;
	to = base64_encode(to, at, whole);
	for (at += whole; at < end; at++)
		body->pending_bytes[body->pending_count++] = *at;
	body->text_size = (uint64_t)(to - body->text);
}

void body_end_base64(struct body *body)
{
	char *to = body->pending_count ? text_room(body, 4) : NULL;

	if (to) {
		memset(body->pending_bytes + body->pending_count, 0, 3 - body->pending_count);
		base64_encode(to, body->pending_bytes, 3);
		memset(to + 1 + body->pending_count, '=', 3 - body->pending_count);
		body->text_size += 4;
	}
	body->pending_count = 0;
}

/* ---- the end ---- */

struct weir_slice *body_slices(struct body *body)
{
	struct weir_slice *slices;
	const char *text = body->text;

	list_text(body);
	slices = body->failed ? NULL : calloc(body->count ? body->count : 1, sizeof(*slices));

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
