// SPDX-License-Identifier: MIT
/* Words are checked here too, so that a host that does not check list elements does no harm. */
#include "support/encoding_options/encoding_options.h"

#include <stdlib.h>

struct word {
	const char *text;
	uint32_t value;
};

static const struct word formats[] = {
	{"json", WEIR_ENCODE_JSON},       {"line", WEIR_ENCODE_LINE},
	{"text", WEIR_ENCODE_TEXT},       {"ndjson", WEIR_ENCODE_JSON},
	{"json_array", WEIR_ENCODE_JSON}, {"lines", WEIR_ENCODE_LINE}};

static const struct word metadata[] = {{"timestamp", WEIR_META_TIMESTAMP},
				       {"source", WEIR_META_SOURCE},
				       {"position", WEIR_META_POSITION},
				       {"host", WEIR_META_HOST}};

#define WORDS(table) table, sizeof(table) / sizeof((table)[0])

static int32_t fail_at(const struct weir_node *node, const char *text, struct weir_error *error)
{
	if (error) {
		error->line = node->line;
		error->column = node->column;
	}
	return weir_fail(error, WEIR_ERR_INVALID, "%s", text);
}

static uint32_t word_value(const struct word *words, size_t count, struct weir_slice text)
{
	for (size_t i = 0; i < count; i++)
		if (weir_slice_equals(text, words[i].text))
			return words[i].value;
	return 0;
}

static int32_t read_format(const struct weir_node *node, struct weir_encode_spec *spec,
			   struct weir_error *error)
{
	spec->format = WEIR_ENCODE_JSON;
	if (!node)
		return WEIR_OK;
	spec->format = word_value(WORDS(formats), node->text);
	if (!spec->format)
		return fail_at(node, "format must be json, line or text", error);
	return WEIR_OK;
}

static int32_t read_metadata(const struct weir_node *node, struct weir_encode_spec *spec,
			     struct weir_error *error)
{
	spec->meta = node ? 0 : WEIR_META_TIMESTAMP;
	for (uint32_t i = 0; node && i < node->count; i++) {
		uint32_t bit = word_value(WORDS(metadata), node->items[i]->text);

		if (!bit)
			return fail_at(node->items[i],
				       "metadata is a list of timestamp, source, position and host",
				       error);
		spec->meta |= bit;
	}
	return WEIR_OK;
}

static int32_t read_fields(const struct weir_node *node, struct encoding_options *options,
			   struct weir_error *error)
{
	if (!node || node->count == 0)
		return WEIR_OK;
	options->fields = calloc(node->count, sizeof(*options->fields));
	if (!options->fields)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the list of fields");
	for (uint32_t i = 0; i < node->count; i++)
		options->fields[i] = node->items[i]->text;
	options->written = node;
	options->spec.fields = options->fields;
	options->spec.field_count = node->count;
	return WEIR_OK;
}

/* YAML's plain scalars know no escapes: `separator: \t` means a tab all the same. */
static char escaped(char letter)
{
	return letter == 't' ? '\t' : letter == 'n' ? '\n' : letter == '0' ? '\0' : letter;
}

static int32_t read_separator(const struct weir_node *node, struct encoding_options *options,
			      struct weir_error *error)
{
	struct weir_slice text = node ? node->text : weir_slice_of("\t");
	uint64_t size = 0;

	if (text.size > ENCODING_SEPARATOR_MAX)
		return fail_at(node, "separator is too long: at most 64 bytes", error);
	for (uint64_t i = 0; i < text.size; i++) {
		char letter = text.data[i];

		if (letter == '\\' && i + 1 < text.size)
			letter = escaped(text.data[++i]);
		options->separator[size++] = letter;
	}
	options->spec.separator.data = options->separator;
	options->spec.separator.size = size;
	return WEIR_OK;
}

int32_t encoding_options_read(const struct weir_node *options, struct encoding_options *ret_options,
			      struct weir_error *error)
{
	struct weir_encode_spec *spec = &ret_options->spec;
	int32_t failed;

	memset(ret_options, 0, sizeof(*ret_options));
	spec->struct_size = sizeof(*spec);
	failed = read_format(weir_node_find(options, "format"), spec, error);
	if (!failed)
		failed = read_metadata(weir_node_find(options, "metadata"), spec, error);
	if (!failed)
		failed = read_separator(weir_node_find(options, "separator"), ret_options, error);
	if (!failed)
		failed = read_fields(weir_node_find(options, "fields"), ret_options, error);
	if (!failed && spec->format == WEIR_ENCODE_TEXT && spec->field_count == 0)
		failed = weir_fail(error, WEIR_ERR_INVALID,
				   "format text needs `fields`: the names of the values to write");
	if (failed)
		encoding_options_done(ret_options);
	return failed;
}

/* @timestamp and its like are no fields, and go by their names all the same in JSON. */
static int is_metadata(struct weir_slice name)
{
	return name.size > 1 && name.data[0] == '@' &&
	       word_value(WORDS(metadata), (struct weir_slice){name.data + 1, name.size - 1}) != 0;
}

void encoding_options_fields(const struct encoding_options *options, struct weir_fields *fields)
{
	for (uint32_t i = 0; i < options->spec.field_count; i++)
		if (options->spec.format != WEIR_ENCODE_JSON || !is_metadata(options->fields[i]))
			fields->reads(fields, options->fields[i], options->written->items[i]);
}

void encoding_options_done(struct encoding_options *options)
{
	free(options->fields);
	options->fields = NULL;
}
