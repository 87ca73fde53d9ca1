// SPDX-License-Identifier: MIT
#include "file_live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "file_path.h"

#define TAIL_STEP 65536

/* The offset after the last newline, looked for at most FILE_TAIL_MAX back; -1 = not found there. */
static int line_start(int fd, uint64_t size, int64_t *ret_start)
{
	uint64_t lowest = size > FILE_TAIL_MAX ? size - FILE_TAIL_MAX : 0;
	char buffer[TAIL_STEP];

	for (uint64_t end = size; end > lowest;) {
		uint64_t from = end - lowest > TAIL_STEP ? end - TAIL_STEP : lowest;
		ssize_t got = pread(fd, buffer, end - from, (off_t)from);
		const char *newline;

		if (got != (ssize_t)(end - from))
			return got < 0 ? errno : EIO;
		newline = memrchr(buffer, '\n', (size_t)got);
		if (newline) {
			*ret_start = (int64_t)from + (newline - buffer) + 1;
			return 0;
		}
		end = from;
	}
	*ret_start = lowest == 0 ? 0 : -1;
	return 0;
}

static int tail_is_ours(int fd, int64_t start, int json)
{
	char first = 0;

	if (start < 0)
		return 0;
	return !json || (pread(fd, &first, 1, start) == 1 && first == '{');
}

static int tail_repair(struct file_live *live, int json)
{
	int64_t start = 0;
	int failed;

	live->repaired = 0;
	if (live->size == 0)
		return 0;
	failed = line_start(live->fd, live->size, &start);
	if (failed || start == (int64_t)live->size)
		return failed;
	if (!tail_is_ours(live->fd, start, json)) {
		if (write(live->fd, "\n", 1) != 1)
			return errno;
		live->size++;
		live->repaired = -1;
		return 0;
	}
	if (ftruncate(live->fd, start) < 0)
		return errno;
	live->repaired = (int64_t)live->size - start;
	live->size = (uint64_t)start;
	return 0;
}

/* The bytes that are locked. */
#define LOCK_OWNER 0
#define LOCK_WRITING 1

static int live_lock(int fd, int byte, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES ? EAGAIN : errno;
}

int file_live_hold(struct file_live *live)
{
	int failed = live->held ? 0 : live_lock(live->fd, LOCK_WRITING, F_WRLCK);

	live->held = !failed;
	return failed;
}

void file_live_release(struct file_live *live)
{
	if (live->held)
		(void)live_lock(live->fd, LOCK_WRITING, F_UNLCK);
	live->held = 0;
}

/* O_NONBLOCK: a FIFO without a reader must not hold the agent; it is refused below. */
static int live_open_fd(const char *path, uint32_t mode, int *ret_fd, int *ret_created)
{
	int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK;

	*ret_created = 0;
	*ret_fd = open(path, flags);
	if (*ret_fd < 0 && errno == ENOENT) {
		*ret_created = 1;
		*ret_fd = open(path, flags | O_CREAT, (mode_t)mode);
	}
	return *ret_fd < 0 ? errno : 0;
}

int file_live_open(struct file_live *live, const char *path, uint32_t mode, int json)
{
	struct stat info;
	int created = 0;
	int failed = file_path_make_dirs(path);

	live->fd = -1;
	if (!failed)
		failed = live_open_fd(path, mode, &live->fd, &created);
	if (!failed && fstat(live->fd, &info) < 0)
		failed = errno;
	if (!failed && !S_ISREG(info.st_mode))
		failed = ENOTSUP;
	/* Another instance on the same file would cut this one's records off when its own write fails. */
	if (!failed)
		failed = live_lock(live->fd, LOCK_OWNER, F_WRLCK);
	if (!failed && created)
		failed = file_path_sync_dir(path);
	if (!failed) {
		live->device = info.st_dev;
		live->inode = info.st_ino;
		failed = file_live_measure(live);
	}
	if (!failed)
		failed = tail_repair(live, json);
	if (failed)
		file_live_close(live);
	return failed;
}

void file_live_close(struct file_live *live)
{
	if (live->fd >= 0)
		close(live->fd);
	live->fd = -1;
	live->size = 0;
	live->held = 0;
}

int file_live_moved(const struct file_live *live, const char *path)
{
	struct stat info;

	return stat(path, &info) < 0 || info.st_dev != live->device || info.st_ino != live->inode;
}

int file_live_removed(const struct file_live *live)
{
	struct stat info;

	return fstat(live->fd, &info) == 0 && info.st_nlink == 0;
}

int file_live_measure(struct file_live *live)
{
	struct stat info;

	if (fstat(live->fd, &info) < 0)
		return errno;
	live->size = (uint64_t)info.st_size;
	return 0;
}

void file_live_cut(struct file_live *live, uint64_t size)
{
	struct stat info;

	/* Never lengthen: if someone else cut it meanwhile, there is nothing to take back. */
	if (fstat(live->fd, &info) == 0 && (uint64_t)info.st_size > size)
		while (ftruncate(live->fd, (off_t)size) < 0 && errno == EINTR)
			;
	live->size = size;
}

int file_live_append(struct file_live *live, struct delivery_chunk *chunk)
{
	uint64_t before = live->size;

	while (chunk->bytes) {
		ssize_t written = writev(live->fd, chunk->slices, chunk->count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			int failed = written < 0 ? errno : EIO;

			file_live_cut(live, before);
			return failed;
		}
		delivery_chunk_skip(chunk, (size_t)written);
		live->size += (uint64_t)written;
	}
	return 0;
}

int file_live_sync(struct file_live *live)
{
	while (fdatasync(live->fd) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}
