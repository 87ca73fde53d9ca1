// SPDX-License-Identifier: MIT
/* The writer's side of a disk queue: segments begun, filled and ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "spool/spool_internal.h"
#include "spool/spool_survey.h"

/* What a segment has beside its chunks. */
#define SEGMENT_ENDS (2 * SPOOL_FRAME_HEADER)

static void set_visible(struct spool *spool, uint64_t visible)
{
	pthread_mutex_lock(&spool->lock);
	spool->visible = visible;
	pthread_mutex_unlock(&spool->lock);
}

/* The segment being written has another size. */
static void set_size(struct spool *spool, uint64_t size)
{
	pthread_mutex_lock(&spool->lock);
	spool->bytes += size - spool->active.size;
	spool->segments[spool->count - 1].size = size;
	pthread_mutex_unlock(&spool->lock);
	spool->active.size = size;
}

static int list_room(struct spool *spool)
{
	uint32_t capacity = spool->capacity ? spool->capacity * 2 : 32;
	struct spool_segment *grown;

	if (spool->count < spool->capacity)
		return 0;
	grown = realloc(spool->segments, capacity * sizeof(*grown));
	if (!grown)
		return WEIR_ERR_MEMORY;
	spool->segments = grown;
	spool->capacity = capacity;
	return 0;
}

static int list_add(struct spool *spool, const struct spool_segment *segment)
{
	int status;

	pthread_mutex_lock(&spool->lock);
	status = list_room(spool);
	if (status == 0) {
		spool->segments[spool->count++] = *segment;
		spool->bytes += segment->size;
		spool->visible = spool_position(segment->number, 0);
	}
	pthread_mutex_unlock(&spool->lock);
	return status;
}

/* A new segment that can be lost by a power cut is none: the folder is synced as well. */
static int spool_begin(struct spool *spool, struct weir_error *error)
{
	struct spool_segment segment = {.number = spool->next_number};
	char name[SPOOL_SEGMENT_NAME_SIZE];
	int status = 0;
	int fd;

	if (getrandom(&segment.salt, sizeof(segment.salt), 0) != sizeof(segment.salt))
		return weir_fail(error, WEIR_ERR_IO, "no random numbers: %s", strerror(errno));
	fd = spool_segment_create(spool->folder_fd, &segment, error);
	if (fd < 0)
		return fd;
	if (spool->options.durable && fsync(spool->folder_fd) < 0)
		status = weir_fail(error, WEIR_ERR_IO, "%s", strerror(errno));
	else if (list_add(spool, &segment) < 0)
		status = weir_fail(error, WEIR_ERR_MEMORY, "no memory for another segment");
	if (status < 0) {
		close(fd);
		spool_segment_name(&segment, name);
		unlinkat(spool->folder_fd, name, 0);
		return status;
	}
	spool->next_number++;
	spool->active = segment;
	spool->fd = fd;
	spool->records = 0;
	spool->synced = spool->flushed = 0;
	return 0;
}

/* After a failed sync the kernel may have let go of the pages: what was not synced before is taken as
 * lost, whatever a second sync would say. */
static void spool_cut_back(struct spool *spool)
{
	if (ftruncate(spool->fd, (off_t)spool->synced) < 0)
		errno = 0; /* then what is behind it comes twice */
	close(spool->fd);
	spool->fd = -1;
	spool->cuts++;
	set_size(spool, spool->synced);
	set_visible(spool, spool_position(spool->active.number + 1, 0));
}

int spool_sync(struct spool *spool, struct weir_error *error)
{
	if (spool->fd < 0 || spool->synced == spool->active.size)
		return 0;
	if (spool->options.durable && fdatasync(spool->fd) < 0) {
		weir_fail(error, WEIR_ERR_IO, "%s", strerror(errno));
		spool_cut_back(spool);
		return WEIR_ERR_IO;
	}
	spool->synced = spool->active.size;
	if (spool->options.durable)
		spool->flushed = spool->synced;
	set_visible(spool, spool_position(spool->active.number, (uint32_t)spool->synced));
	return 0;
}

int spool_flush(struct spool *spool, struct weir_error *error)
{
	if (spool->fd < 0 || spool->flushed == spool->synced)
		return 0;
	spool->flushed = spool->synced;
	if (fdatasync(spool->fd) < 0)
		return weir_fail(error, WEIR_ERR_IO, "%s", strerror(errno));
	return 0;
}

/* All of the segment being written has been dealt with. */
static int active_is_done(struct spool *spool)
{
	int done;

	pthread_mutex_lock(&spool->lock);
	done = spool->acked >= spool_position(spool->active.number, (uint32_t)spool->active.size);
	pthread_mutex_unlock(&spool->lock);
	return done;
}

