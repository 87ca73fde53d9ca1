// SPDX-License-Identifier: MIT
/*
 * One call reads one block. At the end of the file it decides: wait, take an unfinished line or
 * group whose time has come, close the descriptor, or end the source.
 *
 * What can be read is never waited for, and what is unfinished is left in the file: the offset stays
 * at its start, and only how far it was searched for a newline is remembered.
 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ending.h"
#include "fill.h"
#include "moved.h"
#include "multiline.h"
#include "note.h"

/* Read beyond what is known to be needed. */
#define READ_SLACK (64u << 10)
#define READ_MIN (4u << 10)
#define READ_MAX (1u << 20)

struct reader {
	struct catalog *catalog;
	const struct weir_services *host;
	struct file *file;
	struct weir_batch *batch;
	struct weir_error *error;
	struct fill fill;
	uint64_t now;
	uint64_t size; /* of a plain file */
	int deleted;   /* no name at all is left on disk */
	int finishing; /* nothing will be added: take what is unfinished, then end */
	int close_wanted;
};

static void count(const struct reader *reader, struct weir_metric *metric, uint64_t amount)
{
	if (amount)
		reader->host->metric_add(metric, (int64_t)amount);
}

static void take_signals(struct reader *reader)
{
	uint32_t signals = atomic_exchange(&reader->file->signals, 0);

	if (signals & FILE_RENAMED) {
		reader->file->left_ns = 0;
		note_now(reader->catalog, reader->file, reader->now);
	}
	if ((signals & FILE_LEFT) && !reader->file->left_ns)
		reader->file->left_ns = reader->now;
	reader->close_wanted = (signals & FILE_CLOSE) != 0;
}

/* ---- the size, and who may still change it ---------------------------------------------------------- */

static int look_at_size(struct reader *reader)
{
	struct file *file = reader->file;
	struct stat status;

	if (file->compressed) {
		reader->finishing = 1;
		return 0;
	}
	if (fstat(file->fd, &status) < 0)
		return weir_fail(reader->error, WEIR_ERR_IO, "fstat: %s", strerror(errno));
	reader->deleted = status.st_nlink == 0;
	if (reader->deleted && !file->left_ns)
		file->left_ns = reader->now;
	if (file->left_ns && ending_nobody_writes(file, reader->deleted, reader->now)) {
		reader->finishing = 1;
		if (fstat(file->fd, &status) < 0)
			return weir_fail(reader->error, WEIR_ERR_IO, "fstat: %s", strerror(errno));
	}
	reader->size = (uint64_t)status.st_size;
	if (reader->size != atomic_load(&file->seen_size) || !file->grown_ns)
		file->grown_ns = reader->now;
	return 0;
}

/* ---- text --------------------------------------------------------------------------------------- */

/* True when the time of what is unfinished has come. */
static int overdue(const struct reader *reader, uint64_t after_ns)
{
	return reader->catalog->once || reader->finishing ||
	       reader->now - reader->file->grown_ns >= after_ns;
}

static int takes_rest(const struct reader *reader)
{
	uint64_t after = reader->catalog->options.last_line_ns;

	return overdue(reader, after ? after : UINT64_MAX);
}

static int takes_group(const struct reader *reader)
{
	const struct multiline *rules = reader->catalog->options.multiline;

	return rules && overdue(reader, multiline_timeout_ns(rules));
}

/* Longest piece of text that must be seen in one go. */
static uint32_t longest(const struct reader *reader)
{
	const struct tail_options *options = &reader->catalog->options;
	uint32_t bytes = options->max_line;

	if (options->multiline && multiline_max_bytes(options->multiline) > bytes)
		bytes = multiline_max_bytes(options->multiline);
	return (reader->file->encoding == FILE_UTF8 ? bytes : 2 * bytes) + READ_SLACK;
}

/*
 * Looks for a newline after what was searched before, with the block as scratch memory. Returns 0
 * when the line is still unfinished and not too long, so that nothing needs to be read again.
 */
static int line_has_grown(struct reader *reader)
{
	struct file *file = reader->file;
	struct weir_block_view *block = &reader->batch->blocks[reader->batch->arena_block];
	uint32_t room = block->size - block->used;

	while (file->scanned - file->offset <= reader->catalog->options.max_line) {
		uint8_t *scratch = block->data + block->used;
		uint64_t left = reader->size - file->scanned;
		int64_t got =
			file_read_at(&file->fd, scratch, left < room ? left : room, file->scanned);
		const uint8_t *newline = got > 0 ? memchr(scratch, '\n', (size_t)got) : NULL;

		if (newline) {
			reader->fill.want = (uint32_t)(file->scanned - file->offset +
						       (uint64_t)(newline - scratch) + 1);
			return 1;
		}
		if (got <= 0 && !takes_rest(reader))
			return 0;
		if (got <= 0)
			break;
		file->scanned += (uint64_t)got;
	}
	reader->fill.want = (uint32_t)(file->scanned - file->offset) + 1;
	return 1;
}

