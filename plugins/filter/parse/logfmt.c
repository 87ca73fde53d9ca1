// SPDX-License-Identifier: MIT
/*
 * The format `logfmt`: pairs between spaces,
 *
 *     level=info msg="say \"hi\"" took=12ms retry
 *
 * A value in quotes may have spaces and escapes; a key alone is true; `key=` is empty text. An
 * unquoted value may hold `=` and quotes, as in addresses and base64. A line without any `=` is no
 * logfmt: its words are no fields.
 */
#include "escape.h"
#include "pairs.h"
#include "text.h"

/* Past a value in quotes; the cursor is after the opening one. */
static const char *read_quoted(struct parse *parse, const struct line *line, struct cursor *c,
			       struct weir_value *ret_value)
{
	const char *from = c->at, *to = escape_closing_quote(from, c->end, '"');

	if (!to)
		return "a quote is not closed";
	c->at = to + 1;
	if (c->at < c->end && (unsigned char)*c->at > ' ')
		return "text after a closing quote";
	*ret_value = line_value(line, WEIR_STRING, 0, from, to);
	return escape_undo(parse, from, to, escape_unescape, ret_value);
}

static const char *read_value(struct parse *parse, const struct line *line, struct cursor *c,
			      struct weir_value *ret_value)
{
	const char *from = c->at;

	if (cursor_take(c, '"'))
		return read_quoted(parse, line, c, ret_value);
	while (c->at < c->end && (unsigned char)*c->at > ' ')
		c->at++;
	*ret_value = line_value(line, WEIR_STRING, 0, from, c->at);
	return NULL;
}

static const char *read_pair(struct parse *parse, const struct line *line, struct cursor *c,
			     int *valued)
{
	const char *from = c->at, *wrong = NULL;
	struct weir_value value = weir_value_bool(1);
	struct weir_slice key;

	while (c->at < c->end && (unsigned char)*c->at > ' ' && *c->at != '=' && *c->at != '"')
		c->at++;
	key = (struct weir_slice){from, (uint64_t)(c->at - from)};
	if (c->at < c->end && *c->at == '"')
		return "a quote where a key belongs";
	if (key.size == 0)
		return "no key before a =";
	if (cursor_take(c, '=')) {
		*valued = 1;
		wrong = read_value(parse, line, c, &value);
	}
	return wrong ? wrong : pairs_add(parse, key, value);
}

static const char *logfmt_parse(struct parse *parse, const struct line *line)
{
	struct cursor c = {line->text, line->text + line->size};
	int valued = 0;

	pairs_begin(parse);
	for (;;) {
		const char *wrong;

		while (c.at < c.end && (unsigned char)*c.at <= ' ')
			c.at++;
		if (c.at == c.end)
			break;
		wrong = read_pair(parse, line, &c, &valued);
		if (wrong)
			return wrong;
	}
	return valued ? pairs_end(parse) : "no key=value";
}

static int logfmt_create(struct parse *parse, const struct weir_node *options,
			 struct weir_error *error)
{
	(void)parse;
	(void)options;
	(void)error;
	return WEIR_OK;
}

const struct parse_format logfmt_format = {
	.name = "logfmt", .create = logfmt_create, .parse = logfmt_parse};
