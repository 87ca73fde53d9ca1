// SPDX-License-Identifier: MIT
/*
 * Any bytes as what a segment of a disk queue holds: as frames; and, as if their sums were right, as a
 * table and the records that follow it. Nothing may be read beyond the end, and what is taken for a
 * record must lie within its block.
 *
 *   u16 size of the table (little-endian), the table, then records: u16 size and bytes each
 */
#undef NDEBUG /* the checks are the test */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "batch/json.h"
#include "spool/spool_chunk.h"
#include "spool/spool_segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_source_view source = {.struct_size = sizeof(source)};

static void no_relief(void *user)
{
	(void)user;
}

static void no_unref(const struct weir_source_view *view)
{
	(void)view;
}

static int64_t find_source(void *user, struct weir_batch *batch, const uint8_t id[16],
			   struct weir_slice name)
{
	struct buffer copy = {0}; /* looks at every byte */
	uint32_t index;
	int added;

	(void)user;
	assert(buffer_append(&copy, id, 16) == 0);
	assert(buffer_append(&copy, name.data, name.size) == 0);
	buffer_done(&copy);
	assert(batch_add_source(batch_of(batch), &source, &index, &added) == 0);
	return index;
}

static void check_record(const struct weir_batch *batch, const struct weir_record *record)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON};
	const struct weir_block_view *block = &batch->blocks[record->line_block];
	const struct weir_value *row = weir_record_row(batch, record);
	struct weir_slice no_host = {NULL, 0};
	struct buffer json = {0};

	assert((uint64_t)record->line_offset + record->line_length <= block->used);
	for (uint32_t i = 0; i < batch->shapes[record->shape]->count; i++)
		if (weir_value_has_text(&row[i]))
			assert(row[i].as.offset + row[i].length <= block->used);
	assert(json_append_record(&json, batch, record, &spec, no_host) == 0);
	buffer_done(&json);
}

static uint32_t take_size(const uint8_t *data, size_t size, size_t *at)
{
	uint32_t wanted;

	if (size - *at < 2)
		return 0;
	wanted = data[*at] | (uint32_t)data[*at + 1] << 8;
	*at += 2;
	return wanted < size - *at ? wanted : (uint32_t)(size - *at);
}

static void read_records(struct batch *batch, const uint8_t *data, size_t size)
{
	struct spool_sink sink = {.batch = &batch->view, .source = find_source};
	struct spool_table table = {0};
	size_t at = 0;
	uint32_t part = take_size(data, size, &at);
	struct weir_block_view *block;

	if (spool_table_read(&table, 0, data + at, part) < 0)
		return;
	assert(batch_reserve(&batch->view, 0, 0, (uint32_t)size + 1) == 0);
	sink.block = (uint16_t)batch->view.arena_block;
	block = &batch->view.blocks[sink.block];
	memcpy(block->data + block->used, data, size);
	block->used += (uint32_t)size;
	for (at += part; at < size; at += part) {
		uint32_t before = batch->view.record_count;

		part = take_size(data, size, &at);
		if (part == 0)
			continue;
		if (spool_record_read(&sink, &table, batch->view.blocks[sink.block].data + at,
				      part) == 0)
			check_record(&batch->view, &batch->view.records[before]);
		else
			assert(batch->view.record_count == before);
	}
	spool_table_done(&table);
}

static void walk_frames(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct spool_walk walk = {.data = copy, .end = (uint32_t)size, .is_last = 1};
	struct spool_frame frame;

	assert(copy);
	memcpy(copy, data, size);
	while (spool_walk_next(&walk, &frame))
		assert(frame.payload >= copy && frame.payload + frame.size <= copy + size);
	assert(walk.at == size);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct budget budget;
	struct batch_pool pool;
	struct batch *batch;

	if (size == 0)
		return 0;
	budget_init(&budget, 1 << 24, 64 << 10, no_relief, NULL);
	batch_pool_init(&pool, &budget, 16 << 10, no_unref);
	batch = batch_acquire(&pool);
	assert(batch);
	walk_frames(data, size);
	read_records(batch, data, size);
	batch_unref(batch);
	batch_pool_done(&pool);
	return 0;
}
