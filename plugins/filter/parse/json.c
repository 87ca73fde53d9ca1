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

/* New text of the batch, made by `make` from the member's, and never longer. */
static int made_text(struct parse *parse, const char *from, uint32_t size, uint8_t tag,
		     uint32_t (*make)(const char *, uint32_t, char *), struct weir_value *ret_value)
{
	char *text = parse_text(parse, size, ret_value);

	if (!text)
		return -1;
	parse_text_cut(parse, ret_value, make(from, size, text));
	ret_value->tag = tag;
	return 0;
}

static int has_line_break(const struct json_member *member)
{
	return memchr(member->text, '\n', member->size) || memchr(member->text, '\r', member->size);
}

/* A slice of the line, or text of the batch where it had escapes or line breaks. */
static int json_value(struct parse *parse, const struct line *line,
		      const struct json_member *member, struct weir_value *ret_value)
{
	uint8_t flags = 0;

	switch (member->tag) {
	case WEIR_NULL:
		*ret_value = weir_value_null();
		return 0;
	case WEIR_BOOL:
		*ret_value = weir_value_bool(member->truth);
		return 0;
	case WEIR_STRING:
		if (member->escaped)
			return made_text(parse, member->text, member->size, WEIR_STRING,
					 json_unescape, ret_value);
		flags = WEIR_VALUE_PLAIN;
		break;
	case WEIR_INT:
	case WEIR_DOUBLE:
		flags = WEIR_VALUE_TEXT;
		break;
	default:
		if (has_line_break(member))
			return made_text(parse, member->text, member->size, member->tag,
					 json_minify, ret_value);
	}
	*ret_value =
		line_value(line, member->tag, flags, member->text, member->text + member->size);
	return 0;
}

static int json_key(struct parse *parse, const struct json_member *member,
		    struct weir_slice *ret_key)
{
	char *text;

	*ret_key = member->key;
	if (!member->key_escaped)
		return 0;
	text = parse_text(parse, (uint32_t)member->key.size, NULL);
	if (!text)
		return -1;
	ret_key->data = text;
	ret_key->size = json_unescape(member->key.data, (uint32_t)member->key.size, text);
	return 0;
}

const char *json_members(struct parse *parse, const struct line *line,
			 const struct json_member **ret_members, uint32_t *ret_count,
			 uint32_t *ret_matched)
{
	const struct layout *last = parse->last;
	struct json_hint hint = {.count = 0};
	const char *wrong;

	if (last)
		hint = (struct json_hint){last->to->keys, last->parsed, last->lasting, 0};
	wrong = json_reader_object(parse->format_state, line->text, line->size, &hint, ret_members,
				   ret_count);
	*ret_matched = hint.matched;
	return wrong;
}

const char *json_fields(struct parse *parse, const struct line *line,
			const struct json_member *members, uint32_t count, uint32_t matched,
			const struct json_member *shorter, uint32_t cut)
{
	const struct layout *last = parse->last;

	if (count + parse->carried > WEIR_SHAPE_KEYS_MAX)
		return "more fields than a record can have";
	if (parse_grow(parse, count) != WEIR_OK)
		return "no memory for the fields";
	for (uint32_t i = 0; i < count; i++) {
		const struct json_member *member = &members[i];
		struct json_member cut_member;

		if (member == shorter) {
			cut_member = *member;
			cut_member.size -= cut;
			member = &cut_member;
		}
		if (json_value(parse, line, member, &parse->values[i]) != 0 ||
		    json_key(parse, member, &parse->keys[i]) != 0)
			return "no memory for the fields";
	}
	parse->count = count;
	if (last && matched == count && count == last->parsed) {
		parse->same = last;
		parse->keys_hash = last->keys_hash;
		return NULL;
	}
	parse->same = NULL;
	return keys_settle(parse) == 0 ? NULL : "no memory for the fields";
}

static const char *json_parse(struct parse *parse, const struct line *line)
{
	const struct json_member *members;
	uint32_t count, matched;
	const char *wrong = json_members(parse, line, &members, &count, &matched);

	return wrong ? wrong : json_fields(parse, line, members, count, matched, NULL, 0);
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
