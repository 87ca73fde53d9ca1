// SPDX-License-Identifier: MIT
/*
 * Repair: a damaged segment is written anew, chunk by chunk, under the same name.
 *
 * First the position is saved as the segment's beginning where it lies within it (so a crash between
 * here and there costs repeats), then the new file takes the old one's place.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "base/buffer.h"
#include "spool/spool_slots.h"
#include "spool/spool_survey.h"

#define REPAIR_NAME "repair.tmp"

/* One segment as it is copied. */
struct copy {
	int fd;
	struct spool_segment to;
	uint32_t from;    /* offset of the first that waits, in the old one */
	uint32_t written; /* records */
	/* The chunk at hand: */
	struct buffer table;   /* payload; empty = not seen yet */
	uint32_t first, count; /* records that the table is for */
	struct buffer rows;    /* frames of records that wait for their table, still to be closed */
	uint32_t records;
	struct weir_error *error;
};

static int copy_failed(struct copy *copy)
{
	return weir_fail(copy->error, WEIR_ERR_MEMORY, "no memory to repair a segment");
}

static int append_frame(struct buffer *out, uint32_t type, const void *payload, uint32_t size)
{
	uint8_t *frame = (uint8_t *)buffer_reserve(out, spool_frame_bytes(size));

	if (!frame)
		return WEIR_ERR_MEMORY;
	if (size)
		memcpy(frame + SPOOL_FRAME_HEADER, payload, size);
	spool_frame_open(frame, type, size);
	out->size += spool_frame_bytes(size);
	return 0;
}

/* The chunk's frames with their numbers and sums at their new place. */
static int write_chunk(struct copy *copy, struct buffer *chunk)
{
	uint8_t *bytes = (uint8_t *)chunk->data;
	uint32_t number = copy->written;
	int status;

	for (size_t at = 0; at < chunk->size;) {
		uint8_t type = bytes[at + 1];

		at += spool_frame_close(bytes + at,
					type == SPOOL_FRAME_RECORD ? number++ : copy->written,
					copy->to.salt, (uint32_t)(copy->to.size + at));
	}
	status = spool_write_at(copy->fd, chunk->data, chunk->size, copy->to.size, copy->error);
	copy->to.size += chunk->size;
	copy->written = number;
	return status;
}

/* Ends the chunk at hand: without its table, nothing of it can be kept. */
static int copy_chunk(struct copy *copy)
{
	struct buffer chunk = {0};
	uint32_t count = htole32(copy->records);
	int status = 0;

	if (copy->records && copy->table.size >= sizeof(count)) {
		memcpy(copy->table.data, &count, sizeof(count));
		if (append_frame(&chunk, SPOOL_FRAME_TABLE, copy->table.data,
				 (uint32_t)copy->table.size) < 0 ||
		    buffer_append(&chunk, copy->rows.data, copy->rows.size) < 0 ||
		    (copy->records > 1 && append_frame(&chunk, SPOOL_FRAME_AGAIN, copy->table.data,
						       (uint32_t)copy->table.size) < 0))
			status = copy_failed(copy);
		else
			status = write_chunk(copy, &chunk);
	}
	buffer_done(&chunk);
	buffer_clear(&copy->table);
	buffer_clear(&copy->rows);
	copy->records = copy->count = 0;
	return status;
}

static int take_table(struct copy *copy, const struct spool_frame *frame)
{
	buffer_clear(&copy->table);
	if (frame->size < sizeof(copy->count))
		return 0;
	memcpy(&copy->count, frame->payload, sizeof(copy->count));
	copy->count = le32toh(copy->count);
	copy->first = frame->number;
	return buffer_append(&copy->table, frame->payload, frame->size) < 0 ? copy_failed(copy) : 0;
}

/* A record beyond the table's belongs to a chunk whose own is damaged. */
static int take_record(struct copy *copy, const struct spool_frame *frame)
{
	if (frame->offset < copy->from)
		return 0;
	if (copy->table.size &&
	    (frame->number < copy->first || frame->number - copy->first >= copy->count) &&
	    copy_chunk(copy) < 0)
		return WEIR_ERR_IO;
	if (append_frame(&copy->rows, SPOOL_FRAME_RECORD, frame->payload, frame->size) < 0)
		return copy_failed(copy);
	copy->records++;
	return 0;
}

