// SPDX-License-Identifier: MIT
/*
 * The format `key_value`: pairs between separators of the user's choice,
 *
 *     a=1, b="two, three"        pair_separator ", "
 *     "a": 'x'; b: y             pair_separator ";", value_separator ":", quotes ' and "
 *
 * White space around keys and values is cut off. In quotes, a backslash takes the meaning from a
 * quote and from a backslash, no more: Windows paths stay whole. A key alone is true; empty places
 * between separators are passed over.
 */
#include <stdlib.h>

#include "escape.h"
#include "pairs.h"
#include "text.h"

struct key_value {
	const char *pair, *value, *quotes; /* the options' texts */
};

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && is_blank(*c->at))
		c->at++;
}

/* Takes a separator that may have white space before it. */
static int take_separator(struct cursor *c, const char *separator)
{
	struct cursor next = *c;

	if (cursor_take_text(c, separator))
		return 1;
	skip_blanks(&next);
	if (!cursor_take_text(&next, separator))
		return 0;
	*c = next;
	return 1;
}

/* With the white space around it, unless pairs are between spaces: there it ends an empty value. */
static int take_value_separator(struct cursor *c, const struct key_value *options)
{
	if (is_blank(*options->pair))
		return cursor_take_text(c, options->value);
	if (!take_separator(c, options->value))
		return 0;
	skip_blanks(c);
	return 1;
}

/* A text in quotes when one begins here; *ret_quoted says so. */
static const char *read_quoted(struct parse *parse, const struct line *line, struct cursor *c,
			       int *ret_quoted, struct weir_value *ret_value)
{
	const struct key_value *options = parse->format_state;
	const char *from = c->at, *to;

	*ret_quoted = c->at < c->end && *from && strchr(options->quotes, *from);
	if (!*ret_quoted)
		return NULL;
	to = escape_closing_quote(from + 1, c->end, *from);
	if (!to)
		return "a quote is not closed";
	c->at = to + 1;
	*ret_value = line_value(line, WEIR_STRING, 0, from + 1, to);
	return escape_undo(parse, from + 1, to, escape_unquote, ret_value);
}

/* What is left of [from, to) without white space at its ends. */
static struct weir_value trimmed(const struct line *line, const char *from, const char *to)
{
	while (from < to && is_blank(*from))
		from++;
	while (to > from && is_blank(to[-1]))
		to--;
	return line_value(line, WEIR_STRING, 0, from, to);
}

static const char *find(const struct cursor *c, const char *separator)
{
	if (separator[1] != '\0')
		return cursor_find(c, separator);
	return c->at < c->end ? memchr(c->at, *separator, (size_t)(c->end - c->at)) : NULL;
}

/* Up to a separator; a key ends before either. */
static const char *read_plain(const struct parse *parse, const struct line *line, struct cursor *c,
			      int is_key, struct weir_value *ret_value)
{
	const struct key_value *options = parse->format_state;
	const char *to = find(c, options->pair), *value;
	struct cursor key = {c->at, to ? to : c->end};

	value = is_key ? find(&key, options->value) : NULL;
	*ret_value = trimmed(line, c->at, value ? value : key.end);
	c->at = value ? value : key.end;
	return NULL;
}

static const char *read_text(struct parse *parse, const struct line *line, struct cursor *c,
			     int is_key, struct weir_value *ret_value)
{
	int quoted;
	const char *wrong = read_quoted(parse, line, c, &quoted, ret_value);

	return wrong || quoted ? wrong : read_plain(parse, line, c, is_key, ret_value);
}

static const char *read_pair(struct parse *parse, const struct line *line, struct cursor *c,
			     int *valued)
{
	const struct key_value *options = parse->format_state;
	struct weir_value key, value = weir_value_bool(1);
	const char *wrong = read_text(parse, line, c, 1, &key);

	if (!wrong && key.length == 0)
		wrong = "no key before a value";
	if (!wrong && take_value_separator(c, options)) {
		*valued = 1;
		wrong = read_text(parse, line, c, 0, &value);
	}
	if (!wrong && c->at < c->end && !take_separator(c, options->pair)) {
		skip_blanks(c);
		wrong = c->at < c->end ? "text after a closing quote" : NULL;
	}
	return wrong ? wrong : pairs_add(parse, weir_value_slice(parse->batch, &key), value);
}

static const char *key_value_parse(struct parse *parse, const struct line *line)
{
	const struct key_value *options = parse->format_state;
	struct cursor c = {line->text, line->text + line->size};
	int valued = 0;

	if (c.at < c.end && c.end[-1] == '\r')
		c.end--;
	pairs_begin(parse);
	for (;;) {
		const char *wrong;

		while (take_separator(&c, options->pair))
			continue;
		skip_blanks(&c);
		if (c.at == c.end)
			break;
		wrong = read_pair(parse, line, &c, &valued);
		if (wrong)
			return wrong;
	}
	return valued ? pairs_end(parse) : "no pair of key and value";
}

static int refuse(struct weir_error *error, const struct weir_node *node, const char *why)
{
	(void)weir_fail(error, WEIR_ERR_INVALID, "parse: %s", why);
	error->line = node->line;
	error->column = node->column;
	return WEIR_ERR_INVALID;
}

static int key_value_create(struct parse *parse, const struct weir_node *options,
			    struct weir_error *error)
{
	const struct weir_node *pair = weir_node_find(options, "pair_separator");
	const struct weir_node *value = weir_node_find(options, "value_separator");
	struct key_value *state = calloc(1, sizeof(*state));

	parse->format_state = state;
	if (!state)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	state->pair = pair->text.data;
	state->value = value->text.data;
	state->quotes = weir_node_text(options, "quotes");
	if (!*state->pair || !*state->value)
		return refuse(error, *state->pair ? value : pair,
			      "a separator must be at least one byte");
	if (strcmp(state->pair, state->value) == 0)
		return refuse(error, value, "pair_separator and value_separator must be different");
	if (strpbrk(state->quotes, state->pair) || strpbrk(state->quotes, state->value))
		return refuse(error, weir_node_find(options, "quotes"),
			      "a byte can't be both a quote and part of a separator");
	return WEIR_OK;
}

static void key_value_destroy(struct parse *parse)
{
	free(parse->format_state);
}

const struct parse_format key_value_format = {.name = "key_value",
					      .create = key_value_create,
					      .destroy = key_value_destroy,
					      .parse = key_value_parse};
