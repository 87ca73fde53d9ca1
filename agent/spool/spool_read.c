// SPDX-License-Identifier: MIT
/*
 * The reader's side of a disk queue. A piece of a segment is read into the batch's own block, and the
 * records' texts stay where they are in it. A batch ends between two chunks, so that a position never
 * lies within one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "batch/batch.h"
#include "spool/spool_internal.h"

/* An unreadable place of a disk costs that much of the segment. */
#define SECTOR_BYTES 4096u

/* What there is to read of a segment. */
struct span {
	struct spool_segment segment;
	uint32_t end; /* offset up to which it can be read */
	int is_final; /* nothing more comes into it */
};

/* A piece of it in the batch's block. */
struct window {
	uint8_t *data;
	uint32_t start, end; /* offsets in the segment */
	int is_last;
};

/* The segment at the read position, which moves to its beginning; 0 when there is none yet. */
static int find_span(struct spool *spool, struct span *ret_span)
{
	uint32_t number = spool_position_segment(spool->read);
	uint32_t i = 0;
	int found = 0;

	pthread_mutex_lock(&spool->lock);
	while (i < spool->count && spool->segments[i].number < number)
		i++;
	if (i < spool->count &&
	    spool->segments[i].number <= spool_position_segment(spool->visible)) {
		ret_span->segment = spool->segments[i];
		ret_span->is_final =
			spool->segments[i].number < spool_position_segment(spool->visible);
		ret_span->end = ret_span->is_final ? (uint32_t)spool->segments[i].size
						   : spool_position_offset(spool->visible);
		found = 1;
	}
	pthread_mutex_unlock(&spool->lock);
	if (found && ret_span->segment.number > number) {
		spool->read = spool_position(ret_span->segment.number, 0);
		spool->expected = 0;
		spool_table_done(&spool->table);
	}
	return found;
}

static int open_span(struct spool *spool, const struct span *span, struct weir_error *error)
{
	char name[SPOOL_SEGMENT_NAME_SIZE];

	if (spool->read_fd >= 0 && spool->read_number == span->segment.number)
		return 0;
	if (spool->read_fd >= 0)
		close(spool->read_fd);
	spool_segment_name(&span->segment, name);
	spool->read_fd = openat(spool->folder_fd, name, O_RDONLY | O_CLOEXEC);
	spool->read_number = span->segment.number;
	/* One that was taken away is damaged from end to end. */
	if (spool->read_fd < 0 && errno != ENOENT)
		return weir_fail(error, WEIR_ERR_IO, "can't open its segment %s: %s", name,
				 strerror(errno));
	return 0;
}

/* Reads it all; what the disk can't give and what is not there is zeros, which are no frame. */
static void read_fully(int fd, uint8_t *data, uint32_t size, uint32_t offset)
{
	uint32_t got = 0;
	uint32_t step = size;

	while (got < size) {
		uint32_t want = size - got < step ? size - got : step;
		ssize_t more = pread(fd, data + got, want, (off_t)offset + got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0 && step > SECTOR_BYTES) {
			step = SECTOR_BYTES;
			continue;
		}
		if (more <= 0) {
			memset(data + got, 0, want);
			more = want;
		}
		got += (uint32_t)more;
	}
}