int spool_rotate(struct spool *spool, struct weir_error *error)
{
	uint32_t number = spool->active.number;
	struct spool_segment sealed = spool->active;
	int done = active_is_done(spool);
	int status;

	/* Without a seal, for want of room, the segment is as good. */
	if (!done && spool_segment_seal(spool->fd, &sealed, spool->records, NULL) == 0)
		set_size(spool, sealed.size);
	status = spool_sync(spool, error);
	if (status < 0)
		return status;
	spool_flush(spool, NULL);
	close(spool->fd);
	spool->fd = -1;
	set_visible(spool, spool_position(number + 1, 0));
	if (done)
		spool_acked(spool, spool_position(number + 1, 0));
	return 0;
}

uint32_t spool_cuts(const struct spool *spool)
{
	return spool->cuts;
}

/* ---- room ---- */

/* Drops the oldest segment with what of it was not read yet. */
static void spool_drop_oldest(struct spool *spool, struct spool_lost *lost)
{
	struct spool_segment_survey survey = {0};
	struct spool_segment first;
	uint32_t from;

	pthread_mutex_lock(&spool->read_lock);
	pthread_mutex_lock(&spool->lock);
	first = spool->segments[0];
	pthread_mutex_unlock(&spool->lock);
	from = spool_position_segment(spool->read) < first.number ? 0
	       : spool_position_segment(spool->read) == first.number
		       ? spool_position_offset(spool->read)
		       : UINT32_MAX;
	if (from < first.size)
		spool_segment_survey(spool->folder_fd, &first, from, &survey, NULL);
	pthread_mutex_lock(&spool->lock);
	/* It may have been acknowledged meanwhile. */
	if (spool->count && spool->segments[0].number == first.number)
		spool_remove_first(spool);
	pthread_mutex_unlock(&spool->lock);
	pthread_mutex_unlock(&spool->read_lock);
	if (first.number < spool_position_segment(spool->first))
		lost->earlier += survey.waiting;
	else
		lost->own += survey.waiting;
}

/* Room for a chunk: 0, SPOOL_FULL, or an error. */
static int spool_make_room(struct spool *spool, uint64_t chunk_bytes, struct spool_lost *lost,
			   struct weir_error *error)
{
	while (spool_bytes(spool) + chunk_bytes + SEGMENT_ENDS > spool->options.limit_bytes) {
		int status = 0;

		/* What is being written can't be let go of; the last one must be ended first. */
		if (spool->fd >= 0 && (!spool->options.drop_oldest || spool->count == 1))
			status = spool_rotate(spool, error);
		if (status < 0)
			return status;
		if (spool_acked(spool, 0))
			continue;
		if (!spool->options.drop_oldest || spool->count == 0)
			return SPOOL_FULL;
		spool_drop_oldest(spool, lost);
	}
	return 0;
}

/* ---- appending ---- */

/* Numbers and sums of the chunk's frames, now that their place is known. */
static void chunk_close(struct spool_chunk *chunk, const struct spool_segment *segment,
			uint32_t first)
{
	uint8_t *bytes = (uint8_t *)chunk->bytes.data;
	uint32_t number = first;

	for (size_t at = 0; at < chunk->bytes.size;) {
		uint8_t type = bytes[at + 1];

		at += spool_frame_close(bytes + at, type == SPOOL_FRAME_RECORD ? number++ : first,
					segment->salt, (uint32_t)(segment->size + at));
	}
}

int spool_append(struct spool *spool, struct spool_chunk *chunk, struct spool_lost *lost,
		 struct weir_error *error)
{
	int status = 0;

	if (chunk->records == 0)
		return 0;
	if (spool->fd >= 0 && spool->records &&
	    spool->active.size + chunk->bytes.size > spool->segment_bytes)
		status = spool_rotate(spool, error);
	if (status == 0)
		status = spool_make_room(spool, chunk->bytes.size, lost, error);
	if (status == 0 && spool->fd < 0)
		status = spool_begin(spool, error);
	if (status != 0)
		return status;
	chunk_close(chunk, &spool->active, spool->records);
	status = spool_write_at(spool->fd, chunk->bytes.data, chunk->bytes.size, spool->active.size,
				error);
	if (status < 0) {
		if (ftruncate(spool->fd, (off_t)spool->active.size) < 0)
			errno = 0; /* the next try writes over it */
		return status;
	}
	spool->records += chunk->records;
	set_size(spool, spool->active.size + chunk->bytes.size);
	return 0;
}
