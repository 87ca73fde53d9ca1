// SPDX-License-Identifier: MIT
#include "isolate/image.h"

#include <stdlib.h>
#include <weir/plugin.h>

#include "batch/batch_check.h"

/* Records and values that a plugin may add before the rows have to move: address space only. */
#define SPARE_RECORDS 256u
#define SPARE_VALUES_PER_RECORD 24u
#define FIRST_ROOM 256u

/* Flags that only the host gives, by what the plugin asks for. */
#define HOST_FLAGS (WEIR_RECORD_DEAD | WEIR_RECORD_HELD)

/* Behind the values, so that they grow where they are. */
static uint64_t spare_values(uint64_t records)
{
	return (records + SPARE_RECORDS) * SPARE_VALUES_PER_RECORD;
}

/* ---- out of the agent ---- */

static int put_shape(struct buffer *out, const struct weir_shape *shape)
{
	int failed = parcel_put(out, shape->count);

	for (uint32_t i = 0; i < shape->count; i++)
		failed |= parcel_put_text(out, shape->keys[i]->name);
	return failed;
}

int image_head(const struct weir_batch *view, struct buffer *out)
{
	int failed;

	buffer_clear(out);
	failed = parcel_put(out, view->record_count) | parcel_put(out, view->value_count) |
		 parcel_put(out, (uint64_t)view->read_ns) | parcel_put(out, view->block_count);

	for (uint32_t i = 0; i < view->block_count; i++)
		failed |= parcel_put(out, view->blocks[i].used);
	failed |= parcel_put(out, view->shape_count);
	for (uint32_t i = 0; i < view->shape_count; i++)
		failed |= put_shape(out, view->shapes[i]);
	failed |= parcel_put(out, view->source_count);
	for (uint32_t i = 0; i < view->source_count; i++)
		failed |= buffer_append(out, view->sources[i]->id, 16) |
			  parcel_put_text(out, view->sources[i]->name);
	return failed ? WEIR_ERR_MEMORY : 0;
}

static int put_area(struct batch_area *area, const void *bytes, uint64_t size, uint64_t padding)
{
	void *to = batch_area_take(area, size + padding);

	if (!to)
		return WEIR_ERR_MEMORY;
	if (size)
		memcpy(to, bytes, size);
	return 0;
}

uint64_t image_size(const struct weir_batch *view, uint64_t head_bytes)
{
	uint64_t size = head_bytes + 64 + 64 + view->record_count * sizeof(*view->records) + 64 +
			view->value_count * sizeof(*view->values);

	for (uint32_t i = 0; i < view->block_count; i++)
		size += view->blocks[i].used + WEIR_BLOCK_PADDING + 64;
	return size;
}

int image_write(const struct weir_batch *view, struct batch_area *text, struct batch_area *rows,
		struct buffer *scratch, uint64_t *ret_head)
{
	int status;

	status = image_head(view, scratch);
	*ret_head = scratch->size;
	if (status == 0)
		status = put_area(text, scratch->data, scratch->size, 0);
	for (uint32_t i = 0; status == 0 && i < view->block_count; i++)
		status = put_area(text, view->blocks[i].data, view->blocks[i].used,
				  WEIR_BLOCK_PADDING);
	if (status == 0)
		status = put_area(rows, view->records, view->record_count * sizeof(*view->records),
				  0);
	if (status == 0)
		status = put_area(rows, view->values, view->value_count * sizeof(*view->values), 0);
	if (status == 0 && rows != text &&
	    !batch_area_take(rows, spare_values(view->record_count) * sizeof(*view->values)))
		status = WEIR_ERR_MEMORY;
	return status;
}

/* ---- in the process of the plugin ---- */

static int get_shape(struct batch *batch, struct parcel *head, uint32_t wanted)
{
	uint64_t count = parcel_get_at_most(head, WEIR_SHAPE_KEYS_MAX);
	struct weir_slice *keys = calloc(count ? count : 1, sizeof(*keys));
	uint16_t index = 0;
	int status = keys ? 0 : WEIR_ERR_MEMORY;

	for (uint64_t i = 0; keys && i < count; i++)
		keys[i] = parcel_text(head);
	if (status == 0)
		status = head->failed ? WEIR_ERR_INVALID
				      : batch_shape(&batch->view, keys, (uint32_t)count, &index);
	free(keys);
	return status == 0 && index != wanted ? WEIR_ERR_INVALID : status;
}

