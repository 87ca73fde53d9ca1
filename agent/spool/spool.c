// SPDX-License-Identifier: MIT
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "spool/spool_internal.h"

#define SEGMENT_BYTES_MIN (64u << 10)

/* The lock belongs to the open file description, as that of the state folder does. */
static int spool_lock(struct spool *spool, struct weir_error *error)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	spool->lock_fd = openat(spool->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (spool->lock_fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't write in it: %s", strerror(errno));
	if (fcntl(spool->lock_fd, F_OFD_SETLK, &lock) < 0)
		return weir_fail(
			error, errno == EAGAIN || errno == EACCES ? WEIR_ERR_REFUSED : WEIR_ERR_IO,
			"it is in use: %s", strerror(errno));
	return 0;
}

static int spool_folder(struct spool *spool, const char *path, struct weir_error *error)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return weir_fail(error, WEIR_ERR_IO, "can't make the folder: %s", strerror(errno));
	spool->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->folder_fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't open the folder: %s", strerror(errno));
	return 0;
}

/* What the files say. */
static int spool_take_up(struct spool *spool, int *ret_reset, struct weir_error *error)
{
	int status = spool_slots_open(&spool->slots, spool->folder_fd, error);

	if (status == 0)
		status = spool_segment_list(spool->folder_fd, &spool->segments, &spool->count,
					    error);
	if (status < 0)
		return status;
	spool->capacity = spool->count;
	*ret_reset = spool->count && spool->slots.valid == 0;
	spool->acked = spool->slots.position;
	spool->next_number = spool_position_segment(spool->acked);
	while (spool->count && spool->segments[0].number < spool->next_number)
		spool_remove_first(spool);
	for (uint32_t i = 0; i < spool->count; i++)
		spool->bytes += spool->segments[i].size;
	if (spool->count && spool->segments[0].number > spool->next_number)
		spool->acked = spool_position(spool->segments[0].number, 0);
	if (spool->count)
		spool->next_number = spool->segments[spool->count - 1].number;
	spool->next_number++;
	spool->first = spool->visible = spool_position(spool->next_number, 0);
	spool->read = spool->acked;
	spool->expected = spool_position_offset(spool->read) ? SPOOL_EXPECT_ANY : 0;
	return 0;
}

int spool_open(const char *path, const struct spool_options *options, struct spool **ret_spool,
	       int *ret_reset, struct weir_error *error)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int status;

	*ret_reset = 0;
	if (!spool)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a disk queue");
	spool->options = *options;
	spool->segment_bytes = options->limit_bytes / SPOOL_SEGMENTS;
	if (spool->segment_bytes > SPOOL_SEGMENT_BYTES_MAX)
		spool->segment_bytes = SPOOL_SEGMENT_BYTES_MAX;
	if (spool->segment_bytes < SEGMENT_BYTES_MIN)
		spool->segment_bytes = SEGMENT_BYTES_MIN;
	spool->folder_fd = spool->lock_fd = spool->fd = spool->read_fd = spool->slots.fd = -1;
	pthread_mutex_init(&spool->lock, NULL);
	pthread_mutex_init(&spool->read_lock, NULL);
	status = spool_folder(spool, path, error);
	if (status == 0)
		status = spool_lock(spool, error);
	if (status == 0)
		status = spool_take_up(spool, ret_reset, error);
	if (status < 0) {
		spool_close(spool);
		return status;
	}
	*ret_spool = spool;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	if (spool->fd >= 0)
		spool_rotate(spool, NULL);
	if (spool->slots.fd >= 0)
		spool_save(spool, NULL);
	spool_slots_close(&spool->slots);
	close_fd(spool->fd);
	close_fd(spool->read_fd);
	close_fd(spool->folder_fd);
	close_fd(spool->lock_fd);
	spool_table_done(&spool->table);
	pthread_mutex_destroy(&spool->lock);
	pthread_mutex_destroy(&spool->read_lock);
	free(spool->frames);
	free(spool->segments);
	free(spool);
}

uint64_t spool_record_max(const struct spool *spool)
{
	/* A single record may make a segment larger, but never a quarter of the queue. */
	uint64_t quarter = spool->options.limit_bytes / 4;

	return quarter < UINT32_MAX / 4 ? quarter : UINT32_MAX / 4;
}

/* ---- acknowledging ---- */

void spool_remove_first(struct spool *spool)
{
	char name[SPOOL_SEGMENT_NAME_SIZE];

	spool_segment_name(&spool->segments[0], name);
	unlinkat(spool->folder_fd, name, 0);
	spool->bytes -=
		spool->bytes < spool->segments[0].size ? spool->bytes : spool->segments[0].size;
	memmove(spool->segments, spool->segments + 1, --spool->count * sizeof(*spool->segments));
}

/* Nothing of the segment is left to deliver, and nothing more comes into it. */
static int segment_is_done(const struct spool *spool, const struct spool_segment *segment)
{
	uint32_t acked = spool_position_segment(spool->acked);

	return segment->number < acked ||
	       (segment->number == acked &&
		segment->number < spool_position_segment(spool->visible) &&
		spool_position_offset(spool->acked) >= segment->size);
}

int spool_acked(struct spool *spool, uint64_t position)
{
	int freed = 0;

	pthread_mutex_lock(&spool->lock);
	if (position > spool->acked)
		spool->acked = position;
	while (spool->count && segment_is_done(spool, &spool->segments[0])) {
		spool_remove_first(spool);
		freed = 1;
	}
	pthread_mutex_unlock(&spool->lock);
	return freed;
}

int spool_save(struct spool *spool, struct weir_error *error)
{
	uint64_t acked;

	pthread_mutex_lock(&spool->lock);
	acked = spool->acked;
	pthread_mutex_unlock(&spool->lock);
	if (acked == spool->slots.position && spool->slots.valid)
		return 0;
	return spool_slots_write(&spool->slots, acked, spool->options.durable, error);
}

/* ---- questions ---- */

uint64_t spool_start(struct spool *spool)
{
	return spool->read;
}

uint64_t spool_first(const struct spool *spool)
{
	return spool->first;
}

uint64_t spool_bytes(struct spool *spool)
{
	uint64_t bytes;

	pthread_mutex_lock(&spool->lock);
	bytes = spool->bytes;
	pthread_mutex_unlock(&spool->lock);
	return bytes;
}

int spool_is_drained(struct spool *spool)
{
	const struct spool_segment *last;
	int drained;

	pthread_mutex_lock(&spool->lock);
	last = spool->count ? &spool->segments[spool->count - 1] : NULL;
	drained = spool->acked >= spool->visible || !last ||
		  spool->acked >= spool_position(last->number, (uint32_t)last->size);
	pthread_mutex_unlock(&spool->lock);
	return drained;
}
