// SPDX-License-Identifier: MIT
#include "file_writer.h"

#include <errno.h>

#define WRITER_RETRY_MS 1000

/* Between two tries to hold a file that somebody else is renaming. */
#define WRITER_HOLD_MS 5

/* Bytes between two looks at the path, the size and the time. */
#define WRITER_CHUNK_MAX (8 << 20)

/* Bytes after which a long group is synced and reported in part, so that memory comes free. */
#define WRITER_SETTLE_BYTES (32 << 20)

/* What steps return beside an errno. */
#define WRITER_FULL (-1) /* max_bytes is reached */

static void failure_text(const struct file_writer *writer, int failed, char *text, size_t size)
{
	const char *path = writer->path;

	switch (failed) {
	case WRITER_FULL:
		snprintf(text, size,
			 "%s and its finished files have reached max_bytes (%llu): move some away, "
			 "or raise "
			 "max_bytes",
			 path, (unsigned long long)writer->settings->max_bytes);
		break;
	case ENOSPC:
	case EDQUOT:
		snprintf(text, size, "no room for %s: free space on its disk", path);
		break;
	case EAGAIN:
		snprintf(text, size,
			 "%s is being written by another output or agent: give each a file of its "
			 "own",
			 path);
		break;
	case ENOTSUP:
		snprintf(text, size,
			 "%s is no regular file: the stdout output writes to pipes and terminals",
			 path);
		break;
	case EISDIR:
		snprintf(text, size, "%s is a folder: set path to a file in it", path);
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		snprintf(text, size,
			 "can't write %s: %s; give the user that runs weir write access to it",
			 path, strerror(failed));
		break;
	case EMFILE:
	case ENFILE:
		snprintf(text, size,
			 "can't open %s: %s; raise the limit of open files (LimitNOFILE= in the "
			 "systemd unit, ulimit -n)",
			 path, strerror(failed));
		break;
	case ENOMEM:
		snprintf(text, size, "no memory to encode records for %s", path);
		break;
	default:
		snprintf(text, size, "can't write %s: %s; look at that disk", path,
			 strerror(failed));
	}
}

static int same_place(struct delivery_cursor a, struct delivery_cursor b)
{
	return a.delivery == b.delivery && a.record == b.record;
}

static void writer_report(struct file_writer *writer)
{
	struct weir_slice none = {0};

	for (; writer->reported < writer->settled.delivery; writer->reported++)
		writer->host->outcome(writer->group.items[writer->reported].view->handle, NULL, 0,
				      WEIR_OUTCOME_DELIVERED, NULL, none);
}

/* Makes what was written durable, and reports it. */
static int writer_settle(struct file_writer *writer)
{
	int failed = 0;

	if (same_place(writer->at, writer->settled))
		return 0;
	if (writer->live.fd >= 0 && writer->settings->sync)
		failed = file_live_sync(&writer->live);
	if (failed) {
		file_live_cut(&writer->live, writer->settled_size);
		writer->at = writer->settled;
		return failed;
	}
	if (writer->live.fd >= 0 && file_live_removed(&writer->live)) {
		/* Deleted while we wrote: with the last descriptor the records would be gone. */
		file_live_close(&writer->live);
		writer->at = writer->settled;
		return 0;
	}
	writer->settled = writer->at;
	writer->settled_size = writer->live.size;
	writer_report(writer);
	return 0;
}

static void writer_note_repair(struct file_writer *writer)
{
	if (writer->live.repaired > 0)
		weir_logf(writer->host, writer->context, WEIR_LOG_WARNING, "file_repaired",
			  "removed %lld bytes of an unfinished record at the end of %s; the record "
			  "is sent "
			  "again",
			  (long long)writer->live.repaired, writer->path);
	if (writer->live.repaired < 0)
		weir_logf(writer->host, writer->context, WEIR_LOG_WARNING, "file_repaired",
			  "%s ended in the middle of a line that this output did not write; a "
			  "newline was "
			  "added",
			  writer->path);
}

static int writer_open(struct file_writer *writer, const char *path)
{
	const struct file_settings *settings = writer->settings;
	int failed;

	snprintf(writer->path, sizeof(writer->path), "%s", path);
	failed = file_live_open(&writer->live, path, settings->mode,
				settings->encoding.spec.format == WEIR_ENCODE_JSON);
	if (failed)
		return failed;
	writer->settled_size = writer->live.size;
	writer_note_repair(writer);
	if (writer->gzip)
		file_gzip_wake(writer->gzip, writer->path);
	return 0;
}

static int writer_hold(struct file_writer *writer)
{
	int failed;

	do {
		failed = file_live_hold(&writer->live);
	} while (failed == EAGAIN && delivery_queue_pause(writer->queue, WRITER_HOLD_MS));
	return failed;
}

/* The live file is open, is the one that the path and the time name, nobody renames it before it is
 * released, and its size is known. */
static int writer_ready(struct file_writer *writer)
{
	struct file_live *live = &writer->live;
	char path[FILE_PATH_SIZE];
	int failed = file_path_expand(writer->settings->path, writer->host->wall_ns(), path,
				      sizeof(path));

	while (!failed) {
		if (live->fd < 0)
			failed = writer_open(writer, path);
		if (!failed)
			failed = writer_hold(writer);
		if (failed)
			break;
		/* Looked at while it is held: from here to the release it keeps its name. */
		if (strcmp(path, writer->path) == 0 && !file_live_moved(live, path))
			return file_live_measure(live);
		failed = writer_settle(writer);
		if (!failed)
			file_live_close(live);
	}
	return failed;
}