static int copy_frame(void *user, const struct spool_frame *frame, uint32_t skipped)
{
	struct copy *copy = user;
	int status = 0;

	(void)skipped;
	if (!frame)
		return copy_chunk(copy);
	if (frame->type == SPOOL_FRAME_TABLE) {
		status = copy_chunk(copy);
		return status < 0 ? status : take_table(copy, frame);
	}
	if (frame->type == SPOOL_FRAME_RECORD)
		return take_record(copy, frame);
	if (frame->type != SPOOL_FRAME_AGAIN)
		return 0;
	status = take_table(copy, frame);
	return status < 0 ? status : copy_chunk(copy);
}

static int copy_begin(struct copy *copy, int folder_fd)
{
	uint8_t head[SPOOL_FRAME_HEADER];

	copy->fd = openat(folder_fd, REPAIR_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (copy->fd < 0)
		return weir_fail(copy->error, WEIR_ERR_IO, "can't make %s: %s", REPAIR_NAME,
				 strerror(errno));
	spool_frame_open(head, SPOOL_FRAME_HEAD, 0);
	copy->to.size = spool_frame_close(head, SPOOL_FORMAT_VERSION, copy->to.salt, 0);
	return spool_write_at(copy->fd, head, sizeof(head), 0, copy->error);
}

static int copy_in_place(struct copy *copy, int folder_fd)
{
	char name[SPOOL_SEGMENT_NAME_SIZE];

	spool_segment_name(&copy->to, name);
	if (fsync(copy->fd) < 0 || renameat(folder_fd, REPAIR_NAME, folder_fd, name) < 0 ||
	    fsync(folder_fd) < 0)
		return weir_fail(copy->error, WEIR_ERR_IO, "can't replace %s: %s", name,
				 strerror(errno));
	return 0;
}

static int repair_segment(int folder_fd, const struct spool_segment *segment, uint32_t from,
			  struct weir_error *error)
{
	struct copy copy = {.fd = -1, .to = *segment, .from = from, .error = error};
	int status = copy_begin(&copy, folder_fd);

	if (status == 0)
		status = spool_segment_walk(folder_fd, segment, 0, copy_frame, &copy, error);
	if (status == 0)
		status = spool_segment_seal(copy.fd, &copy.to, copy.written, error);
	if (status == 0)
		status = copy_in_place(&copy, folder_fd);
	if (copy.fd >= 0)
		close(copy.fd);
	if (status < 0)
		unlinkat(folder_fd, REPAIR_NAME, 0);
	buffer_done(&copy.table);
	buffer_done(&copy.rows);
	return status;
}

/* ---- the whole queue ---- */

static int repair_segments(int folder_fd, struct spool_slots *slots, struct weir_error *error)
{
	struct spool_segment *list;
	uint32_t count;
	uint64_t position = slots->position;
	uint32_t number = spool_position_segment(position);
	int status = spool_segment_list(folder_fd, &list, &count, error);

	for (uint32_t i = 0; status == 0 && i < count; i++) {
		struct spool_segment_survey one;
		uint32_t from = list[i].number == number ? spool_position_offset(position) : 0;

		if (list[i].number < number)
			continue;
		status = spool_segment_survey(folder_fd, &list[i], from, &one, error);
		if (status < 0 || (!one.missing && !one.damaged))
			continue;
		if (from)
			status = spool_slots_write(slots, spool_position(number, 0), 1, error);
		if (status == 0)
			status = repair_segment(folder_fd, &list[i], from, error);
	}
	free(list);
	/* Both slots, so that neither is a damaged one. */
	for (int i = 0; status == 0 && i < 2; i++)
		status = spool_slots_write(slots, slots->position, 1, error);
	return status;
}

static int repair_lock(int folder_fd, struct weir_error *error)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = openat(folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't write in the folder: %s",
				 strerror(errno));
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return fd;
	close(fd);
	return weir_fail(error, WEIR_ERR_REFUSED,
			 "an agent uses it: stop that first (it skips what is damaged by itself)");
}

int spool_repair(const char *path, struct spool_survey *ret_survey, struct weir_error *error)
{
	struct spool_slots slots = {.fd = -1};
	int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int lock_fd = -1;
	int status;

	if (folder_fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't open the folder: %s", strerror(errno));
	status = lock_fd = repair_lock(folder_fd, error);
	if (status >= 0)
		status = spool_survey(path, ret_survey, NULL, NULL, error);
	if (status >= 0)
		status = spool_slots_open(&slots, folder_fd, error);
	if (status >= 0)
		status = repair_segments(folder_fd, &slots, error);
	spool_slots_close(&slots);
	if (lock_fd >= 0)
		close(lock_fd);
	close(folder_fd);
	return status < 0 ? status : 0;
}
