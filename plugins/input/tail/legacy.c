// SPDX-License-Identifier: MIT
#include "legacy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"
#include "known.h"
#include "sibling.h"

static struct {
	struct identity identity;
	int fd;
	const struct catalog *owner; /* that closes it; NULL: it had no name */
} left[LEGACY_MAX];
static uint32_t left_count;

static void legacy_remove(uint32_t index)
{
	memmove(&left[index], &left[index + 1], (--left_count - index) * sizeof(left[0]));
}

static void legacy_close(uint32_t index)
{
	(void)close(left[index].fd);
	legacy_remove(index);
}

static void legacy_add(const struct catalog *owner, const struct file *file)
{
	int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (left_count == LEGACY_MAX)
		legacy_close(0);
	left[left_count].identity = file->identity;
	left[left_count].owner = owner;
	left[left_count++].fd = fd;
}

static int is_deleted(int fd)
{
	struct statx status;

	return file_status(fd, "", &status) == 0 && status.stx_nlink == 0;
}

/* Whether the file has a name that the patterns find. */
static int is_named(const struct file *file)
{
	return !file->gone && !is_deleted(file->fd);
}

static void leave(struct catalog *catalog, int are_named, uint32_t most)
{
	for (struct file *file = catalog->files; file && left_count < most; file = file->next) {
		if (!file_try_turn(file))
			continue; /* its end is being taken down */
		if (file->fd >= 0 && !file->compressed && is_named(file) == are_named)
			legacy_add(are_named ? catalog : NULL, file);
		file_leave_turn(file);
	}
}

void legacy_leave(struct catalog *catalog)
{
	pthread_mutex_lock(&catalog->lock);
	leave(catalog, 0, UINT32_MAX);
	leave(catalog, 1, LEGACY_MAX);
	pthread_mutex_unlock(&catalog->lock);
}

void legacy_settle(const struct catalog *catalog)
{
	for (uint32_t i = left_count; i-- > 0;)
		if (left[i].owner == catalog && !is_deleted(left[i].fd))
			legacy_close(i);
}

static void legacy_follow(struct catalog *catalog, struct known *take_known,
			  struct opened *take_opened)
{
	struct sibling found = {.fd = take_opened->fd,
				.opened = take_opened,
				.place = take_known->identity,
				.size = take_opened->status.stx_size};
	uint64_t device = found.place.device, inode = found.place.inode;
	struct file *file;

	found.path = strdup(take_known->path);
	if (!found.path) {
		sibling_done(&found);
		free(take_known);
		return;
	}
	if (follow_known(catalog, take_known, &found) != 0)
		return;
	pthread_mutex_lock(&catalog->lock);
	file = catalog_by_inode_locked(catalog, device, inode);
	if (file) {
		file->gone = 1;
		catalog_signal_locked(file, FILE_LEFT);
	}
	pthread_mutex_unlock(&catalog->lock);
}

void legacy_take_up(struct catalog *catalog)
{
	for (uint32_t i = left_count; i-- > 0;) {
		struct opened opened = {.fd = left[i].fd, .place = left[i].identity};
		struct known *known = NULL;
		int stale;

		if (file_status(opened.fd, "", &opened.status) == 0)
			known = known_take_file(catalog, &opened, &stale);
		if (!known)
			continue;
		legacy_remove(i);
		legacy_follow(catalog, known, &opened);
	}
}

void legacy_done(void)
{
	while (left_count)
		(void)close(left[--left_count].fd);
}
