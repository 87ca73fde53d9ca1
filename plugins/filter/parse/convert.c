// SPDX-License-Identifier: MIT
#include "convert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "layout.h"
#include "number.h"
#include "support/timeparse/format.h"

struct typed_field {
	struct weir_slice name;
	uint8_t type;
};

struct converter {
	struct typed_field *fields;
	uint32_t count;
	struct weir_slice time_field;
	struct time_format **formats; /* tried in order; of the time field */
	uint32_t format_count;
};

uint8_t convert_type_named(struct weir_slice name)
{
	static const char *const names[] = {"none", "string", "int", "double", "bool"};

	for (uint8_t type = CONVERT_STRING; type <= CONVERT_BOOL; type++)
		if (weir_slice_equals(name, names[type]))
			return type;
	return CONVERT_NONE;
}

static int read_types(struct converter *converter, const struct weir_node *types,
		      struct weir_error *error)
{
	converter->fields = calloc(types->count + 1, sizeof(*converter->fields));
	if (!converter->fields)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	for (uint32_t i = 0; i < types->count; i++) {
		struct typed_field *field = &converter->fields[converter->count++];

		field->name = types->keys[i];
		field->type = convert_type_named(types->items[i]->text);
		if (field->type != CONVERT_NONE)
			continue;
		(void)weir_fail(
			error, WEIR_ERR_INVALID,
			"parse: the type of %.*s must be string, int, double or bool, not %s",
			(int)field->name.size, field->name.data, types->items[i]->text.data);
		error->line = types->items[i]->line;
		error->column = types->items[i]->column;
		return WEIR_ERR_INVALID;
	}
	return WEIR_OK;
}

static int read_formats(struct converter *converter, const struct weir_node *formats,
			const struct time_zone *zone, struct weir_error *error)
{
	converter->formats = calloc(formats->count + 1, sizeof(struct time_format *));
	if (!converter->formats)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	for (uint32_t i = 0; i < formats->count; i++) {
		if (time_format_create(formats->items[i]->text.data, zone, &converter->formats[i],
				       error) != WEIR_OK) {
			error->line = formats->items[i]->line;
			error->column = formats->items[i]->column;
			return error->code;
		}
		converter->format_count++;
	}
	return WEIR_OK;
}

/* `time` may also give the zone alone, for the times that a format finds by itself. */
static int read_time(struct converter *converter, const struct weir_node *time,
		     const struct time_zone *zone, struct weir_error *error)
{
	const struct weir_node *field = weir_node_find(time, "field");
	const struct weir_node *formats = weir_node_find(time, "format");

	if (!field && !formats)
		return WEIR_OK;
	if (!field || !formats) {
		(void)weir_fail(error, WEIR_ERR_INVALID, "parse: time needs both field and format");
		error->line = time->line;
		error->column = time->column;
		return WEIR_ERR_INVALID;
	}
	converter->time_field = field->text;
	return read_formats(converter, formats, zone, error);
}

int converter_create(const struct weir_node *options, const struct time_zone *zone,
		     struct converter **ret_converter, struct weir_error *error)
{
	const struct weir_node *types = weir_node_find(options, "types");
	const struct weir_node *time = weir_node_find(options, "time");
	struct converter *converter;
	int result = WEIR_OK;

	*ret_converter = NULL;
	if (!types && !time)
		return WEIR_OK;
	converter = calloc(1, sizeof(*converter));
	if (!converter)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	if (types)
		result = read_types(converter, types, error);
	if (result == WEIR_OK && time)
		result = read_time(converter, time, zone, error);
	if (result != WEIR_OK)
		converter_destroy(converter);
	else
		*ret_converter = converter;
	return result;
}

void converter_destroy(struct converter *converter)
{
	if (!converter)
		return;
	for (uint32_t i = 0; i < converter->format_count; i++)
		time_format_destroy(converter->formats[i]);
	free(converter->formats);
	free(converter->fields);
	free(converter);
}

uint8_t converter_type(const struct converter *converter, struct weir_slice field)
{
	for (uint32_t i = 0; i < converter->count; i++)
		if (converter->fields[i].name.size == field.size &&
		    memcmp(converter->fields[i].name.data, field.data, field.size) == 0)
			return converter->fields[i].type;
	return CONVERT_NONE;
}

