// SPDX-License-Identifier: MIT
/*
 * A walk over the places that json_scan.h finds. simdjson's own walk, "on demand", does not know that
 * the next key is most likely that of the line before, goes through nested values by the same generic
 * steps, and looks for the end of each key. With the scan of many lines at once that was 248 to 135
 * ns for a line of 355 bytes, what the rest of the filter does with it included.
 *
 * An index is followed only when the place of one at most JSON_SPARE_INDEXES before it is within the
 * line. So no line leads beyond the indexes.
 */
#include "json_reader.h"

#include <stdlib.h>

#include "json_text.h"
#include "number.h"
#include "word.h"

/* Nested maps and lists; simdjson's own bound. */
#define DEPTH_MAX 1024

const char json_no_room[] = "no memory for the fields";
static const char not_json[] = "not valid JSON";

/* A likely key as it most often stands in a line, with its quotes and the colon. */
struct prepared_key {
	uint64_t words[4];
	uint64_t masks[4];
	uint64_t size; /* of the name */
	int is_long;   /* the last two words count too */
};

struct json_reader {
	struct json_scan *scan;
	struct prepared_key *prepared;
	uint32_t prepared_count;
	uint32_t prepared_capacity;
	const struct weir_key *const *hinted; /* keys of the last hint */
};

struct json_reader *json_reader_create(void)
{
	struct json_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->scan = json_scan_create();
	if (reader->scan)
		return reader;
	free(reader);
	return NULL;
}

