// SPDX-License-Identifier: MIT
/*
 * The walk over a batch: text in, values out, a new row for every record that parses.
 *
 * Values are slices of the block that the line lies in; nothing is copied unless it has to be
 * unescaped. A record that doesn't parse keeps its row. Either way the original line stays what it
 * was.
 */
#include "parse.h"

#include <assert.h>
#include <stdlib.h>

#include "convert.h"
#include "failure.h"
#include "layout.h"

/* Text is reserved in pieces of at least this size, so that small needs don't open many blocks. */
#define TEXT_PIECE 65536

/* ---- room for what formats make -------------------------------------------------------------- */

char *parse_text(struct parse *parse, uint32_t size, struct weir_value *ret_value)
{
	char *text = weir_batch_text(parse->batch, size, ret_value);

	if (text || parse->host->batch_reserve(parse->batch, 0, 0,
					       size < TEXT_PIECE ? TEXT_PIECE : size) != WEIR_OK)
		return text;
	return weir_batch_text(parse->batch, size, ret_value);
}

void parse_text_cut(struct parse *parse, struct weir_value *value, uint32_t size)
{
	assert(size <= value->length);
	parse->batch->blocks[value->block].used -= value->length - size;
	value->length = size;
}

int parse_grow(struct parse *parse, uint32_t capacity)
{
	struct weir_value *values;
	struct weir_slice *keys;

	if (capacity <= parse->capacity)
		return WEIR_OK;
	values = realloc(parse->own_values, capacity * sizeof(*values));
	if (!values)
		return WEIR_ERR_MEMORY;
	parse->values = parse->own_values = values;
	keys = realloc(parse->keys, capacity * sizeof(*keys));
	if (!keys)
		return WEIR_ERR_MEMORY;
	parse->keys = keys;
	parse->capacity = capacity;
	return WEIR_OK;
}

int parse_keys(struct parse *parse, const char *const *names, uint32_t count,
	       struct weir_error *error)
{
	if (parse_grow(parse, count) != WEIR_OK)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for %u fields", count);
	for (uint32_t i = 0; i < count; i++)
		parse->keys[i] = weir_slice_of(names[i]);
	parse->count = count;
	parse->width = count + PARSE_SPARE;
	return WEIR_OK;
}

int parse_row(struct parse *parse, uint32_t count, struct weir_value **ret_row)
{
	struct weir_batch *batch = parse->batch;
	uint32_t width = count + PARSE_SPARE, left;

	if (batch->value_capacity - batch->value_count < width) {
		left = batch->record_count - parse->record;
		if (width > parse->width)
			parse->width = width;
		if (parse->host->batch_reserve(batch, 0, left * parse->width, 0) != WEIR_OK)
			return WEIR_ERR_MEMORY;
	}
	/* As weir_batch_row() does it, but what is filled anyway needs no zeros. */
	*ret_row = batch->values + batch->value_count;
	memset(*ret_row + count, 0, PARSE_SPARE * sizeof(**ret_row));
	batch->value_count += width;
	return WEIR_OK;
}

void parse_row_undo(struct parse *parse, uint32_t count)
{
	parse->batch->value_count -= count + PARSE_SPARE;
}

void parse_row_set(struct parse *parse, struct weir_value *row, uint32_t count, uint16_t shape)
{
	struct weir_record *record = &parse->batch->records[parse->record];

	record->row = (uint32_t)(row - parse->batch->values);
	record->capacity = (uint16_t)(count + PARSE_SPARE);
	record->shape = shape;
}

/* ---- one record ------------------------------------------------------------------------------ */

/* The slot of the field to parse, or -1. */
static int32_t source_slot(struct parse *parse, const struct weir_shape *from)
{
	if (parse->from != from) {
		parse->from = from;
		parse->from_slot = weir_shape_find(from, parse->field);
	}
	return parse->from_slot;
}

/* NULL, or why there is nothing to parse. */
static const char *take_line(struct parse *parse, const struct weir_record *record,
			     struct line *ret_line)
{
	const struct weir_batch *batch = parse->batch;
	int32_t slot = source_slot(parse, batch->shapes[record->shape]);
	const struct weir_value *value;

	if (slot < 0)
		return "the record has no such field";
	value = &batch->values[record->row + (uint32_t)slot];
	if (!weir_value_has_text(value))
		return value->tag == WEIR_ABSENT ? "the record has no such field"
						 : "the field is not text";
	ret_line->text = (const char *)batch->blocks[value->block].data + value->as.offset;
	ret_line->size = value->length;
	ret_line->block = value->block;
	ret_line->offset = value->as.offset;
	return NULL;
}

