// SPDX-License-Identifier: MIT
/* Reading chunks. What is read comes from a disk: every length, index and tag is checked. */
#include <stdlib.h>

#include "batch/batch.h"
#include "spool/spool_chunk.h"
#include "spool/spool_wire.h"

/* The least that a key and a source take in a table: a table can't have more than fit in it. */
#define SOURCE_LEAST 17u

/* ---- tables ---- */

void spool_table_done(struct spool_table *table)
{
	free(table->memory);
	free(table->names);
	free((void *)table->ids);
	free(table->shapes);
	free(table->in_batch);
	free(table->keys);
	memset(table, 0, sizeof(*table));
}

void spool_table_forget_batch(struct spool_table *table)
{
	uint32_t count = table->source_count + table->shape_count;

	if (count)
		memset(table->in_batch, 0, count * sizeof(*table->in_batch));
}

static int table_sources(struct spool_table *table, struct wire *wire)
{
	uint32_t most = (uint32_t)(wire->end - wire->at) / SOURCE_LEAST;

	table->source_count = wire_number(wire, most);
	table->names = calloc(table->source_count + 1, sizeof(*table->names));
	table->ids = calloc(table->source_count + 1, sizeof(*table->ids));
	if (!table->names || !table->ids)
		return WEIR_ERR_MEMORY;
	for (uint32_t i = 0; i < table->source_count; i++) {
		table->ids[i] = wire_bytes(wire, 16);
		table->names[i] = wire_text(wire);
	}
	return wire->failed || table->source_count == 0 ? WEIR_ERR_INVALID : 0;
}

static int table_shapes(struct spool_table *table, struct wire *wire)
{
	uint32_t most = (uint32_t)(wire->end - wire->at);
	uint32_t keys = 0;

	table->shape_count = wire_number(wire, most < UINT16_MAX ? most : UINT16_MAX);
	table->shapes = calloc(table->shape_count + 1, sizeof(*table->shapes));
	table->keys = calloc(most + 1, sizeof(*table->keys));
	if (!table->shapes || !table->keys)
		return WEIR_ERR_MEMORY;
	for (uint32_t i = 0; i < table->shape_count && !wire->failed; i++) {
		uint32_t count = wire_number(wire, WEIR_SHAPE_KEYS_MAX);

		if (count > (uint64_t)(wire->end - wire->at))
			return WEIR_ERR_INVALID;
		for (uint32_t k = 0; k < count; k++)
			table->keys[keys++] = wire_text(wire);
		table->shapes[i + 1] = keys;
	}
	return wire->failed || table->shape_count == 0 ? WEIR_ERR_INVALID : 0;
}

int spool_table_read(struct spool_table *table, uint32_t first, const uint8_t *payload,
		     uint32_t size)
{
	struct wire wire;
	uint32_t count;
	int status;

	spool_table_done(table);
	if (size < sizeof(count))
		return WEIR_ERR_INVALID;
	table->memory = malloc(size);
	if (!table->memory)
		return WEIR_ERR_MEMORY;
	memcpy(table->memory, payload, size);
	memcpy(&count, payload, sizeof(count));
	table->first = first;
	table->count = le32toh(count);
	wire = (struct wire){table->memory + sizeof(count), table->memory + size, 0};
	status = table_sources(table, &wire);
	if (status == 0)
		status = table_shapes(table, &wire);
	if (status == 0) {
		table->in_batch =
			calloc(table->source_count + table->shape_count, sizeof(*table->in_batch));
		status = table->in_batch ? 0 : WEIR_ERR_MEMORY;
	}
	if (status < 0)
		spool_table_done(table);
	return status;
}

/* ---- records ---- */

static int record_source(const struct spool_sink *sink, struct spool_table *table, uint32_t index,
			 uint32_t *ret_source)
{
	if (!table->in_batch[index]) {
		int64_t in_batch = sink->source(sink->user, sink->batch, table->ids[index],
						table->names[index]);

		if (in_batch < 0)
			return WEIR_ERR_MEMORY;
		table->in_batch[index] = (uint32_t)in_batch + 1;
	}
	*ret_source = table->in_batch[index] - 1;
	return 0;
}