static int window_read(struct spool *spool, struct weir_batch *batch, const struct span *span,
		       uint32_t size, struct window *ret_window, struct weir_error *error)
{
	uint32_t start = spool_position_offset(spool->read);
	struct weir_block_view *block;

	if (size >= span->end - start)
		size = span->end - start;
	else
		size &= ~(SPOOL_FRAME_ALIGN - 1);
	if (batch_reserve(batch, 0, 0, size) < 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to read %u bytes of it", size);
	block = &batch->blocks[batch->arena_block];
	*ret_window = (struct window){block->data + block->used, start, start + size,
				      start + size == span->end};
	read_fully(spool->read_fd, ret_window->data, size, start);
	return 0;
}

static int add_frame(struct spool *spool, const struct spool_frame *frame)
{
	uint32_t capacity = spool->frame_capacity ? spool->frame_capacity * 2 : 256;

	if (spool->frame_count == spool->frame_capacity) {
		struct spool_frame *grown =
			realloc(spool->frames, capacity * sizeof(*spool->frames));

		if (!grown)
			return WEIR_ERR_MEMORY;
		spool->frames = grown;
		spool->frame_capacity = capacity;
	}
	spool->frames[spool->frame_count++] = *frame;
	return 0;
}

/* Finds the window's frames. *ret_cut is where the last chunk begins that may go on behind it; or the
 * window's start, when it is too small to tell. */
static int window_walk(struct spool *spool, const struct window *window, const struct span *span,
		       uint32_t *ret_cut, struct spool_damage *damage)
{
	struct spool_walk walk = {.data = window->data,
				  .start = window->start,
				  .at = window->start,
				  .end = window->end,
				  .salt = span->segment.salt,
				  .is_last = window->is_last};
	struct spool_frame frame;
	uint32_t kept = 0;
	int records = 0;
	uint64_t skipped = 0;
	int more;

	spool->frame_count = 0;
	*ret_cut = window->start;
	do {
		more = spool_walk_next(&walk, &frame);
		/* What lies behind the last frame of all was never finished. */
		skipped += more || !window->is_last ? walk.skipped : 0;
		if (!more)
			break;
		if (frame.type == SPOOL_FRAME_TABLE && frame.offset > window->start) {
			*ret_cut = frame.offset;
			kept = spool->frame_count;
			damage->bytes += skipped;
			skipped = 0;
		}
		records += frame.type == SPOOL_FRAME_RECORD;
		if (add_frame(spool, &frame) < 0)
			return WEIR_ERR_MEMORY;
	} while (more);
	if (window->is_last || (records == 0 && *ret_cut == window->start)) {
		*ret_cut = walk.at;
		kept = spool->frame_count;
		damage->bytes += skipped;
	}
	spool->frame_count = kept;
	return 0;
}

/* ---- records ---- */

static void count_missing(struct spool *spool, uint32_t number, struct spool_damage *damage)
{
	if (spool->expected != SPOOL_EXPECT_ANY && number > spool->expected)
		damage->records += number - spool->expected;
	if (spool->expected == SPOOL_EXPECT_ANY || number > spool->expected)
		spool->expected = number;
}

static int table_is_for(const struct spool_table *table, uint32_t number)
{
	return number >= table->first && number - table->first < table->count;
}

/* The table for a record whose own is damaged: the one at the end of its chunk. */
static int table_again(struct spool *spool, uint32_t frame, uint32_t number)
{
	for (; frame < spool->frame_count; frame++) {
		const struct spool_frame *found = &spool->frames[frame];

		if (found->type == SPOOL_FRAME_AGAIN && found->number <= number)
			return spool_table_read(&spool->table, found->number, found->payload,
						found->size);
	}
	return WEIR_ERR_INVALID;
}

static int take_record(struct spool *spool, const struct spool_sink *sink, uint32_t index,
		       struct spool_damage *damage)
{
	const struct spool_frame *frame = &spool->frames[index];
	int status = 0;

	count_missing(spool, frame->number, damage);
	spool->expected = frame->number + 1;
	if (!table_is_for(&spool->table, frame->number))
		status = table_again(spool, index + 1, frame->number);
	if (status == 0 && !table_is_for(&spool->table, frame->number))
		status = WEIR_ERR_INVALID;
	if (status == 0)
		status = spool_record_read(sink, &spool->table, frame->payload, frame->size);
	if (status == WEIR_ERR_MEMORY)
		return status;
	damage->records += status < 0;
	return 0;
}

static int take_frame(struct spool *spool, const struct spool_sink *sink, uint32_t index,
		      struct spool_damage *damage, struct weir_error *error)
{
	const struct spool_frame *frame = &spool->frames[index];

	switch (frame->type) {
	case SPOOL_FRAME_HEAD:
		if (frame->number > SPOOL_FORMAT_VERSION)
			return weir_fail(error, WEIR_ERR_REFUSED,
					 "it was written by a newer weir (format %u, this one "
					 "knows %d): install that version again",
					 frame->number, SPOOL_FORMAT_VERSION);
		return 0;
	case SPOOL_FRAME_TABLE:
		count_missing(spool, frame->number, damage);
		return spool_table_read(&spool->table, frame->number, frame->payload,
					frame->size) == WEIR_ERR_MEMORY
			       ? WEIR_ERR_MEMORY
			       : 0;
	case SPOOL_FRAME_RECORD:
		return take_record(spool, sink, index, damage);
	case SPOOL_FRAME_AGAIN:
		if (table_again(spool, index, frame->number) == 0)
			count_missing(spool, spool->table.first + spool->table.count, damage);
		return 0;
	default:
		count_missing(spool, frame->number, damage);
		return 0;
	}
}

static int take_frames(struct spool *spool, const struct spool_sink *sink,
		       struct spool_damage *damage, struct weir_error *error)
{
	uint32_t expected = spool->expected;
	int status = 0;

	spool_table_forget_batch(&spool->table);
	for (uint32_t i = 0; status == 0 && i < spool->frame_count; i++)
		status = take_frame(spool, sink, i, damage, error);
	if (status < 0)
		spool->expected = expected; /* all of it is read again */
	if (status == WEIR_ERR_MEMORY)
		return weir_fail(error, status, "no memory for records of it");
	return status;
}

static int read_span(struct spool *spool, struct spool_sink *sink, const struct span *span,
		     struct spool_damage *damage, struct weir_error *error)
{
	struct weir_batch *batch = sink->batch;
	uint32_t size = batch->blocks[batch->arena_block].size;
	struct spool_damage found = {0};
	struct window window;
	uint32_t cut;
	int status;

	do {
		found = (struct spool_damage){.position = spool->read};
		status = window_read(spool, batch, span, size, &window, error);
		if (status == 0 && window_walk(spool, &window, span, &cut, &found) < 0)
			status = weir_fail(error, WEIR_ERR_MEMORY, "no memory to read it");
		if (status < 0)
			return status;
		size *= 2;
	} while (cut == window.start && !window.is_last);
	sink->block = (uint16_t)batch->arena_block;
	batch->blocks[sink->block].used += cut - window.start;
	status = take_frames(spool, sink, &found, error);
	if (status < 0)
		return status;
	spool->read = spool_position(span->segment.number, cut);
	if (found.bytes || found.records) {
		damage->bytes += found.bytes;
		damage->records += found.records;
		damage->position = found.position;
	}
	return 1;
}

int spool_read(struct spool *spool, struct weir_batch *batch,
	       int64_t (*source)(void *user, struct weir_batch *batch, const uint8_t id[16],
				 struct weir_slice name),
	       void *user, uint64_t *ret_end, struct spool_damage *damage, struct weir_error *error)
{
	struct spool_sink sink = {.batch = batch, .source = source, .user = user};
	struct span span;
	int status = 0;

	pthread_mutex_lock(&spool->read_lock);
	while (status == 0 && find_span(spool, &span)) {
		if (spool_position_offset(spool->read) < span.end) {
			status = open_span(spool, &span, error);
			if (status == 0)
				status = read_span(spool, &sink, &span, damage, error);
		} else if (span.is_final) {
			spool->read = spool_position(span.segment.number + 1, 0);
			spool->expected = 0;
			spool_table_done(&spool->table);
		} else {
			break;
		}
	}
	*ret_end = spool->read;
	pthread_mutex_unlock(&spool->read_lock);
	return status;
}
