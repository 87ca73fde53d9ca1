// SPDX-License-Identifier: MIT
/* Writing chunks; spool_record.c reads them. */
#include "spool/spool_chunk.h"

#include <stdlib.h>

#include "spool/spool_frame.h"
#include "spool/spool_wire.h"

/* Varints and fixed numbers of a record beside its line and values. */
#define RECORD_FIXED (8 * WIRE_VARINT_MAX)
#define VALUE_FIXED (1 + 2 * WIRE_VARINT_MAX)

/* A batch with what of it has come into the chunk so far. */
struct build {
	struct spool_chunk *chunk;
	const struct weir_batch *batch;
	uint32_t *sources, *shapes; /* index in the batch -> index in the table, plus 1 */
	uint32_t source_count, shape_count;
	uint64_t table_bytes; /* at most */
};

static int build_begin(struct build *build, struct spool_chunk *chunk,
		       const struct weir_batch *batch)
{
	size_t need = (size_t)batch->source_count + 1 + batch->shape_count;

	if (need > chunk->map_capacity) {
		uint32_t *map = realloc(chunk->map, need * sizeof(*map));

		if (!map)
			return WEIR_ERR_MEMORY;
		chunk->map = map;
		chunk->map_capacity = need;
	}
	memset(chunk->map, 0, need * sizeof(*chunk->map));
	buffer_clear(&chunk->bytes);
	buffer_clear(&chunk->rows);
	chunk->records = 0;
	*build = (struct build){.chunk = chunk,
				.batch = batch,
				.sources = chunk->map,
				.shapes = chunk->map + batch->source_count + 1,
				.table_bytes = 4 + 2 * WIRE_VARINT_MAX};
	return 0;
}

/* A record that a filter made of nothing has a source that is none: one past the last. */
static uint32_t source_of(const struct weir_batch *batch, const struct weir_record *record)
{
	return record->source < batch->source_count ? record->source : batch->source_count;
}

static uint64_t source_bytes(const struct weir_batch *batch, uint32_t source)
{
	return 16 + WIRE_VARINT_MAX +
	       (source < batch->source_count ? batch->sources[source]->name.size : 0);
}

static uint64_t shape_bytes(const struct weir_shape *shape)
{
	uint64_t bytes = WIRE_VARINT_MAX;

	for (uint32_t i = 0; i < shape->count; i++)
		bytes += WIRE_VARINT_MAX + shape->keys[i]->name.size;
	return bytes;
}

/* What a record may add to its chunk's table. */
static uint64_t names_bytes(const struct weir_batch *batch, const struct weir_record *record)
{
	return source_bytes(batch, source_of(batch, record)) +
	       shape_bytes(batch->shapes[record->shape]);
}

/* Sees to it that the table has the record's source and shape. */
static void build_name(struct build *build, const struct weir_record *record)
{
	const struct weir_batch *batch = build->batch;
	uint32_t source = source_of(batch, record);

	if (!build->sources[source]) {
		build->sources[source] = ++build->source_count;
		build->table_bytes += source_bytes(batch, source);
	}
	if (!build->shapes[record->shape]) {
		build->shapes[record->shape] = ++build->shape_count;
		build->table_bytes += shape_bytes(batch->shapes[record->shape]);
	}
}

/* ---- records ---- */

static int value_in_line(const struct weir_record *record, const struct weir_value *value)
{
	return value->block == record->line_block && value->as.offset >= record->line_offset &&
	       value->as.offset + value->length <=
		       (uint64_t)record->line_offset + record->line_length;
}

static uint8_t *put_value(uint8_t *at, const struct weir_batch *batch,
			  const struct weir_record *record, const struct weir_value *value)
{
	uint8_t head = (uint8_t)(value->tag | value->flags << 4);

	if (weir_value_has_text(value)) {
		if (value_in_line(record, value)) {
			*at++ = head | 0x80;
			at = wire_put_varint(at, value->as.offset - record->line_offset);
			return wire_put_varint(at, value->length);
		}
		*at++ = head;
		return wire_put_text(at, weir_value_slice(batch, value));
	}
	*at++ = head;
	if (value->tag == WEIR_INT || value->tag == WEIR_BOOL)
		return wire_put_varint(at, wire_zigzag(value->as.i64));
	if (value->tag == WEIR_DOUBLE || value->tag == WEIR_TIMESTAMP)
		return wire_put64(at, (uint64_t)value->as.i64);
	return at;
}

/* No more than the record will take. */
static uint64_t record_bytes(const struct weir_batch *batch, const struct weir_record *record)
{
	uint32_t count = batch->shapes[record->shape]->count;
	const struct weir_value *row = weir_record_row(batch, record);
	uint64_t bytes = RECORD_FIXED + (uint64_t)record->line_length;

	for (uint32_t i = 0; i < count; i++)
		bytes += VALUE_FIXED +
			 (weir_value_has_text(&row[i]) && !value_in_line(record, &row[i])
				  ? row[i].length
				  : 0);
	return bytes;
}

