// SPDX-License-Identifier: MIT
/*
 * The members of a JSON object, by simdjson's on-demand parser; the only file that knows it is
 * json_reader.cpp.
 *
 * What is returned is checked whole: the text is valid UTF-8, the grammar holds inside nested
 * values too, every number is one, every escape exists. So slices of the text may be passed on as
 * they are.
 * Duplicate keys are returned as often as they occur.
 */
#ifndef PARSE_JSON_READER_H
#define PARSE_JSON_READER_H

#include <weir/batch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_reader;

struct json_member {
	struct weir_slice key; /* raw, without its quotes */
	const char *text;      /* a string without its quotes, a number, or a whole map or list */
	uint32_t size;
	uint8_t tag;     /* WEIR_NULL, BOOL, INT, DOUBLE, STRING, MAP or LIST */
	uint8_t truth;   /* of a BOOL */
	uint8_t escaped; /* a STRING with backslashes */
	uint8_t key_escaped;
};

/* The keys that are likely, in order: those of the line before. Comparing with one is quicker than
 * looking for a key's end. */
struct json_hint {
	const struct weir_key *const *keys;
	uint32_t count;
	uint32_t
		lasting; /* the same pointer means the same keys for ever: they are prepared once */
	uint32_t matched; /* set: how many of the first members have the hinted keys */
};

struct json_reader *json_reader_create(void); /* NULL without memory */
void json_reader_destroy(struct json_reader *reader);

/*
 * NULL and the members, which live until the next call; or a constant text that says what is wrong.
 * WEIR_BLOCK_PADDING bytes after the text must be readable.
 */
const char *json_reader_object(struct json_reader *reader, const char *text, uint32_t size,
			       struct json_hint *hint, const struct json_member **ret_members,
			       uint32_t *ret_count);

#ifdef __cplusplus
}
#endif

#endif
