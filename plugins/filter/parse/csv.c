// SPDX-License-Identifier: MIT
/*
 * The formats `csv` and `tsv`: values between delimiters, in RFC 4180's quotes where they need
 * them.
 *
 * A quoted value is a slice of the line unless it has doubled quotes in it. Columns that a line
 * lacks are null; a line with more values than columns doesn't parse, because there is no name for
 * the rest.
 */
#include <stdlib.h>

#include "parse.h"

struct csv {
	char delimiter;
};

/*
 * As Kinesis Agent's CSVTOJSON has it, with `names: kinesis_agent`: no quotes, what lies beyond the
 * columns is left out, and empty values at the end of the line count as lacking.
 */
static const char *split_parse(struct parse *parse, const struct line *line)
{
	const struct csv *csv = parse->format_state;
	const char *at = line->text, *end = line->text + line->size;
	uint32_t column = 0;
	int lacking;

	while (end > at && end[-1] == csv->delimiter)
		end--;
	lacking = end == at && line->size > 0;
	for (; column < parse->count && !lacking; column++) {
		const char *from = at;

		at = from < end ? memchr(from, csv->delimiter, (size_t)(end - from)) : NULL;
		lacking = !at;
		parse->values[column] = line_value(line, WEIR_STRING, 0, from, lacking ? end : at);
		at = lacking ? end : at + 1;
	}
	while (column < parse->count)
		parse->values[column++] = weir_value_null();
	return NULL;
}

static uint32_t undouble(const char *from, uint32_t size, char *out)
{
	uint32_t length = 0;

	for (uint32_t i = 0; i < size; i++) {
		out[length++] = from[i];
		if (from[i] == '"')
			i++;
	}
	return length;
}

/* A value that begins with a quote; *at is moved past its closing one. */
static const char *read_quoted(struct parse *parse, const struct line *line, const char **at,
			       const char *end, struct weir_value *ret_value)
{
	const char *from = *at + 1, *quote = from;
	int doubled = 0;
	char *text;

	for (;; quote += 2, doubled = 1) {
		quote = quote < end ? memchr(quote, '"', (size_t)(end - quote)) : NULL;
		if (!quote)
			return "a quote is not closed";
		if (quote + 1 == end || quote[1] != '"')
			break;
	}
	*at = quote + 1;
	*ret_value = line_value(line, WEIR_STRING, 0, from, quote);
	if (!doubled)
		return NULL;
	text = parse_text(parse, (uint32_t)(quote - from), ret_value);
	if (!text)
		return "no memory for the values";
	parse_text_cut(parse, ret_value, undouble(from, (uint32_t)(quote - from), text));
	return NULL;
}

static const char *csv_parse(struct parse *parse, const struct line *line)
{
	const struct csv *csv = parse->format_state;
	const char *at = line->text, *end = line->text + line->size, *wrong;
	uint32_t column = 0;

	if (parse->agent_names)
		return split_parse(parse, line);
	if (end > at && end[-1] == '\r')
		end--;
	for (;; at++) {
		const char *from = at;

		if (column == parse->count)
			return "more values than columns";
		if (at < end && *at == '"') {
			wrong = read_quoted(parse, line, &at, end, &parse->values[column]);
			if (wrong)
				return wrong;
			if (at < end && *at != csv->delimiter)
				return "text after a closing quote";
		} else {
			at = from < end ? memchr(from, csv->delimiter, (size_t)(end - from)) : NULL;
			at = at ? at : end;
			parse->values[column] = line_value(line, WEIR_STRING, 0, from, at);
		}
		column++;
		if (at == end)
			break;
	}
	while (column < parse->count)
		parse->values[column++] = weir_value_null();
	return NULL;
}

static int read_columns(struct parse *parse, const struct weir_node *columns,
			struct weir_error *error)
{
	if (parse_grow(parse, columns->count) != WEIR_OK)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	for (uint32_t i = 0; i < columns->count; i++) {
		parse->keys[i] = columns->items[i]->text;
		for (uint32_t k = 0; k < i; k++) {
			if (!weir_slice_equals(parse->keys[i], columns->items[k]->text.data))
				continue;
			(void)weir_fail(error, WEIR_ERR_INVALID, "parse: two columns are named %s",
					parse->keys[i].data);
			error->line = columns->items[i]->line;
			error->column = columns->items[i]->column;
			return WEIR_ERR_INVALID;
		}
	}
	parse->count = columns->count;
	parse->width = columns->count + PARSE_SPARE;
	return WEIR_OK;
}

static int create(struct parse *parse, const struct weir_node *options, char delimiter,
		  struct weir_error *error)
{
	const struct weir_node *columns = weir_node_find(options, "columns");
	const struct weir_node *given = weir_node_find(options, "delimiter");
	struct csv *csv = calloc(1, sizeof(*csv));

	parse->format_state = csv;
	if (!csv)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	if (!columns || columns->count == 0)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "parse: the formats csv and tsv need columns, the names of the "
				 "fields in order");
	csv->delimiter = given ? given->text.data[0] : delimiter;
	if (given && (given->text.size != 1 || csv->delimiter == '"')) {
		(void)weir_fail(error, WEIR_ERR_INVALID,
				"parse: the delimiter must be one byte and no quote");
		error->line = given->line;
		error->column = given->column;
		return WEIR_ERR_INVALID;
	}
	return read_columns(parse, columns, error);
}

static int csv_create(struct parse *parse, const struct weir_node *options,
		      struct weir_error *error)
{
	return create(parse, options, ',', error);
}

static int tsv_create(struct parse *parse, const struct weir_node *options,
		      struct weir_error *error)
{
	return create(parse, options, '\t', error);
}

static void csv_destroy(struct parse *parse)
{
	free(parse->format_state);
}

const struct parse_format csv_format = {.name = "csv",
					.create = csv_create,
					.destroy = csv_destroy,
					.parse = csv_parse,
					.has_agent_names = 1};
const struct parse_format tsv_format = {.name = "tsv",
					.create = tsv_create,
					.destroy = csv_destroy,
					.parse = csv_parse,
					.has_agent_names = 1};