struct weir_slice converter_time_field(const struct converter *converter)
{
	return converter->time_field;
}

/* ---- one value ------------------------------------------------------------------------------- */

static int to_int(struct weir_value *value, struct weir_slice text)
{
	int64_t number;

	if (number_tag(text.data, (uint32_t)text.size) == WEIR_INT) {
		value->tag = WEIR_INT;
		value->flags = WEIR_VALUE_TEXT;
		return 0;
	}
	if (number_int(text.data, (uint32_t)text.size, &number) != 0)
		return -1;
	*value = weir_value_int(number);
	return 0;
}

static int to_double(struct weir_value *value, struct weir_slice text)
{
	double number;

	if (number_tag(text.data, (uint32_t)text.size) != WEIR_STRING) {
		value->tag = WEIR_DOUBLE;
		value->flags = WEIR_VALUE_TEXT;
		return 0;
	}
	if (number_double(text.data, (uint32_t)text.size, &number) != 0)
		return -1;
	*value = weir_value_double(number);
	return 0;
}

static int is_word(struct weir_slice text, const char *word)
{
	return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static int to_bool(struct weir_value *value, struct weir_slice text)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};

	for (uint32_t i = 0; i < 4; i++) {
		if (!is_word(text, yes[i]) && !is_word(text, no[i]))
			continue;
		*value = weir_value_bool(is_word(text, yes[i]));
		return 0;
	}
	return -1;
}

/* A number's own text, or new text for a value that has none. */
static int to_string(struct parse *parse, struct weir_value *value)
{
	char text[32], *copy;
	int size;

	if (weir_value_has_text(value)) {
		value->tag = WEIR_STRING;
		value->flags = value->flags == WEIR_VALUE_TEXT ? WEIR_VALUE_PLAIN : value->flags;
		return 0;
	}
	if (value->tag == WEIR_BOOL)
		size = snprintf(text, sizeof(text), "%s", value->as.i64 ? "true" : "false");
	else if (value->tag == WEIR_INT)
		size = snprintf(text, sizeof(text), "%" PRId64, value->as.i64);
	else
		return -1;
	copy = parse_text(parse, (uint32_t)size, value);
	if (!copy)
		return -1;
	memcpy(copy, text, (size_t)size);
	value->flags = WEIR_VALUE_PLAIN;
	return 0;
}

int convert_value(struct parse *parse, struct weir_value *value, uint8_t type)
{
	struct weir_slice text;

	if (value->tag == WEIR_ABSENT || value->tag == WEIR_NULL)
		return 0;
	if (type == CONVERT_STRING)
		return to_string(parse, value);
	if (value->tag == WEIR_BOOL && type == CONVERT_BOOL)
		return 0;
	if (!weir_value_has_text(value) || value->tag == WEIR_MAP || value->tag == WEIR_LIST)
		return -1;
	text = weir_value_slice(parse->batch, value);
	if (type == CONVERT_INT)
		return to_int(value, text);
	return type == CONVERT_DOUBLE ? to_double(value, text) : to_bool(value, text);
}

static int read_timestamp(const struct parse *parse, const struct weir_value *value,
			  int64_t *ret_ns)
{
	const struct converter *converter = parse->converter;
	struct weir_slice text;

	if (!weir_value_has_text(value))
		return -1;
	text = weir_value_slice(parse->batch, value);
	for (uint32_t i = 0; i < converter->format_count; i++)
		if (time_format_parse(converter->formats[i], text.data, text.size,
				      parse->reference_ns, ret_ns) == 0)
			return 0;
	return -1;
}

void converter_apply(struct parse *parse, const struct layout *layout, struct weir_value *values)
{
	/* The time first, from the text as it was written. */
	if (layout->has_time && values[layout->time_slot].tag != WEIR_ABSENT)
		parse->time_errors +=
			read_timestamp(parse, &values[layout->time_slot], &parse->time_ns) != 0;
	for (uint32_t i = 0; i < layout->convert_count; i++)
		parse->type_errors +=
			convert_value(parse, &values[layout->convert[i]], layout->types[i]) != 0;
}
