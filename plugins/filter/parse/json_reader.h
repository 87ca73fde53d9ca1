// SPDX-License-Identifier: MIT
/*
 * The members of a JSON object.
 *
 * What is returned is checked whole: the text is valid UTF-8, the grammar holds inside nested
 * values too, every number is one, every escape exists. So slices of the text may be passed on as
 * they are.
 * Duplicate keys are returned as often as they occur.
 */
#ifndef PARSE_JSON_READER_H
#define PARSE_JSON_READER_H

#include "json_scan.h"

/* What is left to do with a value: flags beside those of weir_value. */
#define JSON_ESCAPED 0x80 /* a STRING with backslashes */
#define JSON_BROKEN 0x40  /* a MAP or LIST with line breaks */
#define JSON_FLAGS (JSON_ESCAPED | JSON_BROKEN)
/* In json_members.odd: some keys have backslashes. */
#define JSON_KEY_ESCAPED 0x20

struct json_reader;

/* The keys that are likely, in order: those of the line before. Comparing with one is quicker than
 * looking for a key's end. */
struct json_hint {
	const struct weir_key *const *keys;
	uint32_t count;
	uint32_t
		lasting; /* the same pointer means the same keys for ever: they are prepared once */
};

/* Where the members go, and what is known of them. */
struct json_members {
	struct weir_value *values; /* slices of the line: a string's inside, whole maps and lists */
	struct weir_slice *keys;   /* raw, without their quotes */
	uint32_t capacity;         /* of both */
	uint32_t count;
	uint32_t matched; /* how many of the first have the hinted keys */
	uint32_t odd;     /* JSON_FLAGS that values have, JSON_KEY_ESCAPED */
};

/* What json_reader_object() returns when there are more members than there is room for. */
extern const char json_no_room[];

struct json_reader *json_reader_create(void); /* NULL without memory */
void json_reader_destroy(struct json_reader *reader);

/* NULL and the members, or a constant text that says what is wrong. */
const char *json_reader_object(struct json_reader *reader, const struct json_line *line,
			       const struct json_hint *hint, struct json_members *members);

#endif
