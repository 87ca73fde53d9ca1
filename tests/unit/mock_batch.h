// SPDX-License-Identifier: MIT
/* Batches of a mock host: their memory, and how a test makes and reads them. */
#ifndef MOCK_BATCH_H
#define MOCK_BATCH_H

#include "mock_model.h"

static inline void mock_block_add(struct weir_batch *batch, uint32_t size)
{
	struct weir_block_view *block;

	batch->blocks = mock_move(batch->blocks, sizeof(*batch->blocks), batch->block_count,
				  batch->block_count + 1);
	block = &batch->blocks[batch->block_count];
	block->data = calloc(1, size + WEIR_BLOCK_PADDING);
	assert(block->data);
	block->size = size;
	block->used = 0;
	batch->arena_block = batch->block_count++;
}

static inline int32_t mock_batch_reserve(struct weir_batch *batch, uint32_t records,
					 uint32_t values, uint32_t text_bytes)
{
	struct mock_host *host = mock_of_batch(batch)->host;
	const struct weir_block_view *arena = NULL;

	host->reserve_calls++;
	if (host->reserve_fails)
		return WEIR_ERR_MEMORY;
	if (!host->roomy || batch->record_capacity - batch->record_count < records) {
		batch->record_capacity = batch->record_count + records;
		batch->records = mock_move(batch->records, sizeof(*batch->records),
					   batch->record_count, batch->record_capacity);
	}
	if (!host->roomy || batch->value_capacity - batch->value_count < values) {
		batch->value_capacity = batch->value_count + values;
		batch->values = mock_move(batch->values, sizeof(*batch->values), batch->value_count,
					  batch->value_capacity);
	}
	if (batch->block_count)
		arena = &batch->blocks[batch->arena_block];
	if (text_bytes && (!arena || arena->size - arena->used < text_bytes))
		mock_block_add(batch, host->roomy && text_bytes < MOCK_BLOCK_MIN ? MOCK_BLOCK_MIN
										 : text_bytes);
	return WEIR_OK;
}

static inline int32_t mock_batch_shape(struct weir_batch *batch, const struct weir_slice *keys,
				       uint32_t count, uint16_t *ret_shape)
{
	struct mock_host *host = mock_of_batch(batch)->host;
	const struct weir_shape *shape = mock_shape(&host->shapes, keys, count);

	host->shape_calls++;
	for (uint32_t i = 0; i < batch->shape_count; i++)
		if (batch->shapes[i] == shape) {
			*ret_shape = (uint16_t)i;
			return WEIR_OK;
		}
	batch->shapes = mock_move(batch->shapes, sizeof(struct weir_shape *), batch->shape_count,
				  batch->shape_count + 1);
	batch->shapes[batch->shape_count] = shape;
	*ret_shape = (uint16_t)batch->shape_count++;
	return WEIR_OK;
}

/* The index of a source in the batch, added if it is new (by its id). */
static inline uint32_t mock_source_index(struct weir_batch *batch,
					 const struct weir_source_view *source)
{
	for (uint32_t i = 0; i < batch->source_count; i++)
		if (memcmp(batch->sources[i]->id, source->id, sizeof(source->id)) == 0)
			return i;
	batch->sources = mock_move(batch->sources, sizeof(struct weir_source_view *),
				   batch->source_count, batch->source_count + 1);
	batch->sources[batch->source_count] = source;
	return batch->source_count++;
}

static inline struct weir_batch *mock_batch_new(struct mock_host *host)
{
	struct mock_batch *made = calloc(1, sizeof(*made));

	assert(made);
	made->host = host;
	made->batch.struct_size = sizeof(made->batch);
	made->batch.read_ns = host->read_ns;
	return &made->batch;
}

/*
 * A batch as an input makes it: one record per line of the text, each with the one field `message`,
 * all slices of one block. `spare` slots follow each row. The positions are those in the text.
 */
static inline struct weir_batch *mock_batch_lines(struct mock_host *host, struct weir_slice text,
						  uint32_t spare)
{
	struct weir_batch *batch = mock_batch_new(host);
	const struct weir_slice key = {"message", 7};
	uint32_t lines = 0;
	uint16_t shape;
	struct weir_value whole = {.tag = WEIR_STRING};
	char *copy;

	for (uint64_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n' || i + 1 == text.size;
	(void)mock_batch_reserve(batch, lines, lines * (1 + spare), (uint32_t)text.size + 1);
	(void)mock_batch_shape(batch, &key, 1, &shape);
	copy = weir_batch_text(batch, (uint32_t)text.size, &whole);
	assert(copy);
	if (text.size)
		memcpy(copy, text.data, text.size);
	for (uint64_t at = 0; at < text.size;) {
		const char *end = memchr(text.data + at, '\n', text.size - at);
		uint64_t length = end ? (uint64_t)(end - text.data) - at : text.size - at;
		struct weir_record *record = weir_batch_record(batch);

		record->shape = shape;
		record->capacity = (uint16_t)(1 + spare);
		record->line_block = whole.block;
		record->line_offset = (uint32_t)(whole.as.offset + at);
		record->line_length = (uint32_t)length;
		record->source = mock_source_index(batch, &host->source);
		record->position = at;
		record->span = (uint32_t)length + (end != NULL);
		*weir_batch_row(batch, record->capacity, &record->row) =
			weir_value_text(WEIR_STRING, 0, record->line_block, record->line_offset,
					record->line_length);
		at += length + 1;
	}
	return batch;
}

/* The text of a record's field; size is UINT64_MAX when it has none or it is no text. */
static inline struct weir_slice mock_field(const struct weir_batch *batch, uint32_t record,
					   const char *name)
{
	const struct weir_value *value =
		weir_record_find(batch, &batch->records[record], weir_slice_of(name));
	struct weir_slice none = {NULL, UINT64_MAX};

	return value && weir_value_has_text(value) ? weir_value_slice(batch, value) : none;
}

/* True when the field is there as text and equals `text`. */
static inline int mock_field_is(const struct weir_batch *batch, uint32_t record, const char *name,
				const char *text)
{
	struct weir_slice found = mock_field(batch, record, name);

	return found.size != UINT64_MAX && weir_slice_equals(found, text);
}

#endif
