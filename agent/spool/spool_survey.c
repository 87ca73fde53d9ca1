// SPDX-License-Identifier: MIT
#include "spool/spool_survey.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "spool/spool_slots.h"

#define WINDOW_BYTES (256u << 10)

/* ---- walking through a file ---- */

/* The part of a file that is in memory; grows for a frame that is larger. */
struct view {
	int fd;
	uint8_t *data;
	size_t capacity;
	struct spool_walk walk;
	uint32_t file_end;
};

static int view_fill(struct view *view)
{
	struct spool_walk *walk = &view->walk;
	uint32_t kept = walk->end - walk->at;

	if (kept && walk->at != walk->start)
		memmove(view->data, view->data + (walk->at - walk->start), kept);
	walk->start = walk->at;
	if (kept == view->capacity) {
		size_t capacity = view->capacity ? 2 * view->capacity : WINDOW_BYTES;
		uint8_t *grown = realloc(view->data, capacity);

		if (!grown)
			return WEIR_ERR_MEMORY;
		view->data = grown;
		view->capacity = capacity;
	}
	while (kept < view->capacity && walk->start + kept < view->file_end) {
		uint32_t want = view->file_end - walk->start - kept;
		ssize_t got;

		if (want > view->capacity - kept)
			want = (uint32_t)(view->capacity - kept);
		got = pread(view->fd, view->data + kept, want, (off_t)walk->start + kept);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return WEIR_ERR_IO;
		if (got == 0)
			view->file_end = walk->start + kept;
		kept += (uint32_t)got;
	}
	walk->data = view->data;
	walk->end = walk->start + kept;
	walk->is_last = walk->end == view->file_end;
	return 0;
}

static int view_walk(struct view *view,
		     int (*call)(void *user, const struct spool_frame *frame, uint32_t skipped),
		     void *user)
{
	struct spool_frame frame;
	uint32_t skipped = 0;
	int status = view_fill(view);

	while (status >= 0) {
		int more = spool_walk_next(&view->walk, &frame);

		skipped += view->walk.skipped;
		if (more) {
			status = call(user, &frame, skipped);
			skipped = 0;
		} else if (view->walk.is_last) {
			return call(user, NULL, skipped);
		} else {
			status = view_fill(view);
		}
	}
	return status;
}

int spool_segment_walk(int folder_fd, const struct spool_segment *segment, uint32_t from,
		       int (*call)(void *user, const struct spool_frame *frame, uint32_t skipped),
		       void *user, struct weir_error *error)
{
	struct view view = {
		.file_end = (uint32_t)segment->size,
		.walk = {.start = from, .at = from, .end = from, .salt = segment->salt}};
	char name[SPOOL_SEGMENT_NAME_SIZE];
	int status;

	spool_segment_name(segment, name);
	view.fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
	if (view.fd < 0)
		return weir_fail(error, errno == ENOENT ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO,
				 "can't open %s: %s", name, strerror(errno));
	status = view_walk(&view, call, user);
	if (status == WEIR_ERR_MEMORY)
		weir_fail(error, status, "no memory to read %s", name);
	else if (status == WEIR_ERR_IO)
		weir_fail(error, status, "can't read %s: %s", name, strerror(errno));
	free(view.data);
	close(view.fd);
	return status;
}

/* ---- counting ---- */

struct counting {
	struct spool_segment_survey *survey;
	uint32_t from;
	uint32_t expected;     /* number of the next record */
	uint32_t first, count; /* of the last table */
	uint64_t unnamed;      /* records since a damaged table, until the one at the chunk's end */
	uint64_t unnamed_waiting;
};

static void count_missing(struct counting *counting, uint32_t number)
{
	if (number > counting->expected)
		counting->survey->missing += number - counting->expected;
	if (number > counting->expected)
		counting->expected = number;
}

/* Records whose table is gone at both places can't be read any more. */
static void drop_unnamed(struct counting *counting)
{
	counting->survey->records -= counting->unnamed;
	counting->survey->waiting -= counting->unnamed_waiting;
	counting->survey->missing += counting->unnamed;
	counting->unnamed = counting->unnamed_waiting = 0;
}

static void count_record(struct counting *counting, const struct spool_frame *frame)
{
	int waits = frame->offset >= counting->from;

	count_missing(counting, frame->number);
	counting->expected = frame->number + 1;
	counting->survey->records++;
	counting->survey->waiting += (unsigned)waits;
	if (frame->number < counting->first || frame->number - counting->first >= counting->count) {
		counting->unnamed++;
		counting->unnamed_waiting += (unsigned)waits;
	}
}

