// SPDX-License-Identifier: MIT
/*
 * A plain file is read from a little before the offset: those bytes must be the ones that were read
 * last time, or the file was truncated and has grown again past the offset meanwhile.
 */
#include "fill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compressed.h"
#include "encoding.h"

/* Room for `size` bytes in one block; sets block and base. */
static uint8_t *block_room(struct fill *fill, uint32_t size)
{
	struct weir_batch *batch = fill->mark.batch;
	struct weir_block_view *block = &batch->blocks[batch->arena_block];

	if (block->size - block->used < size) {
		if (fill->mark.catalog->host->batch_reserve(batch, 0, 0, size) < 0)
			return NULL;
		block = &batch->blocks[batch->arena_block];
	}
	fill->mark.block = (uint16_t)batch->arena_block;
	fill->mark.base = block->used;
	return block->data + block->used;
}

static int no_memory(struct weir_error *error, uint32_t size)
{
	return weir_fail(error, WEIR_ERR_MEMORY,
			 "no room for %u bytes of a file; raise memory_limit, or lower max_line",
			 size);
}

static void set_text(struct fill *fill, uint32_t before, uint32_t size)
{
	fill->guard = before;
	fill->mark.base += before;
	fill->mark.size = size;
	fill->mark.position = fill->mark.file->offset;
	fill->raw_size = size;
	fill->skipped = 0;
}

/* A byte order mark of UTF-8 is no text. */
static void skip_mark(struct fill *fill)
{
	const uint8_t *text = fill->mark.batch->blocks[fill->mark.block].data + fill->mark.base;
	uint32_t size;

	if (fill->mark.file->offset != 0 ||
	    encoding_of_mark(text, fill->mark.size, &size) != ENCODING_UTF8)
		return;
	fill->skipped = size;
	fill->mark.base += size;
	fill->mark.size -= size;
	fill->mark.position += size;
}

static int fill_plain(struct fill *fill, struct weir_error *error)
{
	struct file *file = fill->mark.file;
	uint32_t guard = file->guard_size;
	uint32_t want = guard + fill->want;
	uint64_t left = fill->size - (file->offset - guard);
	uint8_t *text;
	int64_t got;

	/* To the end and no further: that there is no more need not be read. */
	if (left < want && !file->copied)
		want = (uint32_t)left;
	text = block_room(fill, want);
	if (!text)
		return no_memory(error, want);
	got = file_read_at(&file->fd, text, want, file->offset - guard);
	if (got < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't read: %s", strerror(errno));
	fill->at_end = got < want || (uint64_t)got == left;
	if (got < guard && file->copied) {
		set_text(fill, 0, 0);
		return FILL_TEXT;
	}
	if (got < guard || !file_guard_holds(file, text))
		return FILL_TRUNCATED;
	set_text(fill, guard, (uint32_t)got - guard);
	skip_mark(fill);
	return FILL_TEXT;
}

static int fill_compressed(struct fill *fill, struct weir_error *error)
{
	struct file *file = fill->mark.file;
	uint8_t *text = block_room(fill, fill->want);
	int64_t got;

	if (!text)
		return no_memory(error, fill->want);
	got = compressed_read_at(file->compressed, text, fill->want, file->offset);
	if (got < 0)
		return no_memory(error, fill->want);
	fill->at_end = got < fill->want;
	set_text(fill, 0, (uint32_t)got);
	skip_mark(fill);
	return FILL_TEXT;
}

/* Converts raw text into the block. */
static int convert(struct fill *fill, const uint8_t *raw, uint32_t size, struct weir_error *error)
{
	struct file *file = fill->mark.file;
	uint32_t room = size / 2 * ENCODING_GROWTH;
	uint8_t *text = block_room(fill, room);
	uint32_t mark = 0, used, written;

	if (!text)
		return no_memory(error, room);
	if (file->offset == 0 && encoding_of_mark(raw, size, &mark) <= ENCODING_UTF8)
		mark = 0;
	written = encoding_from_utf16(raw + mark, size - mark, file->encoding == FILE_UTF16BE,
				      fill->at_end && fill->mark.take_rest, text, &used);
	set_text(fill, 0, written);
	fill->skipped = mark;
	fill->raw_size = mark + used;
	return FILL_TEXT;
}

static int guard_holds(struct file *file)
{
	uint8_t now[IDENTITY_TAIL_MAX];

	return file->compressed || file->copied ||
	       (file_read_at(&file->fd, now, file->guard_size, file->offset - file->guard_size) ==
			file->guard_size &&
		file_guard_holds(file, now));
}

static int fill_utf16(struct fill *fill, struct weir_error *error)
{
	struct file *file = fill->mark.file;
	uint8_t *raw = malloc(fill->want);
	int64_t got = -1;
	int status;

	if (!raw)
		return no_memory(error, fill->want);
	if (!guard_holds(file)) {
		free(raw);
		return FILL_TRUNCATED;
	}
	got = file_read_text(file, raw, fill->want, file->offset);
	fill->at_end = got < fill->want;
	status = got < 0 ? weir_fail(error, WEIR_ERR_IO, "can't read: %s", strerror(errno))
			 : convert(fill, raw, (uint32_t)got, error);
	free(raw);
	return status;
}

int fill_text(struct fill *fill, struct weir_error *error)
{
	fill->first_record = fill->mark.batch->record_count;
	if (fill->mark.file->encoding != FILE_UTF8)
		return fill_utf16(fill, error);
	return fill->mark.file->compressed ? fill_compressed(fill, error) : fill_plain(fill, error);
}

/* Positions in the converted text become positions in the file. Records are in order. */
static void map_utf16(struct fill *fill)
{
	struct weir_batch *batch = fill->mark.batch;
	const uint8_t *data = batch->blocks[fill->mark.block].data;
	uint32_t at = fill->mark.base;
	uint64_t position = fill->mark.position + fill->skipped;

	for (uint32_t i = fill->first_record; i < batch->record_count; i++) {
		struct weir_record *record = &batch->records[i];

		position += encoding_utf16_size(data + at, record->line_offset - at);
		at = record->line_offset;
		record->position = position;
		record->span = (uint32_t)encoding_utf16_size(data + at, record->span);
	}
	position += encoding_utf16_size(data + at, fill->mark.base + fill->mark.consumed - at);
	if (fill->mark.consumed)
		fill->mark.file->offset = position;
}

static void settle_guard(struct fill *fill)
{
	struct file *file = fill->mark.file;
	const uint8_t *data = fill->mark.batch->blocks[fill->mark.block].data;
	uint32_t before = fill->guard + fill->skipped + fill->mark.consumed;
	uint32_t size = before < IDENTITY_TAIL_MAX ? before : IDENTITY_TAIL_MAX;

	file_set_guard(file, data + fill->mark.base + fill->mark.consumed - size, size);
}

void fill_settle(struct fill *fill)
{
	struct weir_batch *batch = fill->mark.batch;
	struct file *file = fill->mark.file;

	batch->blocks[fill->mark.block].used = fill->mark.base + fill->mark.consumed;
	if (file->encoding != FILE_UTF8) {
		map_utf16(fill);
		(void)file_take_guard(file, file_read_text, file);
	} else if (fill->mark.consumed) {
		settle_guard(fill);
		file->offset = fill->mark.position + fill->mark.consumed;
	}
	if (fill->mark.consumed)
		file->scanned = file->offset;
	batch->range_end = file->offset;
}
