// SPDX-License-Identifier: MIT
/* CBOR, RFC 8949: what services answer, indefinite lengths included. */
#include "support/aws/document.h"
#include "support/aws/text.h"

#define MAJOR_UNSIGNED 0
#define MAJOR_NEGATIVE 1
#define MAJOR_BYTES 2
#define MAJOR_TEXT 3
#define MAJOR_LIST 4
#define MAJOR_MAP 5
#define MAJOR_TAG 6
#define MAJOR_SIMPLE 7
#define BREAK 0xff
#define INDEFINITE UINT64_MAX

struct cbor {
	const uint8_t *at, *end;
	document_visit *visit;
	void *user;
	uint32_t depth;
	struct text string; /* put together of chunks */
};

static int cbor_value(struct cbor *c);

static void emit(struct cbor *c, uint32_t kind, struct weir_slice text, int64_t number)
{
	const struct document_event event = {kind, c->depth, text, number};

	c->visit(c->user, &event);
}

/* The first byte's major type and argument. */
static int read_head(struct cbor *c, uint32_t *ret_major, uint64_t *ret_argument)
{
	uint32_t low, bytes;

	if (c->at == c->end)
		return -1;
	*ret_major = *c->at >> 5;
	low = *c->at++ & 31;
	*ret_argument = low;
	if (low == 31) {
		*ret_argument = INDEFINITE;
		return *ret_major == MAJOR_UNSIGNED || *ret_major == MAJOR_NEGATIVE ||
				       *ret_major == MAJOR_TAG
			       ? -1
			       : 0;
	}
	if (low < 24)
		return 0;
	if (low > 27)
		return -1;
	bytes = 1u << (low - 24);
	if ((size_t)(c->end - c->at) < bytes)
		return -1;
	*ret_argument = 0;
	for (uint32_t i = 0; i < bytes; i++)
		*ret_argument = *ret_argument << 8 | *c->at++;
	return 0;
}

static int take_break(struct cbor *c)
{
	if (c->at == c->end || *c->at != BREAK)
		return 0;
	c->at++;
	return 1;
}

static int read_run(struct cbor *c, uint64_t size, struct weir_slice *ret_text)
{
	if (size > (uint64_t)(c->end - c->at))
		return -1;
	*ret_text = (struct weir_slice){(const char *)c->at, size};
	c->at += size;
	return 0;
}

static int read_string(struct cbor *c, uint32_t major, uint64_t size, struct weir_slice *ret_text)
{
	if (size != INDEFINITE)
		return read_run(c, size, ret_text);
	c->string.size = 0;
	while (!take_break(c)) {
		struct weir_slice chunk;
		uint32_t inner;

		if (read_head(c, &inner, &size) || inner != major || size == INDEFINITE ||
		    read_run(c, size, &chunk))
			return -1;
		text_add_slice(&c->string, chunk);
	}
	*ret_text = text_slice(&c->string);
	return c->string.failed ? -1 : 0;
}

static int read_key(struct cbor *c)
{
	struct weir_slice key;
	uint32_t major;
	uint64_t size;

	if (read_head(c, &major, &size) || (major != MAJOR_TEXT && major != MAJOR_BYTES) ||
	    read_string(c, major, size, &key))
		return -1;
	emit(c, DOCUMENT_KEY, key, 0);
	return 0;
}

static int read_nested(struct cbor *c, uint32_t major, uint64_t count)
{
	const struct weir_slice none = {NULL, 0};

	if (++c->depth > DOCUMENT_DEPTH_MAX)
		return -1;
	emit(c, major == MAJOR_MAP ? DOCUMENT_MAP : DOCUMENT_LIST, none, 0);
	for (uint64_t i = 0; count == INDEFINITE ? !take_break(c) : i < count; i++)
		if ((major == MAJOR_MAP && read_key(c)) || cbor_value(c))
			return -1;
	emit(c, DOCUMENT_END, none, 0);
	c->depth--;
	return 0;
}

static int cbor_value(struct cbor *c)
{
	struct weir_slice text = {NULL, 0};
	uint32_t major;
	uint64_t argument;

	do {
		if (read_head(c, &major, &argument))
			return -1;
	} while (major == MAJOR_TAG);
	switch (major) {
	case MAJOR_UNSIGNED:
		emit(c, DOCUMENT_NUMBER, text,
		     argument > INT64_MAX ? INT64_MAX : (int64_t)argument);
		return 0;
	case MAJOR_NEGATIVE:
		emit(c, DOCUMENT_NUMBER, text,
		     argument > INT64_MAX ? INT64_MIN : -1 - (int64_t)argument);
		return 0;
	case MAJOR_BYTES:
	case MAJOR_TEXT:
		if (read_string(c, major, argument, &text))
			return -1;
		emit(c, DOCUMENT_TEXT, text, 0);
		return 0;
	case MAJOR_LIST:
	case MAJOR_MAP:
		return read_nested(c, major, argument);
	}
	if (argument == INDEFINITE) /* a break where there is nothing to break off */
		return -1;
	emit(c, DOCUMENT_OTHER, text, 0);
	return 0;
}

int32_t document_walk_cbor(struct weir_slice bytes, document_visit *visit, void *user)
{
	struct cbor c = {(const uint8_t *)bytes.data,
			 (const uint8_t *)bytes.data + bytes.size,
			 visit,
			 user,
			 0,
			 {0}};
	int failed = cbor_value(&c);

	text_done(&c.string);
	return failed || c.at != c.end ? WEIR_ERR_INVALID : 0;
}

int32_t document_walk(struct weir_slice bytes, document_visit *visit, void *user)
{
	if (bytes.size > 0 && (uint8_t)*bytes.data >= 0xa0 && (uint8_t)*bytes.data <= 0xbf)
		return document_walk_cbor(bytes, visit, user);
	return document_walk_json(bytes, visit, user);
}
