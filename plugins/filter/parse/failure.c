// SPDX-License-Identifier: MIT
#include "failure.h"

#include <stdlib.h>

static const struct weir_slice error_field = {FAILURE_FIELD, sizeof(FAILURE_FIELD) - 1};

/* The reason as a value; one copy serves all records of a batch that fail alike. */
static int reason_value(struct parse *parse, const char *reason, struct weir_value *ret_value)
{
	if (parse->reason_text != reason) {
		uint32_t size = (uint32_t)strlen(reason);
		char *text = parse_text(parse, size, &parse->reason_value);

		if (!text)
			return WEIR_ERR_MEMORY;
		memcpy(text, reason, size);
		parse->reason_value.flags = WEIR_VALUE_PLAIN;
		parse->reason_text = reason;
	}
	*ret_value = parse->reason_value;
	return WEIR_OK;
}

static int shape_with_error(struct parse *parse, const struct weir_shape *from, uint16_t *ret_shape)
{
	struct weir_slice *keys = calloc(from->count + 1, sizeof(*keys));
	int result;

	if (!keys)
		return WEIR_ERR_MEMORY;
	for (uint32_t slot = 0; slot < from->count; slot++)
		keys[slot] = from->keys[slot]->name;
	keys[from->count] = error_field;
	result = parse->host->batch_shape(parse->batch, keys, from->count + 1, ret_shape);
	free(keys);
	return result;
}

/* The same, made once per batch as long as the records come with one shape. */
static int marked_shape(struct parse *parse, const struct weir_shape *from, uint16_t *ret_shape)
{
	int result = WEIR_OK;

	if (parse->marked_from != from) {
		result = shape_with_error(parse, from, &parse->marked_shape);
		parse->marked_from = result == WEIR_OK ? from : NULL;
	}
	*ret_shape = parse->marked_shape;
	return result;
}

/* Adds parse_error to the record at hand. */
static int mark(struct parse *parse, const char *reason)
{
	struct weir_batch *batch = parse->batch;
	const struct weir_shape *from = batch->shapes[batch->records[parse->record].shape];
	int32_t slot = weir_shape_find(from, error_field);
	struct weir_value value, *row;
	struct weir_record *record;
	uint16_t shape;
	int result;

	result = reason_value(parse, reason, &value);
	if (result != WEIR_OK)
		return result;
	if (slot >= 0) {
		weir_record_row(batch, &batch->records[parse->record])[slot] = value;
		return WEIR_OK;
	}
	if (from->count >= WEIR_SHAPE_KEYS_MAX)
		return WEIR_OK; /* no room for the field; the flag says it too */
	result = marked_shape(parse, from, &shape);
	if (result == WEIR_OK)
		result = parse_row(parse, from->count + 1, &row);
	if (result != WEIR_OK)
		return result;
	record = &batch->records[parse->record];
	memcpy(row, weir_record_row(batch, record), from->count * sizeof(*row));
	row[from->count] = value;
	parse_row_set(parse, row, from->count + 1, shape);
	return WEIR_OK;
}

int failure_apply(struct parse *parse, const char *reason)
{
	struct weir_record *record = &parse->batch->records[parse->record];

	parse->unparsed++;
	switch (parse->on_error) {
	case PARSE_ON_ERROR_DEAD:
		parse->host->record_dead(parse->context, parse->batch, parse->record, "unparsed",
					 weir_slice_of(reason));
		return WEIR_OK;
	case PARSE_ON_ERROR_DROP:
		record->flags |= WEIR_RECORD_DROPPED;
		return WEIR_OK;
	default:
		record->flags |= WEIR_RECORD_UNPARSED;
		return mark(parse, reason);
	}
}
