// SPDX-License-Identifier: MIT
/*
 * Values: 16 bytes each, without pointers, so that a process with the same blocks mapped can read
 * them.
 *
 * Text lives in a numbered block of the batch: (block, offset, length). A number keeps its text
 * until someone asks for the number (WEIR_VALUE_TEXT). Maps and lists are always compact, valid
 * JSON text without line breaks: passing one on costs a copy at most, and reading inside one is
 * the rare case.
 */
#ifndef WEIR_VALUE_H
#define WEIR_VALUE_H

#include <weir/abi.h>

#define WEIR_ABSENT 0 /* the record does not have this field; a zeroed row is all absent */
#define WEIR_NULL 1
#define WEIR_BOOL 2      /* as.i64 is 0 or 1 */
#define WEIR_INT 3       /* as.i64, or text with WEIR_VALUE_TEXT */
#define WEIR_DOUBLE 4    /* as.f64, or text with WEIR_VALUE_TEXT */
#define WEIR_STRING 5    /* bytes meant as UTF-8; not necessarily valid */
#define WEIR_BYTES 6     /* bytes that are no text; base64 in JSON */
#define WEIR_TIMESTAMP 7 /* as.i64: nanoseconds since 1970-01-01T00:00:00Z; RFC 3339 in JSON */
#define WEIR_MAP 8       /* JSON text of an object */
#define WEIR_LIST 9      /* JSON text of an array */

/* An INT or DOUBLE whose payload is its text, which is a valid JSON number. */
#define WEIR_VALUE_TEXT 1
/* A STRING known to be valid UTF-8 without any byte that JSON escapes (", \, below 0x20). */
#define WEIR_VALUE_PLAIN 2

struct weir_value {
	uint8_t tag;     /* WEIR_ABSENT ... */
	uint8_t flags;   /* WEIR_VALUE_* */
	uint16_t block;  /* number of the block in the batch, where the payload is text */
	uint32_t length; /* bytes of text */
	union {
		uint64_t offset; /* of the text in the block */
		int64_t i64;
		double f64;
	} as;
};

/* An interned field name with its JSON forms, shared by every batch of a pipeline. */
struct weir_key {
	struct weir_slice name;
	struct weir_slice json; /* `"name":` escaped */
	uint64_t hash;          /* of the name; equal names have equal hashes within a process */
};

/*
 * The ordered keys of a record. Immutable and interned: within a process the same pointer means
 * the same keys, and `id` never comes back for other keys. id 0 marks a shape that lives only as
 * long as its batch (made when a pipeline has seen too many shapes); don't cache by it.
 */
struct weir_shape {
	uint32_t struct_size;
	uint32_t id;
	uint32_t count;
	uint32_t reserved;
	const struct weir_key *const *keys;
};

/* The slot of `name` in a shape, or -1. Cache the answer by shape->id. */
static inline int32_t weir_shape_find(const struct weir_shape *shape, struct weir_slice name)
{
	for (uint32_t i = 0; i < shape->count; i++)
		if (shape->keys[i]->name.size == name.size &&
		    memcmp(shape->keys[i]->name.data, name.data, name.size) == 0)
			return (int32_t)i;
	return -1;
}

static inline struct weir_value weir_value_null(void)
{
	struct weir_value v = {WEIR_NULL, 0, 0, 0, {0}};
	return v;
}

static inline struct weir_value weir_value_bool(int value)
{
	struct weir_value v = {WEIR_BOOL, 0, 0, 0, {0}};
	v.as.i64 = value != 0;
	return v;
}

static inline struct weir_value weir_value_int(int64_t value)
{
	struct weir_value v = {WEIR_INT, 0, 0, 0, {0}};
	v.as.i64 = value;
	return v;
}

static inline struct weir_value weir_value_double(double value)
{
	struct weir_value v = {WEIR_DOUBLE, 0, 0, 0, {0}};
	v.as.f64 = value;
	return v;
}

static inline struct weir_value weir_value_timestamp(int64_t ns)
{
	struct weir_value v = {WEIR_TIMESTAMP, 0, 0, 0, {0}};
	v.as.i64 = ns;
	return v;
}

/* A value of `tag` whose payload is text at (block, offset, length). */
static inline struct weir_value weir_value_text(uint8_t tag, uint8_t flags, uint16_t block,
						uint64_t offset, uint32_t length)
{
	struct weir_value v = {tag, flags, block, length, {0}};
	v.as.offset = offset;
	return v;
}

/* True when the payload is text in a block. */
static inline int weir_value_has_text(const struct weir_value *v)
{
	return v->tag == WEIR_STRING || v->tag == WEIR_BYTES || v->tag == WEIR_MAP ||
	       v->tag == WEIR_LIST || (v->flags & WEIR_VALUE_TEXT);
}

#endif