static void count_table(struct counting *counting, const struct spool_frame *frame)
{
	if (frame->type == SPOOL_FRAME_AGAIN)
		counting->unnamed = counting->unnamed_waiting = 0;
	drop_unnamed(counting);
	counting->first = frame->number;
	counting->count = 0;
	if (frame->size >= sizeof(counting->count))
		memcpy(&counting->count, frame->payload, sizeof(counting->count));
	counting->count = le32toh(counting->count);
	count_missing(counting, frame->type == SPOOL_FRAME_AGAIN ? counting->first + counting->count
								 : counting->first);
}

static int count_frame(void *user, const struct spool_frame *frame, uint32_t skipped)
{
	struct counting *counting = user;

	if (!frame) {
		drop_unnamed(counting);
		if (counting->survey->is_sealed)
			counting->survey->damaged += skipped;
		else
			counting->survey->unfinished += skipped;
		return 0;
	}
	counting->survey->damaged += skipped;
	if (frame->type == SPOOL_FRAME_RECORD)
		count_record(counting, frame);
	else if (frame->type == SPOOL_FRAME_TABLE || frame->type == SPOOL_FRAME_AGAIN)
		count_table(counting, frame);
	else if (frame->type == SPOOL_FRAME_SEAL)
		count_missing(counting, frame->number);
	if (frame->type == SPOOL_FRAME_SEAL)
		counting->survey->is_sealed = 1;
	return 0;
}

int spool_segment_survey(int folder_fd, const struct spool_segment *segment, uint32_t from,
			 struct spool_segment_survey *ret_survey, struct weir_error *error)
{
	struct counting counting = {.survey = ret_survey, .from = from};

	*ret_survey = (struct spool_segment_survey){0};
	return spool_segment_walk(folder_fd, segment, 0, count_frame, &counting, error);
}

/* ---- a whole queue ---- */

static void survey_add(struct spool_survey *survey, const struct spool_segment *segment,
		       const struct spool_segment_survey *one)
{
	survey->segments++;
	survey->bytes += segment->size;
	survey->total.records += one->records;
	survey->total.waiting += one->waiting;
	survey->total.missing += one->missing;
	survey->total.damaged += one->damaged;
	survey->total.unfinished += one->unfinished;
	survey->bad_segments += one->missing || one->damaged;
}

static uint32_t survey_from(const struct spool_segment *segment, uint64_t position)
{
	uint32_t number = spool_position_segment(position);

	return segment->number > number   ? 0
	       : segment->number < number ? UINT32_MAX
					  : spool_position_offset(position);
}

static int survey_segments(int folder_fd, struct spool_survey *survey,
			   void (*each)(void *user, const struct spool_segment *segment,
					const struct spool_segment_survey *one),
			   void *user, struct weir_error *error)
{
	struct spool_segment *list;
	uint32_t count;
	int status = spool_segment_list(folder_fd, &list, &count, error);

	for (uint32_t i = 0; status == 0 && i < count; i++) {
		struct spool_segment_survey one;

		status = spool_segment_survey(folder_fd, &list[i],
					      survey_from(&list[i], survey->position), &one, error);
		if (status == WEIR_ERR_NOT_FOUND) {
			status = 0; /* delivered and gone since the list was made */
			continue;
		}
		if (status == 0)
			survey_add(survey, &list[i], &one);
		if (status == 0 && each && (one.missing || one.damaged))
			each(user, &list[i], &one);
	}
	free(list);
	return status;
}

int spool_survey(const char *path, struct spool_survey *ret_survey,
		 void (*each)(void *user, const struct spool_segment *segment,
			      const struct spool_segment_survey *survey),
		 void *user, struct weir_error *error)
{
	int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct spool_slots slots;
	int status;

	*ret_survey = (struct spool_survey){0};
	if (folder_fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't open the folder: %s", strerror(errno));
	status = spool_slots_peek(&slots, folder_fd, error);
	if (status == WEIR_ERR_NOT_FOUND)
		status = 0, slots.valid = -1;
	ret_survey->slots = slots.valid;
	ret_survey->position = slots.position;
	if (status == 0)
		status = survey_segments(folder_fd, ret_survey, each, user, error);
	close(folder_fd);
	return status;
}