static int get_source(struct batch *batch, struct parcel *head)
{
	const uint8_t *id = parcel_bytes(head, 16);
	struct weir_slice name = parcel_text(head);
	struct source *source = id ? source_ghost(id, name) : NULL;
	uint32_t index;
	int added;

	if (!source)
		return WEIR_ERR_MEMORY;
	if (batch_add_source(batch, &source->view, &index, &added) == 0)
		return 0;
	source_unref(&source->view);
	return WEIR_ERR_MEMORY;
}

/* The next piece of an area that was filled by put_area(). */
static void *next_piece(const struct batch_area *area, uint64_t *at, uint64_t size)
{
	void *piece = area->data + *at;

	*at += (size + 63) & ~UINT64_C(63);
	return *at <= area->size ? piece : NULL;
}

static int get_blocks(struct batch *batch, struct parcel *head, const struct batch_area *text,
		      uint64_t *at, const struct batch_rows *rows)
{
	uint64_t count = parcel_get_at_most(head, WEIR_BATCH_BLOCKS_MAX);
	struct weir_block_view *blocks = calloc(count ? count : 1, sizeof(*blocks));
	int status = blocks ? 0 : WEIR_ERR_MEMORY;

	for (uint64_t i = 0; blocks && i < count; i++) {
		uint32_t used = (uint32_t)parcel_get(head);

		blocks[i] = (struct weir_block_view){
			next_piece(text, at, (uint64_t)used + WEIR_BLOCK_PADDING), used, used};
		if (!blocks[i].data)
			status = WEIR_ERR_INVALID;
	}
	if (status == 0)
		status = batch_adopt(batch, blocks, (uint32_t)count, rows);
	free(blocks);
	return status;
}

static int get_rows(const struct batch_area *rows, uint64_t *at, int spare, struct batch_rows *got)
{
	got->records = next_piece(rows, at, got->record_count * sizeof(*got->records));
	got->values = next_piece(rows, at, got->value_count * sizeof(*got->values));
	if (!got->records || !got->values)
		return WEIR_ERR_INVALID;
	got->record_capacity = got->record_count;
	got->value_capacity = got->value_count;
	if (spare)
		got->value_capacity += (uint32_t)spare_values(got->record_count);
	return 0;
}

int image_read(struct batch *batch, const struct batch_area *text, const struct batch_area *rows,
	       uint64_t head_size)
{
	struct parcel head = {(const char *)text->data, head_size, 0, 0};
	uint64_t text_at = (head_size + 63) & ~UINT64_C(63), rows_at = 0;
	struct batch_rows got = {0};
	int status;

	got.record_count = (uint32_t)parcel_get(&head);
	got.value_count = (uint32_t)parcel_get(&head);
	batch->view.read_ns = (int64_t)parcel_get(&head);
	if (text->data == rows->data) { /* the rows lie behind the text: it is skipped first */
		struct parcel ahead = head;
		uint64_t count = parcel_get(&ahead);

		rows_at = text_at;
		for (uint64_t i = 0; i < count && !ahead.failed; i++)
			next_piece(text, &rows_at, parcel_get(&ahead) + WEIR_BLOCK_PADDING);
	}
	status = get_rows(rows, &rows_at, text->data != rows->data, &got);
	if (status == 0)
		status = get_blocks(batch, &head, text, &text_at, &got);
	for (uint64_t i = 0, count = parcel_get(&head); status == 0 && i < count; i++)
		status = get_shape(batch, &head, (uint32_t)i);
	for (uint64_t i = 0, count = parcel_get(&head); status == 0 && i < count; i++)
		status = get_source(batch, &head);
	return status == 0 && head.failed ? WEIR_ERR_INVALID : status;
}

static uint64_t offset_of(const struct batch_area *area, const void *at)
{
	return (uint64_t)((const uint8_t *)at - area->data);
}

int image_describe(const struct batch *batch, const struct batch_area *rows, uint32_t first_block,
		   uint32_t first_shape, struct buffer *out)
{
	const struct weir_batch *view = &batch->view;
	uint32_t blocks = view->block_count;
	int failed;

	while (blocks > first_block && view->blocks[blocks - 1].used == 0)
		blocks--;
	failed = parcel_put(out, view->record_count) | parcel_put(out, view->value_count) |
		 parcel_put(out, view->record_count ? offset_of(rows, view->records) : 0) |
		 parcel_put(out, view->value_count ? offset_of(rows, view->values) : 0) |
		 parcel_put(out, blocks > first_block ? blocks - first_block : 0);
	for (uint32_t i = first_block; i < blocks; i++)
		failed |= parcel_put(out, offset_of(rows, view->blocks[i].data)) |
			  parcel_put(out, view->blocks[i].used);
	failed |= parcel_put(out, view->shape_count - first_shape);
	for (uint32_t i = first_shape; i < view->shape_count; i++)
		failed |= put_shape(out, view->shapes[i]);
	return failed ? WEIR_ERR_MEMORY : 0;
}