static int writer_rotate(struct file_writer *writer)
{
	int failed = writer_settle(writer);

	if (!failed && writer->live.fd >= 0)
		failed = file_rotation_shift(&writer->rotation, writer->path);
	if (failed)
		return failed;
	file_live_close(&writer->live);
	writer->host->metric_add(writer->rotations, 1);
	if (writer->gzip)
		file_gzip_wake(writer->gzip, writer->path);
	return 0;
}

/* What max_bytes leaves; UINT64_MAX without such a bound. */
static uint64_t writer_room(struct file_writer *writer)
{
	uint64_t bytes, bound = writer->settings->max_bytes;

	if (!bound)
		return UINT64_MAX;
	bytes = writer->live.size;
	if (writer->settings->rotate_size)
		bytes += file_rotation_bytes(&writer->rotation, writer->path);
	return bytes < bound ? bound - bytes : 0;
}

static void chunk_fill(struct file_writer *writer, uint64_t bytes, int one_at_least)
{
	delivery_chunk_fill(&writer->chunk, &writer->group, writer->at,
			    bytes < WRITER_CHUNK_MAX ? bytes : WRITER_CHUNK_MAX, one_at_least);
}

static int chunk_at_end(const struct file_writer *writer)
{
	return writer->chunk.end.delivery == writer->group.count;
}

/* Appends some records, or begins a new file because the next one does not fit. */
static int writer_step(struct file_writer *writer)
{
	struct delivery_chunk *chunk = &writer->chunk;
	uint64_t rotate = writer->settings->rotate_size;
	uint64_t size, room;
	int failed = writer_ready(writer);

	if (failed)
		return failed;
	size = writer->live.size;
	chunk_fill(writer,
		   !rotate         ? UINT64_MAX
		   : rotate > size ? rotate - size
				   : 0,
		   !rotate || size == 0);
	if (chunk->bytes == 0 && !chunk_at_end(writer))
		return writer_rotate(writer);
	room = writer_room(writer);
	if (chunk->bytes > room) {
		chunk_fill(writer, room, 0);
		if (chunk->bytes == 0)
			return WRITER_FULL;
	}
	size = chunk->bytes;
	failed = file_live_append(&writer->live, chunk);
	if (failed)
		return failed;
	writer->at = chunk->end;
	writer->host->metric_add(writer->bytes, (int64_t)size);
	if (!writer->settings->sync ||
	    writer->live.size > writer->settled_size + WRITER_SETTLE_BYTES)
		return writer_settle(writer);
	return 0;
}

/* Encodings that write() found no memory for. */
static int writer_encode(struct file_writer *writer)
{
	for (size_t i = writer->at.delivery; i < writer->group.count; i++) {
		struct delivery *delivery = &writer->group.items[i];

		if (!delivery->encoding &&
		    writer->host->encode(delivery->view->handle, &writer->settings->encoding.spec,
					 &delivery->encoding) != WEIR_OK)
			return ENOMEM;
	}
	return 0;
}

static void writer_note(struct file_writer *writer, int failed)
{
	char text[FILE_PATH_SIZE + 256] = "";

	if (!failed && !writer->stalled)
		return;
	if (failed)
		failure_text(writer, failed, text, sizeof(text));
	writer->stalled = failed != 0;
	writer->host->output_stalled(writer->context, weir_slice_of(text));
}

static void writer_group(struct file_writer *writer)
{
	writer->at = (struct delivery_cursor){0, 0};
	writer->settled = writer->at;
	writer->settled_size = writer->live.size;
	writer->reported = 0;
	while (!delivery_queue_stopping(writer->queue)) {
		int failed = writer_encode(writer);
		int unsettled;

		while (!failed && writer->at.delivery < writer->group.count)
			failed = writer_step(writer);
		unsettled = writer_settle(writer);
		file_live_release(&writer->live);
		if (!failed)
			failed = unsettled;
		writer_note(writer, failed);
		if (failed)
			delivery_queue_pause(writer->queue, WRITER_RETRY_MS);
		else if (writer->at.delivery == writer->group.count)
			return;
	}
}

void file_writer_run(void *user)
{
	struct file_writer *writer = user;

	while (delivery_queue_take(writer->queue, &writer->group))
		writer_group(writer);
}

/* Troubles that pass by themselves are for the thread, which stalls until they do. */
static int passes(int failed)
{
	return failed == ENOSPC || failed == EDQUOT || failed == EAGAIN || failed == EIO ||
	       failed == EMFILE || failed == ENFILE;
}

int32_t file_writer_open(struct file_writer *writer, struct weir_error *error)
{
	char text[FILE_PATH_SIZE + 256];
	int failed = writer_ready(writer);

	file_live_release(&writer->live);
	if (!failed || passes(failed))
		return WEIR_OK;
	failure_text(writer, failed, text, sizeof(text));
	return weir_fail(error, WEIR_ERR_IO, "%.*s", WEIR_ERROR_TEXT - 1, text);
}
