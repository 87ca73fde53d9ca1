// SPDX-License-Identifier: MIT
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "catalog.h"
#include "compressed.h"

/* First read of a file; grows while reads come back full. */
#define FIRST_READ_BYTES (16u << 10)

int file_status(int fd, const char *path, struct statx *ret_status)
{
	return statx(fd, path, path[0] ? 0 : AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME,
		     ret_status);
}

void file_identify(const struct statx *status, struct identity *ret_identity)
{
	memset(ret_identity, 0, sizeof(*ret_identity));
	ret_identity->device = makedev(status->stx_dev_major, status->stx_dev_minor);
	ret_identity->inode = status->stx_ino;
	if (status->stx_mask & STATX_BTIME)
		ret_identity->birth_ns =
			status->stx_btime.tv_sec * INT64_C(1000000000) + status->stx_btime.tv_nsec;
}

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

int file_open(const char *path)
{
	return open(path, OPEN_FLAGS);
}

int file_open_no_link(const char *path)
{
	return open(path, OPEN_FLAGS | O_NOFOLLOW);
}

int file_descriptor_is_spare(const struct file *file)
{
	return file->fd >= 0 &&
	       (uint64_t)file->fd >= atomic_load(&file->catalog->descriptors_max) / 2;
}

void file_take_turn(struct file *file)
{
	while (!file_try_turn(file))
		(void)sched_yield();
}

int file_try_turn(struct file *file)
{
	return atomic_exchange_explicit(&file->turn, 1, memory_order_acquire) == 0;
}

void file_leave_turn(struct file *file)
{
	atomic_store_explicit(&file->turn, 0, memory_order_release);
}

int file_may_rest(const struct file *file)
{
	struct stat status;

	return file->fd >= 0 && !file->left_ns && !atomic_load(&file->signals) &&
	       fstat(file->fd, &status) == 0 && status.st_nlink > 0 &&
	       (uint64_t)status.st_size == file->offset;
}

int64_t file_read_at(void *user, void *buffer, size_t size, uint64_t offset)
{
	const int *fd = user;
	size_t done = 0;

	while (done < size) {
		ssize_t got =
			pread(*fd, (char *)buffer + done, size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

int64_t file_read_text(void *user, void *buffer, size_t size, uint64_t offset)
{
	struct file *file = user;

	return file->compressed ? compressed_read_at(file->compressed, buffer, size, offset)
				: file_read_at(&file->fd, buffer, size, offset);
}

int file_take_guard(struct file *file, identity_read *read_at, void *user)
{
	uint8_t bytes[IDENTITY_TAIL_MAX];
	size_t size = file->offset < sizeof(bytes) ? (size_t)file->offset : sizeof(bytes);

	file->guard_size = 0;
	if (!size || read_at(user, bytes, size, file->offset - size) != (int64_t)size)
		return -1;
	file_set_guard(file, bytes, size);
	return bytes[size - 1];
}

void file_set_guard(struct file *file, const void *bytes, size_t size)
{
	file->guard = identity_hash_of(bytes, size);
	file->guard_size = (uint8_t)size;
}

int file_guard_holds(const struct file *file, const void *bytes)
{
	return file->guard_size == 0 ||
	       identity_hash_equals(identity_hash_of(bytes, file->guard_size), file->guard);
}

void file_describe(const struct file *file, struct identity *ret_identity)
{
	*ret_identity = file->identity;
	if (file->copied)
		return;
	ret_identity->tail = file->guard;
	ret_identity->tail_size = file->guard_size;
	ret_identity->tail_offset = file->offset;
}

/* A read lease is granted only while nobody has the file open for writing. It is given back at
 * once; should somebody open the file in between, the kernel's note comes as a signal that is
 * ignored by default. */
int file_has_writer(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return -1;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
		return 0;
	}
	return errno == EAGAIN || errno == EBUSY ? 1 : -1;
}

struct file *file_create(struct catalog *catalog, int take_fd, const struct identity *identity,
			 uint64_t offset)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->catalog = catalog;
	file->fd = take_fd;
	file->identity = *identity;
	file->offset = offset;
	file->scanned = offset;
	file->read_size = FIRST_READ_BYTES;
	file->hole_end = UINT64_MAX;
	return file;
}

void file_free(struct file *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		(void)close(file->fd);
	compressed_close(file->compressed);
	free(file->path);
	free(file->target);
	free(file);
}

/* How many of the first `lines` lines of the text end at or before `offset`. */
static uint32_t lines_before(identity_read *read_at, void *user, uint64_t offset, uint32_t lines)
{
	char text[4096];
	uint64_t at = 0;
	uint32_t count = 0;

	while (at < offset && count < lines) {
		size_t want = offset - at < sizeof(text) ? (size_t)(offset - at) : sizeof(text);
		int64_t got = read_at(user, text, want, at);

		if (got <= 0)
			break;
		for (int64_t i = 0; i < got && count < lines; i++)
			count += text[i] == '\n';
		at += (uint64_t)got;
	}
	return count;
}

void file_resume(struct file *file, uint32_t header_lines, identity_read *read_at, void *user)
{
	int last = file_take_guard(file, read_at, user);

	file->header_left = header_lines;
	if (file->offset == 0)
		return;
	if (file->encoding == FILE_UTF8 && last >= 0 && last != '\n')
		file->cut = FILE_CUT_TORN;
	if (header_lines)
		file->header_left =
			header_lines - lines_before(read_at, user, file->offset, header_lines);
}