static void prepare(struct reader *reader)
{
	struct file *file = reader->file;
	const struct weir_block_view *block = &reader->batch->blocks[reader->batch->arena_block];
	uint32_t room = block->size - block->used;

	reader->fill.mark = (struct mark){
		.catalog = reader->catalog,
		.file = file,
		.batch = reader->batch,
		.shape = reader->fill.mark.shape,
	};
	if (file->read_size > room - IDENTITY_TAIL_MAX)
		file->read_size = room - IDENTITY_TAIL_MAX;
	if (reader->fill.want < file->read_size)
		reader->fill.want = file->read_size;
	reader->fill.size = reader->size;
}

/* How much to read next time: full blocks while there is much, no more than is taken. */
static void adapt(struct reader *reader)
{
	struct file *file = reader->file;

	if (reader->fill.mark.full)
		file->read_size = reader->fill.mark.consumed + reader->fill.mark.consumed / 4;
	else if (!reader->fill.at_end)
		file->read_size *= 2;
	if (file->read_size < READ_MIN)
		file->read_size = READ_MIN;
	if (file->read_size > READ_MAX)
		file->read_size = READ_MAX;
}

/* A block of nothing but NUL bytes, with more behind it: a hole, which is passed over. */
static void skip_hole(struct reader *reader)
{
	static const uint8_t hole[IDENTITY_TAIL_MAX];
	struct fill *fill = &reader->fill;
	struct file *file = reader->file;
	off_t data;

	fill->mark.consumed = fill->mark.size;
	fill->mark.skipped_nul += fill->mark.size;
	fill_settle(fill);
	file->hole_end = file->offset;
	if (file->compressed || file->encoding != FILE_UTF8)
		return;
	data = lseek(file->fd, (off_t)file->offset, SEEK_DATA);
	if (data > (off_t)(file->offset + IDENTITY_TAIL_MAX) && (uint64_t)data < reader->size) {
		fill->mark.skipped_nul += (uint64_t)data - file->offset;
		file->offset = file->scanned = file->hole_end = (uint64_t)data;
		file_set_guard(file, hole, sizeof(hole));
		reader->batch->range_end = file->offset;
	}
}

static int is_hole(const struct reader *reader)
{
	const struct mark *mark = &reader->fill.mark;
	const uint8_t *text = mark->batch->blocks[mark->block].data + mark->base;

	return mark->size && text[0] == 0 && !reader->file->cut && text[mark->size - 1] == 0 &&
	       memcmp(text, text + 1, mark->size - 1) == 0;
}

/* Nothing in the text is whole. Returns 1 to read more at once. */
static int unfinished(struct reader *reader)
{
	struct fill *fill = &reader->fill;
	struct file *file = reader->file;

	if (is_hole(reader)) {
		if (!fill->at_end && fill->mark.size >= MARK_NUL_RUN)
			skip_hole(reader);
		return 0;
	}
	if (file->encoding == FILE_UTF8 && !file->compressed && !fill->mark.pending)
		file->scanned = fill->mark.position + fill->mark.size;
	if (fill->at_end)
		return 0;
	if (fill->want >= longest(reader)) {
		/* A group beyond its bound: take what there is of it. */
		fill->mark.take_group = 1;
		return 1;
	}
	fill->want = fill->want * 2 > longest(reader) ? longest(reader) : fill->want * 2;
	return 1;
}

/* Reads and marks one block. FILL_* or an error. */
static int read_block(struct reader *reader)
{
	struct fill *fill = &reader->fill;
	uint8_t take_group = 0;
	int status;

	do {
		prepare(reader);
		fill->mark.take_rest = takes_rest(reader);
		fill->mark.take_group = takes_group(reader) || take_group;
		status = fill_text(fill, reader->error);
		if (status != FILL_TEXT)
			return status;
		fill->mark.take_rest &= fill->at_end;
		fill->mark.take_group &= fill->at_end || take_group;
		if (mark_text(&fill->mark) < 0)
			return weir_fail(reader->error, WEIR_ERR_MEMORY, "no room for records");
		take_group = 0;
		if (fill->mark.consumed == 0) {
			if (!unfinished(reader))
				break;
			take_group = fill->mark.take_group;
			continue;
		}
		fill_settle(fill);
		break;
	} while (1);
	adapt(reader);
	count(reader, reader->catalog->metrics.long_lines, fill->mark.long_lines);
	count(reader, reader->catalog->metrics.skipped_nul, fill->mark.skipped_nul);
	return FILL_TEXT;
}