static inline int find_layout(struct parse *parse, const struct weir_shape *from,
			      const struct layout **ret_layout)
{
	int result = WEIR_OK;

	*ret_layout = parse->last;
	if (!layout_is_last(parse, from))
		result = layout_find(parse, from, ret_layout);
	parse->last = result == WEIR_OK ? *ret_layout : NULL;
	return result;
}

/* Fields that come along, the record's new row, and its time. */
static inline void settle(struct parse *parse, const struct layout *layout, struct weir_value *row)
{
	struct weir_record *record = &parse->batch->records[parse->record];
	const struct weir_value *old = weir_record_row(parse->batch, record);

	for (uint32_t i = 0; i < layout->carried; i++)
		row[layout->parsed + i] = old[layout->carry[i]];
	parse_row_set(parse, row, layout->parsed + layout->carried, layout->index);
	if (parse->time_ns != PARSE_NO_TIME)
		record->timestamp_ns = parse->time_ns;
}

static int commit(struct parse *parse, const struct weir_shape *from)
{
	const struct layout *layout;
	struct weir_value *row;
	int result = find_layout(parse, from, &layout);

	if (result != WEIR_OK)
		return result;
	if (layout->convert_count || layout->has_time)
		converter_apply(parse, layout, parse->values);
	result = parse_row(parse, layout->parsed + layout->carried, &row);
	if (result != WEIR_OK)
		return result;
	memcpy(row, parse->values, parse->count * sizeof(*row));
	settle(parse, layout, row);
	return WEIR_OK;
}

/* The row is made before the line is read, and given back when the line doesn't parse. */
static int parse_in_place(struct parse *parse, const struct weir_shape *from,
			  const struct line *line)
{
	const struct layout *layout;
	const char *reason;
	int result = find_layout(parse, from, &layout);
	uint32_t count;

	if (result != WEIR_OK)
		return result;
	count = layout->parsed + layout->carried;
	result = parse_row(parse, count, &parse->values);
	if (result != WEIR_OK)
		return result;
	reason = parse->format->parse(parse, line);
	if (!reason) {
		settle(parse, layout, parse->values);
		return WEIR_OK;
	}
	parse_row_undo(parse, count);
	return failure_apply(parse, reason);
}

static int record_parse(struct parse *parse)
{
	const struct weir_record *record = &parse->batch->records[parse->record];
	const struct weir_shape *from = parse->batch->shapes[record->shape];
	struct line line;
	const char *reason = take_line(parse, record, &line);

	parse->time_ns = PARSE_NO_TIME;
	parse->time_from = NULL;
	parse->reference_ns = record->timestamp_ns;
	parse->carried = from->count;
	parse->held = 0;
	if (!reason && parse->in_place)
		return parse_in_place(parse, from, &line);
	if (!reason)
		reason = parse->format->parse(parse, &line);
	if (parse->held)
		return WEIR_OK;
	return reason ? failure_apply(parse, reason) : commit(parse, from);
}

/* ---- the batch ------------------------------------------------------------------------------- */

static void batch_enter(struct parse *parse, struct weir_batch *batch)
{
	parse->batch = batch;
	parse->batches++;
	parse->from = NULL;
	parse->marked_from = NULL;
	parse->reason_text = NULL;
	if (parse->last && !parse->last->lasting)
		parse->last = NULL;
}

static void count_failures(struct parse *parse)
{
	if (parse->unparsed)
		parse->host->metric_add(parse->unparsed_metric, parse->unparsed);
	if (parse->type_errors)
		parse->host->metric_add(parse->type_metric, parse->type_errors);
	if (parse->time_errors)
		parse->host->metric_add(parse->time_metric, parse->time_errors);
	parse->unparsed = parse->type_errors = parse->time_errors = 0;
}

int parse_batch(struct parse *parse, struct weir_batch *batch, struct weir_error *error)
{
	int result;

	batch_enter(parse, batch);
	result = parse->host->batch_reserve(batch, 0, batch->record_count * parse->width, 0);
	for (parse->record = 0; result == WEIR_OK && parse->record < batch->record_count;
	     parse->record++)
		if (!(batch->records[parse->record].flags & WEIR_RECORD_GONE))
			result = record_parse(parse);
	count_failures(parse);
	parse->batch = NULL;
	if (result != WEIR_OK)
		return weir_fail(error, result,
				 "parse: no memory for a batch of %u records; raise memory_limit",
				 batch->record_count);
	return WEIR_OK;
}
