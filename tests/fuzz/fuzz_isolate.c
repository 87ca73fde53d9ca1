// SPDX-License-Identifier: MIT
/* Any bytes as what the process of an isolated plugin says and has left in the shared rows: two bytes with the size of
 * the answer's body, the body, and the rows. What is taken in is sound, and what is not leaves the batch as it
 * was. */
#include <stdlib.h>

#include "batch/batch_check.h"
#include "isolate/did.h"
#include "isolate/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS 2
#define BLOCK_BYTES 4096

/* Also where assert() is nothing: much of it is done for what it does. */
static void must(int holds)
{
	if (!holds)
		abort();
}

/* Two records of one field, with the text "line". */
static struct batch *make_batch(struct batch_pool *pool)
{
	static const uint8_t id[16] = {1};
	struct batch *batch = batch_acquire(pool);
	struct weir_slice key = {"a", 1};
	struct source *source = source_ghost(id, (struct weir_slice){"s", 1});
	uint32_t index;
	uint16_t shape = 0;
	int added;

	must(batch != NULL && source != NULL);
	must(batch_add_source(batch, &source->view, &index, &added) == 0);
	must(batch_shape(&batch->view, &key, 1, &shape) == 0);
	must(batch_reserve(&batch->view, RECORDS, RECORDS, 64) == 0);
	for (uint32_t i = 0; i < RECORDS; i++) {
		struct weir_value text = batch_text(&batch->view, (struct weir_slice){"line", 4});
		uint32_t row;
		struct weir_value *values = weir_batch_row(&batch->view, 1, &row);
		struct weir_record *record = weir_batch_record(&batch->view);

		*values = text;
		record->row = row;
		record->shape = shape;
		record->capacity = 1;
		record->line_offset = (uint32_t)text.as.offset;
		record->line_length = text.length;
	}
	return batch;
}

static void merge(struct batch_pool *pool, const struct batch_area *rows, struct weir_slice body)
{
	struct batch *batch = make_batch(pool);
	struct image_merge merge = {.is_new = 0};
	struct parcel parcel = {body.data, body.size, 0, 0};
	uint32_t blocks = batch->view.block_count;
	struct weir_error error;

	if (image_merge(batch, rows, &parcel, &merge, &error) < 0) {
		must(batch->view.record_count == RECORDS && batch->view.block_count == blocks);
		must(memcmp(weir_record_line(&batch->view, &batch->view.records[1]).data, "line",
			    4) == 0);
	}
	must(batch_check(&batch->view, &error) == 0);
	free(merge.rows.records);
	free(merge.rows.values);
	batch_unref(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t body_size = size >= 2 ? (size_t)(data[0] | data[1] << 8) : 0;
	struct batch_area rows = {NULL, 0, 0};
	struct batch_pool pool;
	struct budget budget;
	struct parcel list;
	struct did entry;
	char *body;

	if (size < 2 || body_size > size - 2)
		return 0;
	rows.size = size - 2 - body_size;
	rows.data = aligned_alloc(64, (rows.size + 64) & ~(size_t)63);
	body = malloc(body_size ? body_size : 1);
	must(rows.data != NULL && body != NULL);
	memcpy(body, data + 2, body_size);
	memcpy(rows.data, data + 2 + body_size, rows.size);
	budget_init(&budget, 1 << 20, 64 << 10, NULL, NULL);
	batch_pool_init(&pool, &budget, BLOCK_BYTES, source_unref);
	list = (struct parcel){body, body_size, 0, 0};
	while (did_next(&list, &entry))
		must(entry.texts[0].size <= body_size);
	merge(&pool, &rows, (struct weir_slice){body, body_size});
	batch_pool_done(&pool);
	free(rows.data);
	free(body);
	return 0;
}