/* ---- read() ------------------------------------------------------------------------------------- */

static void set_unread(struct reader *reader)
{
	struct file *file = reader->file;
	uint64_t unread = reader->size > file->offset ? reader->size - file->offset : 0;

	if (file->compressed)
		unread = 0;
	if (!file->compressed)
		atomic_store(&file->seen_size, reader->size);
	if (file->source)
		reader->host->source_lag(file->source, unread);
}

/* When to look again although nothing happens. */
static void set_alarm(struct reader *reader)
{
	struct file *file = reader->file;
	const struct tail_options *options = &reader->catalog->options;
	uint64_t due = 0;

	if (reader->size > file->offset && options->last_line_ns)
		due = file->grown_ns + options->last_line_ns;
	if (reader->fill.mark.pending) {
		uint64_t group = file->grown_ns + multiline_timeout_ns(options->multiline);

		due = !due || group < due ? group : due;
	}
	if (file->left_ns)
		due = reader->now + ENDING_RETRY_NS;
	if (due || file->alarmed)
		catalog_wake_at(reader->catalog, file, due);
	file->alarmed = due != 0;
}

static int32_t finish(struct reader *reader, int32_t how)
{
	return ending_finish(reader->catalog, reader->file, reader->batch->sources[0]->id,
			     reader->now, how);
}

static int32_t at_end(struct reader *reader)
{
	struct file *file = reader->file;

	note_progress(reader->catalog, file, reader->size, reader->now);
	if (file->compressed)
		return finish(reader, WEIR_READ_END);
	if (reader->finishing)
		return finish(reader, reader->deleted ? WEIR_READ_END : WEIR_READ_DETACH);
	if (reader->catalog->once)
		return finish(reader, WEIR_READ_DETACH);
	set_alarm(reader);
	if ((reader->close_wanted || file_descriptor_is_spare(file)) &&
	    reader->size == file->offset && !file->left_ns)
		ending_close_idle(reader->catalog, file);
	else
		catalog_idle(reader->catalog, file);
	return WEIR_READ_IDLE;
}

static int32_t truncated(struct reader *reader)
{
	struct file *file = reader->file;

	if (file->offset == 0) {
		file->scanned = 0;
		return WEIR_READ_IDLE;
	}
	count(reader, reader->catalog->metrics.truncated, 1);
	if (moved_truncated(reader->catalog, file))
		return WEIR_READ_MORE;
	return ending_lose(reader->catalog, file, "was truncated");
}

static int32_t read_file(struct reader *reader)
{
	struct file *file = reader->file;
	int status = look_at_size(reader);

	if (status < 0)
		return status;
	if (!file->compressed && reader->size < file->offset && !file->copied)
		return truncated(reader);
	if (reader->size < file->scanned)
		file->scanned = file->offset;
	if (file->scanned > file->offset && file->encoding == FILE_UTF8 && !file->compressed &&
	    !line_has_grown(reader)) {
		set_unread(reader);
		return at_end(reader);
	}
	status = read_block(reader);
	if (status == FILL_TRUNCATED)
		return truncated(reader);
	if (status < 0)
		return status;
	set_unread(reader);
	if (!reader->fill.at_end || reader->fill.mark.full) {
		note_progress(reader->catalog, file, reader->size, reader->now);
		return WEIR_READ_MORE;
	}
	return at_end(reader);
}

static int32_t read_in_turn(struct reader *reader)
{
	struct file *file = reader->file;
	int32_t status;

	if (file->finished)
		return WEIR_READ_END;
	take_signals(reader);
	if (file->given_up)
		return ending_lose(reader->catalog, file,
				   "was deleted, and is given up by unlinked_limit");
	if (file->fd < 0 && !file->compressed &&
	    !ending_reopen(reader->catalog, file, reader->now, &status))
		return status;
	return read_file(reader);
}

int32_t reader_read(struct catalog *catalog, struct file *file, struct weir_batch *batch,
		    struct weir_error *error)
{
	const struct weir_slice key = weir_slice_of("message");
	struct reader reader = {
		.catalog = catalog,
		.host = catalog->host,
		.file = file,
		.batch = batch,
		.error = error,
		.now = catalog->host->monotonic_ns(),
	};
	int32_t status;

	file_take_turn(file);
	batch->range_start = batch->range_end = file->offset;
	if (catalog->host->batch_shape(batch, &key, 1, &reader.fill.mark.shape) < 0)
		status = weir_fail(error, WEIR_ERR_MEMORY, "no room for a shape");
	else
		status = read_in_turn(&reader);
	file_leave_turn(file);
	return status;
}
