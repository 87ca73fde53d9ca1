// SPDX-License-Identifier: MIT
/*
 * The format `json`: one object a line, whose members become fields.
 *
 * Strings without escapes and numbers stay slices of the line; numbers keep their text, whatever
 * their size. Nested objects and lists are kept as JSON text. Of equal keys the last value counts.
 * Most logs repeat the keys of the line before, so those are compared first; only when they differ
 * is a layout looked for.
 */
#include "json.h"

#include "json_text.h"
#include "keys.h"
#include "layout.h"

static const char too_many[] = "more fields than a record can have";

/* Makes new text of the batch from the value's, by `make`, which never makes it longer. */
static int make_text(struct parse *parse, struct weir_value *value,
		     uint32_t (*make)(const char *, uint32_t, char *))
{
	const char *from = weir_value_slice(parse->batch, value).data;
	uint8_t tag = value->tag;
	uint32_t size = value->length;
	char *text = parse_text(parse, size, value);

	if (!text)
		return -1;
	parse_text_cut(parse, value, make(from, size, text));
	value->tag = tag;
	return 0;
}

static int unescape_key(struct parse *parse, struct weir_slice *key)
{
	char *text = parse_text(parse, (uint32_t)key->size, NULL);

	if (!text)
		return -1;
	key->size = json_unescape(key->data, (uint32_t)key->size, text);
	key->data = text;
	return 0;
}

/* Makes a value what it stands for: without escapes, and without line breaks between tokens. */
static int finish_value(struct parse *parse, struct weir_value *value)
{
	uint8_t flags = value->flags & JSON_FLAGS;

	if (!flags)
		return 0;
	value->flags &= (uint8_t)~JSON_FLAGS;
	if (flags & JSON_ESCAPED)
		return make_text(parse, value, json_unescape);
	return make_text(parse, value, json_minify);
}

/* The same for all values and keys, when some are not yet what they stand for. */
static int finish(struct parse *parse, const struct json_members *members)
{
	for (uint32_t i = 0; i < members->count; i++) {
		struct weir_slice *key = &members->keys[i];

		if (finish_value(parse, &members->values[i]) != 0)
			return -1;
		if ((members->odd & JSON_KEY_ESCAPED) && memchr(key->data, '\\', key->size) &&
		    unescape_key(parse, key) != 0)
			return -1;
	}
	return 0;
}

const char *json_members(struct parse *parse, const struct line *line,
			 struct json_members *ret_members)
{
	const struct weir_block_view *block = &parse->batch->blocks[line->block];
	const char *origin = (const char *)block->data;
	const struct json_line at = {line->text, line->size,           line->block,
				     origin,     origin + block->used, parse->batches};
	const struct layout *last = parse->last;
	struct json_hint hint = {.count = 0};
	const char *wrong;

	if (last)
		hint = (struct json_hint){last->to->keys, last->parsed, last->lasting};
	do {
		*ret_members =
			(struct json_members){parse->values, parse->keys, parse->capacity, 0, 0, 0};
		wrong = json_reader_object(parse->format_state, &at, &hint, ret_members);
	} while (wrong == json_no_room && parse->capacity < WEIR_SHAPE_KEYS_MAX &&
		 parse_grow(parse, 2 * parse->capacity) == WEIR_OK);
	return wrong == json_no_room && parse->capacity >= WEIR_SHAPE_KEYS_MAX ? too_many : wrong;
}

const char *json_fields(struct parse *parse, const struct json_members *members)
{
	const struct layout *last = parse->last;
	uint32_t count = members->count;

	if (count + parse->carried > WEIR_SHAPE_KEYS_MAX)
		return too_many;
	if (members->odd && finish(parse, members) != 0)
		return json_no_room;
	parse->count = count;
	if (last && members->matched == count && count == last->parsed) {
		parse->same = last;
		parse->keys_hash = last->keys_hash;
		return NULL;
	}
	parse->same = NULL;
	return keys_settle(parse) == 0 ? NULL : json_no_room;
}

static const char *json_parse(struct parse *parse, const struct line *line)
{
	struct json_members members;
	const char *wrong = json_members(parse, line, &members);

	return wrong ? wrong : json_fields(parse, &members);
}

static int json_create(struct parse *parse, const struct weir_node *options,
		       struct weir_error *error)
{
	(void)options;
	parse->format_state = json_reader_create();
	return parse->format_state ? WEIR_OK
				   : weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
}

static void json_destroy(struct parse *parse)
{
	json_reader_destroy(parse->format_state);
}

const struct parse_format json_format = {
	.name = "json", .create = json_create, .destroy = json_destroy, .parse = json_parse};
