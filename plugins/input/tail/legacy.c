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
} left[LEGACY_MAX];
static uint32_t left_count;

static void legacy_remove(uint32_t index)
{
	memmove(&left[index], &left[index + 1], (--left_count - index) * sizeof(left[0]));
}

static void legacy_add(const struct identity *identity, int take_fd)
{
	if (take_fd < 0)
		return;
	if (left_count == LEGACY_MAX) {
		(void)close(left[0].fd);
		legacy_remove(0);
	}
	left[left_count].identity = *identity;
	left[left_count++].fd = take_fd;
}

/* Whether the file has no name, or none that the patterns find. */
static int is_nameless(const struct file *file)
{
	struct statx status;

	return file->fd >= 0 && !file->compressed &&
	       (file->gone || (file_status(file->fd, "", &status) == 0 && status.stx_nlink == 0));
}

void legacy_leave(struct catalog *catalog)
{
	pthread_mutex_lock(&catalog->lock);
	for (struct file *file = catalog->files; file; file = file->next) {
		if (!file_try_turn(file))
			continue; /* its end is being taken down */
		if (is_nameless(file))
			legacy_add(&file->identity, fcntl(file->fd, F_DUPFD_CLOEXEC, 0));
		file_leave_turn(file);
	}
	pthread_mutex_unlock(&catalog->lock);
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