static int build_record(struct build *build, const struct weir_record *record, uint64_t most)
{
	const struct weir_batch *batch = build->batch;
	struct buffer *rows = &build->chunk->rows;
	uint32_t count = batch->shapes[record->shape]->count;
	const struct weir_value *row = weir_record_row(batch, record);
	uint8_t *frame = (uint8_t *)buffer_reserve(rows, spool_frame_bytes(most));
	uint8_t *at;

	if (!frame)
		return WEIR_ERR_MEMORY;
	build_name(build, record);
	at = frame + SPOOL_FRAME_HEADER;
	at = wire_put_varint(at, build->sources[source_of(batch, record)] - 1);
	at = wire_put_varint(at, build->shapes[record->shape] - 1);
	at = wire_put_varint(at, record->flags);
	at = wire_put64(at, (uint64_t)record->timestamp_ns);
	at = wire_put_varint(at, record->position);
	at = wire_put_varint(at, record->span);
	at = wire_put_varint(at, record->ordinal);
	at = wire_put_text(at, weir_record_line(batch, record));
	for (uint32_t i = 0; i < count; i++)
		at = put_value(at, batch, record, &row[i]);
	spool_frame_open(frame, SPOOL_FRAME_RECORD, (uint32_t)(at - frame) - SPOOL_FRAME_HEADER);
	rows->size += spool_frame_bytes((uint64_t)(at - frame) - SPOOL_FRAME_HEADER);
	build->chunk->records++;
	return 0;
}

/* ---- tables ---- */

static uint8_t *put_source(uint8_t *at, const struct weir_batch *batch, uint32_t index)
{
	static const struct weir_source_view none = {0};
	const struct weir_source_view *source =
		index < batch->source_count ? batch->sources[index] : &none;

	memcpy(at, source->id, sizeof(source->id));
	return wire_put_text(at + sizeof(source->id), source->name);
}

/* The index in the batch of what is the n-th in the table, counted from 1. */
static uint32_t index_of(const uint32_t *map, uint32_t n)
{
	uint32_t index = 0;

	while (map[index] != n)
		index++;
	return index;
}

static uint8_t *put_sources(uint8_t *at, const struct build *build)
{
	at = wire_put_varint(at, build->source_count);
	for (uint32_t n = 1; n <= build->source_count; n++)
		at = put_source(at, build->batch, index_of(build->sources, n));
	return at;
}

static uint8_t *put_shapes(uint8_t *at, const struct build *build)
{
	at = wire_put_varint(at, build->shape_count);
	for (uint32_t n = 1; n <= build->shape_count; n++) {
		const struct weir_shape *shape = build->batch->shapes[index_of(build->shapes, n)];

		at = wire_put_varint(at, shape->count);
		for (uint32_t k = 0; k < shape->count; k++)
			at = wire_put_text(at, shape->keys[k]->name);
	}
	return at;
}

static int build_table(const struct build *build, uint32_t type)
{
	struct buffer *bytes = &build->chunk->bytes;
	uint8_t *frame = (uint8_t *)buffer_reserve(bytes, spool_frame_bytes(build->table_bytes));
	uint32_t records = htole32(build->chunk->records);
	uint8_t *at;

	if (!frame)
		return WEIR_ERR_MEMORY;
	at = frame + SPOOL_FRAME_HEADER;
	memcpy(at, &records, sizeof(records));
	at = put_shapes(put_sources(at + sizeof(records), build), build);
	spool_frame_open(frame, type, (uint32_t)(at - frame) - SPOOL_FRAME_HEADER);
	bytes->size += spool_frame_bytes((uint64_t)(at - frame) - SPOOL_FRAME_HEADER);
	return 0;
}

static int build_end(const struct build *build)
{
	struct spool_chunk *chunk = build->chunk;
	int status = 0;

	if (chunk->records == 0)
		return 0;
	status = build_table(build, SPOOL_FRAME_TABLE);
	if (status == 0)
		status = buffer_append(&chunk->bytes, chunk->rows.data, chunk->rows.size);
	if (status == 0 && chunk->records > 1)
		status = build_table(build, SPOOL_FRAME_AGAIN);
	return status;
}

int spool_chunk_build(struct spool_chunk *chunk, const struct weir_batch *batch,
		      const uint64_t *selected, uint32_t *at, uint64_t record_max,
		      uint32_t *ret_too_large)
{
	struct build build;
	int status = build_begin(&build, chunk, batch);

	*ret_too_large = UINT32_MAX;
	for (; status == 0 && *at < batch->record_count; ++*at) {
		const struct weir_record *record = &batch->records[*at];
		uint64_t most;

		if (!(selected[*at >> 6] >> (*at & 63) & 1))
			continue;
		most = record_bytes(batch, record);
		if (most + 2 * names_bytes(batch, record) > record_max) {
			*ret_too_large = (*at)++;
			break;
		}
		if (chunk->records && chunk->rows.size + most + 2 * build.table_bytes +
						      2 * names_bytes(batch, record) >
					      SPOOL_CHUNK_BYTES)
			break;
		status = build_record(&build, record, most);
	}
	return status == 0 ? build_end(&build) : status;
}

void spool_chunk_done(struct spool_chunk *chunk)
{
	buffer_done(&chunk->bytes);
	buffer_done(&chunk->rows);
	free(chunk->map);
	memset(chunk, 0, sizeof(*chunk));
}
