// SPDX-License-Identifier: MIT
/*
 * A request body: text of its own, and slices of records where they are large. Most bodies are one
 * text, which costs less to hash and to send than many small slices.
 * A lack of memory is remembered: check `failed` once, at the end.
 */
#ifndef AWS_PUT_BODY_H
#define AWS_PUT_BODY_H

#include <weir/plugin.h>

struct body_piece {
	const char *data; /* NULL: `size` bytes of the text, from where the piece before ended */
	uint64_t size;
};

struct body {
	char *text;
	uint64_t text_size, text_capacity;
	uint64_t text_listed; /* as much of it is in pieces */
	struct body_piece *pieces;
	uint32_t count, capacity; /* of pieces; all of them after body_slices() */
	uint64_t size;            /* of all; after body_slices() */
	uint8_t pending_bytes[3]; /* of base64: up to two that wait for a third */
	uint32_t pending_count;
	int failed;
};

void body_add(struct body *body, const char *data, uint64_t size);
void body_add_string(struct body *body, const char *string);
/* A large slice is not copied: it must stay where it is as long as the body. */
void body_add_slice(struct body *body, struct weir_slice slice);
/* Escaped, without quotes; the text is valid UTF-8. */
void body_add_json(struct body *body, struct weir_slice text);
/* Slices that follow each other make one base64 text, ended by body_end_base64(). */
void body_add_base64(struct body *body, struct weir_slice slice);
void body_end_base64(struct body *body);

/* The pieces as slices, from malloc(); NULL when memory was short. The text belongs to the body. To
 * be called once, when all is added. */
struct weir_slice *body_slices(struct body *body);
void body_done(struct body *body);

#endif