/* ---- back in the agent ---- */

/* `count` things of that size in the shared rows, or NULL. */
static const void *within(const struct batch_area *rows, uint64_t offset, uint64_t count,
			  uint64_t size)
{
	if (offset % 8 || offset > rows->size || count > (rows->size - offset) / size)
		return NULL;
	return rows->data + offset;
}

/* Places may be named twice, and much of the area be empty: what is copied is bounded by itself. */
static int take_room(uint64_t *room, uint64_t bytes)
{
	if (bytes > *room)
		return WEIR_ERR_INVALID;
	*room -= bytes;
	return 0;
}

static int room(void *array, uint32_t *capacity, uint32_t need, size_t size)
{
	uint32_t wanted;
	void *grown;

	if (need <= *capacity)
		return 0;
	wanted = batch_capacity(*capacity, need, FIRST_ROOM);
	if (!wanted)
		return WEIR_ERR_MEMORY;
	memcpy(&grown, array, sizeof(grown));
	free(grown); /* what was in it does not matter */
	grown = malloc((size_t)wanted * size);
	memcpy(array, &grown, sizeof(grown));
	*capacity = grown ? wanted : 0;
	return grown ? 0 : WEIR_ERR_MEMORY;
}

static int copy_rows(const struct batch_area *shared, struct parcel *body,
		     struct image_merge *merge)
{
	struct batch_rows *rows = &merge->rows;
	uint64_t records = parcel_get_at_most(body, UINT32_MAX);
	uint64_t values = parcel_get_at_most(body, UINT32_MAX);
	const void *from_records =
		within(shared, parcel_get(body), records, sizeof(struct weir_record));
	const void *from_values =
		within(shared, parcel_get(body), values, sizeof(struct weir_value));

	if (body->failed || !from_records || !from_values ||
	    take_room(merge->room, records * sizeof(struct weir_record) +
					   values * sizeof(struct weir_value)) < 0)
		return WEIR_ERR_INVALID;
	if (room(&rows->records, &rows->record_capacity, (uint32_t)records,
		 sizeof(*rows->records)) < 0 ||
	    room(&rows->values, &rows->value_capacity, (uint32_t)values, sizeof(*rows->values)) < 0)
		return WEIR_ERR_MEMORY;
	if (records)
		memcpy(rows->records, from_records, records * sizeof(*rows->records));
	if (values)
		memcpy(rows->values, from_values, values * sizeof(*rows->values));
	rows->record_count = (uint32_t)records;
	rows->value_count = (uint32_t)values;
	return 0;
}

static int copy_first_block(struct weir_block_view *block, const void *text, uint64_t size)
{
	if (size > block->size)
		return WEIR_ERR_INVALID;
	memcpy(block->data, text, size);
	block->used = (uint32_t)size;
	return 0;
}

static int copy_blocks(struct batch *batch, const struct batch_area *shared, struct parcel *body,
		       const struct image_merge *merge)
{
	int status = 0;

	uint64_t count = parcel_get_at_most(body, WEIR_BATCH_BLOCKS_MAX);

	for (uint64_t i = 0; i < count && status == 0; i++) {
		uint64_t offset = parcel_get(body);
		uint64_t size = parcel_get_at_most(body, UINT32_MAX - WEIR_BLOCK_PADDING - 64);
		const void *text = within(shared, offset, size, 1);

		if (body->failed || !text ||
		    take_room(merge->room,
			      size + WEIR_BLOCK_PADDING + sizeof(struct weir_block_view)) < 0)
			return WEIR_ERR_INVALID;
		status = merge->is_new && i == 0
				 ? copy_first_block(&batch->view.blocks[0], text, size)
				 : batch_append_block(batch, text, (uint32_t)size);
	}
	return status;
}

static int copy_shapes(struct batch *batch, struct parcel *body)
{
	uint64_t count = parcel_get_at_most(body, UINT16_MAX);
	int status = 0;

	for (uint64_t i = 0; i < count && status == 0 && !body->failed; i++)
		status = get_shape(batch, body, batch->view.shape_count);
	return body->failed ? WEIR_ERR_INVALID : status;
}