void json_reader_destroy(struct json_reader *reader)
{
	if (!reader)
		return;
	json_scan_destroy(reader->scan);
	free(reader->prepared);
	free(reader);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* What is at hand: a line, and how far it is read. */
struct walk {
	const char *base; /* indexes count from here */
	const char *end;  /* of the line */
	struct json_scanned *scanned;
	const struct json_line *line;
	const struct json_hint *hint;
};

static inline int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the token ends that begins at `from` and has `next` after it. */
static inline const char *token_end(const char *from, const char *next)
{
	while (next > from && is_space(next[-1]))
		next--;
	return next;
}

/* True when there is a backslash before `to`, from which on the next one is looked for. Called for
 * texts in their order. */
static inline int pass_backslashes(const struct walk *walk, const char *from, const char *to)
{
	struct json_scanned *scanned = walk->scanned;

	if (scanned->backslash >= to)
		return 0;
	if (scanned->backslash < from)
		scanned->backslash = json_backslash(from, scanned->to);
	if (scanned->backslash >= to)
		return 0;
	scanned->backslash = json_backslash(to, scanned->to);
	return 1;
}

/* Tag of a token that is no string; WEIR_ABSENT when it is nothing. */
static inline uint8_t word_tag(const char *from, uint32_t size)
{
	uint8_t tag;

	switch (*from) {
	case 't':
		return size == 4 && memcmp(from, "true", 4) == 0 ? WEIR_BOOL : WEIR_ABSENT;
	case 'f':
		return size == 5 && memcmp(from, "false", 5) == 0 ? WEIR_BOOL : WEIR_ABSENT;
	case 'n':
		return size == 4 && memcmp(from, "null", 4) == 0 ? WEIR_NULL : WEIR_ABSENT;
	default:
		if (number_is_short(from, size))
			return WEIR_INT;
		if (number_is_short_double(from, size))
			return WEIR_DOUBLE;
		tag = number_tag(from, size);
		return tag == WEIR_STRING ? WEIR_ABSENT : tag;
	}
}

/* ---- nested values --------------------------------------------------------------------------- */

static const uint32_t *nested_end(const struct walk *walk, const uint32_t *at, uint32_t depth);

/* The index after the value that begins at *at, or NULL. Escapes are not looked at. */
static inline const uint32_t *item_end(const struct walk *walk, const uint32_t *at, uint32_t depth)
{
	const char *from = walk->base + at[0], *end;

	if (*from == '{' || *from == '[')
		return depth < DEPTH_MAX ? nested_end(walk, at, depth + 1) : NULL;
	end = token_end(from, walk->base + at[1]);
	if (*from == '"' ? end - from < 2 || end[-1] != '"'
			 : word_tag(from, (uint32_t)(end - from)) == WEIR_ABSENT)
		return NULL;
	return at + 1;
}

/* The index after the bracket that closes the one at *at, or NULL. DEPTH_MAX bounds the recursion. */
static const uint32_t *nested_end(const struct walk *walk, const uint32_t *at, uint32_t depth)
{
	const char *base = walk->base;
	const int map = base[at[0]] == '{';
	const char close = map ? '}' : ']';
	char after;

	at++;
	if (base + at[0] < walk->end && base[at[0]] == close)
		return at + 1;
	do {
		if (base + at[0] >= walk->end)
			return NULL;
		if (map) {
			if (base[at[0]] != '"' || base[at[1]] != ':')
				return NULL;
			at += 2;
		}
		at = item_end(walk, at, depth);
		if (!at)
			return NULL;
		after = base[*at++];
	} while (after == ',');
	return after == close && base + at[-1] < walk->end ? at : NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

static inline struct weir_value value_of(const struct walk *walk, uint8_t tag, uint8_t flags,
					 const char *from, const char *to)
{
	return weir_value_text(tag, flags, walk->line->block, (uint64_t)(from - walk->line->origin),
			       (uint32_t)(to - from));
}

/* A map or list as a whole: the index after it, or NULL. */
static __attribute__((noinline)) const uint32_t *take_nested(const struct walk *walk,
							     const uint32_t *at,
							     struct json_members *members,
							     struct weir_value *ret_value)
{
	const char *from = walk->base + at[0], *to;
	const uint8_t tag = *from == '{' ? WEIR_MAP : WEIR_LIST;
	uint32_t size;
	uint8_t flags = 0;

	at = nested_end(walk, at, 1);
	if (!at)
		return NULL;
	to = walk->base + at[-1] + 1;
	size = (uint32_t)(to - from);
	if (pass_backslashes(walk, from, to) && !json_escapes_valid(from, size))
		return NULL;
	if (memchr(from, '\n', size) || memchr(from, '\r', size))
		flags = JSON_BROKEN;
	members->odd |= flags;
	*ret_value = value_of(walk, tag, flags, from, to);
	return at;
}

/* A string, of which nothing is known but its first quote. */
static __attribute__((noinline)) const uint32_t *take_string(const struct walk *walk,
							     const uint32_t *at,
							     struct json_members *members,
							     struct weir_value *ret_value)
{
	const char *from = walk->base + at[0], *to = token_end(from, walk->base + at[1]);
	uint8_t flags = WEIR_VALUE_PLAIN;

	if (to - from < 2 || to[-1] != '"')
		return NULL;
	from++;
	to--;
	if (pass_backslashes(walk, from, to)) {
		flags = JSON_ESCAPED;
		members->odd |= flags;
		if (!json_escapes_valid(from, (uint32_t)(to - from)))
			return NULL;
	}
	*ret_value = value_of(walk, WEIR_STRING, flags, from, to);
	return at + 1;
}

static __attribute__((noinline)) const uint32_t *
take_word(const struct walk *walk, const uint32_t *at, struct weir_value *ret_value)
{
	const char *from = walk->base + at[0], *to = token_end(from, walk->base + at[1]);
	const uint8_t tag = word_tag(from, (uint32_t)(to - from));

	if (tag == WEIR_INT || tag == WEIR_DOUBLE)
		*ret_value = value_of(walk, tag, WEIR_VALUE_TEXT, from, to);
	else if (tag == WEIR_BOOL)
		*ret_value = weir_value_bool(*from == 't');
	else
		*ret_value = weir_value_null();
	return tag == WEIR_ABSENT ? NULL : at + 1;
}

/* The value that begins at *at: the index after it, or NULL. The first case is the common one. */
static inline const uint32_t *take_value(const struct walk *walk, const uint32_t *at,
					 struct json_members *members, struct weir_value *ret_value)
{
	const char *from = walk->base + at[0], *next = walk->base + at[1];

	if (*from == '"') {
		if (next - from < 2 || next[-1] != '"' || walk->scanned->backslash < next)
			return take_string(walk, at, members, ret_value);
		*ret_value = value_of(walk, WEIR_STRING, WEIR_VALUE_PLAIN, from + 1, next - 1);
		return at + 1;
	}
	if (*from == '{' || *from == '[')
		return take_nested(walk, at, members, ret_value);
	return take_word(walk, at, ret_value);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void prepare_key(struct weir_slice name, struct prepared_key *ret_key)
{
	char text[sizeof(ret_key->words)] = {'"'}, mask[sizeof(text)] = {0};

	*ret_key =
		(struct prepared_key){.masks = {UINT64_MAX}}; /* no key begins with eight zeros */
	if (name.size + 3 > sizeof(text) || memchr(name.data, '\\', name.size))
		return;
	if (name.size)
		memcpy(text + 1, name.data, name.size);
	memcpy(text + 1 + name.size, "\":", 2);
	memset(mask, 0xff, name.size + 3);
	memcpy(ret_key->words, text, sizeof(text));
	memcpy(ret_key->masks, mask, sizeof(mask));
	ret_key->size = name.size;
	ret_key->is_long = name.size + 3 > sizeof(text) / 2;
}

/* Makes the reader's prepared keys those of the hint, once it comes twice in a row: lines of many
 * kinds are not worth it. Without memory there are none. */
static void prepare_hint(struct json_reader *reader, const struct json_hint *hint)
{
	const int repeated = hint->lasting && reader->hinted == hint->keys;

	if (repeated && reader->prepared_count >= hint->count)
		return;
	reader->hinted = hint->keys;
	reader->prepared_count = 0;
	if (!repeated)
		return;
	if (hint->count > reader->prepared_capacity) {
		struct prepared_key *grown =
			realloc(reader->prepared, hint->count * sizeof(*grown));

		if (!grown)
			return;
		reader->prepared = grown;
		reader->prepared_capacity = hint->count;
	}
	for (uint32_t i = 0; i < hint->count; i++)
		prepare_key(hint->keys[i]->name, &reader->prepared[i]);
	reader->prepared_count = hint->count;
}

static inline int same_words(const struct prepared_key *key, const char *from, uint32_t first)
{
	return (((word_load(from + 8 * first) ^ key->words[first]) & key->masks[first]) |
		((word_load(from + 8 * first + 8) ^ key->words[first + 1]) &
		 key->masks[first + 1])) == 0;
}

/* True for the prepared key. Up to 32 bytes are read, which padding allows. A key that is too long
 * to be prepared, has escapes, or a space before its colon, is never found here. */
static inline int is_prepared(const struct prepared_key *key, const char *from)
{
	return same_words(key, from, 0) && (!key->is_long || same_words(key, from, 2));
}

/* A hinted key that was found the slow way: too long to be prepared. */
static int is_hinted(const struct json_hint *hint, uint32_t index, struct weir_slice key)
{
	if (index >= hint->count)
		return 0;
	const struct weir_slice name = hint->keys[index]->name;

	return name.size == key.size && memcmp(name.data, key.data, name.size) == 0;
}

/* A key that is not the prepared one, at *at; false when it is none, or has an escape that doesn't
 * exist. */
static __attribute__((noinline)) int take_key(const struct walk *walk, const uint32_t *at,
					      uint32_t index, struct json_members *members)
{
	const char *from = walk->base + at[0] + 1, *colon = walk->base + at[1];
	const char *to = token_end(from, colon) - 1;
	struct weir_slice *key = &members->keys[index];
	int hinted;

	if (from[-1] != '"' || *colon != ':' || to < from)
		return 0;
	*key = (struct weir_slice){from, (uint64_t)(to - from)};
	hinted = is_hinted(walk->hint, index, *key);
	if (pass_backslashes(walk, from, to)) {
		hinted = 0;
		members->odd |= JSON_KEY_ESCAPED;
		if (!json_escapes_valid(from, (uint32_t)(key->size)))
			return 0;
	}
	if (!hinted && members->matched > index)
		members->matched = index;
	return 1;
}

/* ---- members --------------------------------------------------------------------------------- */

/* Reads the members that begin at *at: the index after the closing bracket, or NULL and why. */
static const uint32_t *take_members(const struct json_reader *reader, const struct walk *walk,
				    const uint32_t *at, struct json_members *members,
				    const char **ret_wrong)
{
	const struct prepared_key *prepared = reader->prepared;
	uint32_t prepared_left = reader->prepared_count;
	struct weir_value *value = members->values, *full = value + members->capacity;
	struct weir_slice *key = members->keys;
	char after;

	*ret_wrong = not_json;
	do {
		const char *from = walk->base + at[0];

		if (value == full) {
			*ret_wrong = json_no_room;
			return NULL;
		}
		if (from >= walk->end)
			return NULL;
		if (prepared_left && is_prepared(prepared, from))
			*key = (struct weir_slice){from + 1, prepared->size};
		else if (!take_key(walk, at, (uint32_t)(key - members->keys), members))
			return NULL;
		at = take_value(walk, at + 2, members, value);
		if (!at)
			return NULL;
		if (prepared_left) {
			prepared++;
			prepared_left--;
		}
		key++;
		value++;
		after = walk->base[*at++];
	} while (after == ',');
	members->count = (uint32_t)(value - members->values);
	if (members->matched > members->count)
		members->matched = members->count;
	return after == '}' && walk->base + at[-1] < walk->end ? at : NULL;
}

/* The same after the bracket at *at. */
static const uint32_t *take_object(const struct json_reader *reader, const struct walk *walk,
				   const uint32_t *at, struct json_members *members,
				   const char **ret_wrong)
{
	at++;
	if (walk->base + *at < walk->end && walk->base[*at] == '}') {
		members->matched = 0;
		return at + 1;
	}
	return take_members(reader, walk, at, members, ret_wrong);
}

/* ---- the line -------------------------------------------------------------------------------- */

const char *json_reader_object(struct json_reader *reader, const struct json_line *line,
			       const struct json_hint *hint, struct json_members *members)
{
	struct json_scanned *scanned;
	const char *wrong = json_scan_line(reader->scan, line, &scanned);
	const struct walk walk = {scanned->from, line->text + line->size, scanned, line, hint};
	const uint32_t *at = scanned->next;

	members->count = members->odd = 0;
	members->matched = UINT32_MAX;
	if (wrong)
		return wrong;
	prepare_hint(reader, hint);
	while (walk.base + *at < line->text) /* of lines that were left */
		at++;
	scanned->next = at;
	if (walk.base + *at >= walk.end)
		return "empty line";
	if (walk.base[*at] != '{')
		return "not a JSON object";
	at = take_object(reader, &walk, at, members, &wrong);
	if (!at)
		return wrong;
	if (walk.base + *at < walk.end)
		return "text after the JSON object";
	scanned->next = at;
	return NULL;
}