static int record_shape(const struct spool_sink *sink, struct spool_table *table, uint32_t index,
			uint16_t *ret_shape)
{
	uint32_t *in_batch = &table->in_batch[table->source_count + index];
	const struct weir_slice *keys = table->keys + table->shapes[index];

	if (!*in_batch) {
		uint16_t shape;
		int status = batch_shape(sink->batch, keys,
					 table->shapes[index + 1] - table->shapes[index], &shape);

		if (status < 0)
			return status;
		*in_batch = (uint32_t)shape + 1;
	}
	*ret_shape = (uint16_t)(*in_batch - 1);
	return 0;
}

/* Where text of the frame lies in the block. */
static uint64_t block_offset(const struct spool_sink *sink, const void *text)
{
	return (uint64_t)((const uint8_t *)text - sink->batch->blocks[sink->block].data);
}

static void read_text(const struct spool_sink *sink, struct wire *wire, int in_line,
		      const struct weir_record *record, struct weir_value *value)
{
	value->block = sink->block;
	if (in_line) {
		uint32_t offset = wire_number(wire, record->line_length);

		value->length = wire_number(wire, record->line_length - offset);
		value->as.offset = (uint64_t)record->line_offset + offset;
	} else {
		struct weir_slice text = wire_text(wire);

		if (wire->failed)
			return;
		value->length = (uint32_t)text.size;
		value->as.offset = text.size ? block_offset(sink, text.data) : 0;
	}
}

static void read_value(const struct spool_sink *sink, struct wire *wire,
		       const struct weir_record *record, struct weir_value *value)
{
	const uint8_t *head = wire_bytes(wire, 1);

	*value = (struct weir_value){0};
	if (!head)
		return;
	value->tag = *head & 0x0F;
	value->flags = *head >> 4 & (WEIR_VALUE_TEXT | WEIR_VALUE_PLAIN);
	if (value->tag > WEIR_LIST)
		wire->failed = 1;
	else if (weir_value_has_text(value))
		read_text(sink, wire, *head & 0x80, record, value);
	else if (value->tag == WEIR_INT || value->tag == WEIR_BOOL)
		value->as.i64 = wire_unzigzag(wire_varint(wire));
	else if (value->tag == WEIR_DOUBLE || value->tag == WEIR_TIMESTAMP)
		value->as.i64 = (int64_t)wire_fixed64(wire);
}

static void read_fixed(struct wire *wire, struct weir_record *record, struct weir_slice *ret_line)
{
	record->flags = (uint16_t)wire_number(wire, UINT16_MAX) & (uint16_t)~WEIR_RECORD_GONE;
	record->timestamp_ns = (int64_t)wire_fixed64(wire);
	record->position = wire_varint(wire);
	record->span = wire_number(wire, UINT32_MAX);
	record->ordinal = wire_number(wire, UINT32_MAX);
	*ret_line = wire_text(wire);
	record->line_length = (uint32_t)ret_line->size;
}

int spool_record_read(const struct spool_sink *sink, struct spool_table *table,
		      const uint8_t *payload, uint32_t size)
{
	struct wire wire = {payload, payload + size, 0};
	uint32_t source = wire_number(&wire, table->source_count - 1);
	uint32_t shape = wire_number(&wire, table->shape_count - 1);
	uint32_t width = table->shapes[shape + 1] - table->shapes[shape];
	struct weir_record read = {.line_block = sink->block};
	struct weir_record *record;
	struct weir_slice line;
	struct weir_value *row;
	int status;

	read_fixed(&wire, &read, &line);
	if (wire.failed)
		return WEIR_ERR_INVALID;
	if (line.size)
		read.line_offset = (uint32_t)block_offset(sink, line.data);
	status = record_source(sink, table, source, &read.source);
	if (status == 0)
		status = record_shape(sink, table, shape, &read.shape);
	if (status == 0)
		status = batch_reserve(sink->batch, 1, width, 0);
	if (status < 0)
		return status;
	row = width ? weir_batch_row(sink->batch, width, &read.row) : NULL;
	for (uint32_t i = 0; i < width; i++)
		read_value(sink, &wire, &read, &row[i]);
	if (wire.failed || wire.at != wire.end) {
		sink->batch->value_count -= width;
		return WEIR_ERR_INVALID;
	}
	read.capacity = (uint16_t)width;
	record = weir_batch_record(sink->batch);
	*record = read;
	return 0;
}