/* Flags of the host's stay as they were, what is dropped stays so, and so do records that the plugin was not to
 * see. */
static void keep_own(const struct weir_batch *view, const struct image_merge *merge)
{
	struct weir_record *records = merge->rows.records;

	for (uint32_t i = 0; i < merge->rows.record_count; i++) {
		uint16_t before = i < view->record_count ? view->records[i].flags : 0;

		records[i].flags = (uint16_t)((records[i].flags & ~HOST_FLAGS) |
					      (before & (HOST_FLAGS | WEIR_RECORD_DROPPED)));
		if (image_is_aside(merge, i))
			records[i] = view->records[i];
	}
}

/* No text reaches into what is free of a block: there lies what others have left. */
static struct weir_block_view *used_blocks(const struct weir_batch *view)
{
	struct weir_block_view *blocks = malloc((view->block_count + 1) * sizeof(*blocks));

	for (uint32_t i = 0; blocks && i < view->block_count; i++) {
		blocks[i] = view->blocks[i];
		blocks[i].size = blocks[i].used;
	}
	return blocks;
}

/* Many records may have the same row, and many values the same text: what there is to look at, and to write, is
 * bounded by itself. Shapes are looked at elsewhere. */
static int take_values(const struct weir_batch *view, const struct image_merge *merge)
{
	for (uint32_t i = 0; i < view->record_count; i++) {
		uint16_t shape = view->records[i].shape;
		uint64_t keys = shape < view->shape_count ? view->shapes[shape]->count : 0;

		if (take_room(merge->text, keys * sizeof(*view->values)) < 0)
			return WEIR_ERR_INVALID;
	}
	return 0;
}

/* Where a value has no text, its length is nothing that anybody may go by. */
static uint64_t take_text(struct weir_value *value)
{
	if (!weir_value_has_text(value))
		value->length = 0;
	return value->length;
}

static int take_texts(const struct weir_batch *view, const struct image_merge *merge)
{
	for (uint32_t i = 0; i < view->record_count; i++) {
		const struct weir_record *record = &view->records[i];
		uint64_t bytes = record->line_length;

		for (uint32_t k = 0; k < view->shapes[record->shape]->count; k++)
			bytes += take_text(&view->values[record->row + k]);
		if (take_room(merge->text, bytes) < 0)
			return WEIR_ERR_INVALID;
	}
	return 0;
}

static int check_view(const struct weir_batch *view, const struct image_merge *merge,
		      struct weir_error *error)
{
	int status = take_values(view, merge);

	if (status == 0 && batch_check(view, error) < 0)
		return error->code;
	if (status == 0)
		status = take_texts(view, merge);
	return status == 0
		       ? 0
		       : weir_fail(error, status, "its records have more than there is room for");
}

static int check_rows(const struct batch *batch, const struct image_merge *merge,
		      struct weir_error *error)
{
	struct weir_batch view = batch->view;
	int status;

	if (merge->rows.record_count < view.record_count ||
	    merge->rows.value_count < view.value_count)
		return weir_fail(error, WEIR_ERR_INVALID, "it has taken records out of the batch");
	keep_own(&view, merge);
	view.records = merge->rows.records;
	view.values = merge->rows.values;
	view.record_count = merge->rows.record_count;
	view.value_count = merge->rows.value_count;
	view.record_capacity = merge->rows.record_capacity;
	view.value_capacity = merge->rows.value_capacity;
	view.source_count += merge->sources;
	view.blocks = used_blocks(&view);
	if (!view.blocks)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the batch");
	status = check_view(&view, merge, error);
	free(view.blocks);
	return status;
}

int image_merge(struct batch *batch, const struct batch_area *rows, struct parcel *body,
		struct image_merge *merge, struct weir_error *error)
{
	uint32_t blocks = batch->view.block_count;
	int status = copy_rows(rows, body, merge);

	if (status == 0)
		status = copy_blocks(batch, rows, body, merge);
	if (status == 0)
		status = copy_shapes(batch, body);
	if (status == WEIR_ERR_INVALID)
		weir_fail(error, status, "what it says of the batch makes no sense");
	else if (status < 0)
		weir_fail(error, status, "no memory for the batch");
	if (status == 0)
		status = check_rows(batch, merge, error);
	if (status < 0) {
		batch_drop_blocks(batch, blocks);
		return status;
	}
	batch_exchange_rows(batch, &merge->rows);
	return 0;
}
