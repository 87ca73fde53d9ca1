// SPDX-License-Identifier: MIT
#include "moved.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"
#include "known.h"
#include "sibling.h"

int moved_find_inode(struct catalog *catalog, struct file *file)
{
	struct sibling found;
	char *path = catalog_path(catalog, file);
	int status = 0;

	pthread_mutex_lock(&catalog->structure_lock);
	if (path && sibling_by_inode(catalog, path, &file->identity, &found)) {
		status = catalog_relocate(catalog, file, &found.place, found.path) == 0;
		if (status) {
			file->fd = found.fd;
			found.fd = -1;
			atomic_fetch_or(&file->signals, FILE_RENAMED);
		}
		sibling_done(&found);
	}
	pthread_mutex_unlock(&catalog->structure_lock);
	free(path);
	return status;
}

static void held_remove(struct catalog *catalog, struct held **at)
{
	struct held *held = *at;

	*at = held->next;
	free(held);
	catalog->host->metric_add(catalog->metrics.held, catalog->held ? 1 : 0);
}

/* Looks among the files that are held because they may be just this. */
static int find_held(struct catalog *catalog, const struct identity *identity, uint64_t offset,
		     int shorter, struct sibling *ret_found)
{
	for (struct held **at = &catalog->held; *at; at = &(*at)->next)
		if (sibling_at(catalog, (*at)->path, identity, offset, shorter, ret_found)) {
			held_remove(catalog, at);
			return 1;
		}
	return 0;
}

/* What was seen of the original beyond the copy's end, and never read, is lost. */
static void count_lost(struct catalog *catalog, const struct file *file,
		       const struct sibling *found)
{
	uint64_t seen = atomic_load(&file->seen_size);
	uint64_t have = found->size > file->offset ? found->size : file->offset;

	if (found->fd < 0 || seen <= have)
		return;
	catalog->host->metric_add(catalog->metrics.lost_bytes, (int64_t)(seen - have));
	weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_copytruncate",
		  "%llu bytes written to %s after it was copied and before it was truncated are "
		  "lost; "
		  "rotate by renaming to lose nothing",
		  (unsigned long long)(seen - have), file->path->text);
}

static int move_to(struct catalog *catalog, struct file *file, struct sibling *found)
{
	weir_logf(catalog->host, catalog->context, WEIR_LOG_DEBUG, "tail_moved",
		  "%s goes on at %llu in %s, inode %llu", file->path->text,
		  (unsigned long long)file->offset, found->path,
		  (unsigned long long)found->place.inode);
	count_lost(catalog, file, found);
	if (catalog_relocate(catalog, file, &found->place, found->path) < 0)
		return 0;
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = found->fd;
	file->compressed = found->compressed;
	if (found->fd >= 0)
		file->copied = sibling_is_shorter(found, &file->identity, file->offset);
	file->scanned = file->offset;
	file->left_ns = 0;
	found->fd = -1;
	found->compressed = NULL;
	atomic_store(&file->seen_size, found->size);
	atomic_fetch_or(&file->signals, FILE_RENAMED);
	return 1;
}

static int find_text(struct catalog *catalog, struct file *file, int copied)
{
	struct identity identity;
	struct sibling found = {.fd = -1};
	char *path = catalog_path(catalog, file);
	int status = 0;

	file_describe(file, &identity);
	if (path && (find_held(catalog, &identity, identity.tail_offset, copied, &found) ||
		     sibling_by_text(catalog, path, &identity, identity.tail_offset, 0, &found) ||
		     (copied &&
		      sibling_by_text(catalog, path, &identity, identity.tail_offset, 1, &found))))
		status = move_to(catalog, file, &found);
	sibling_done(&found);
	free(path);
	return status;
}

int moved_find_text(struct catalog *catalog, struct file *file)
{
	int status;

	pthread_mutex_lock(&catalog->structure_lock);
	status = find_text(catalog, file, 0);
	pthread_mutex_unlock(&catalog->structure_lock);
	return status;
}

int moved_truncated(struct catalog *catalog, struct file *file)
{
	int status;

	/* In one go: a scan in between would find the copy, and no file that it may be a copy of. */
	pthread_mutex_lock(&catalog->structure_lock);
	if (file->listed) {
		int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);

		if (fd < 0 || follow_successor(catalog, file, fd) < 0)
			catalog_unlist(catalog, file); /* the next scan finds it as a new file */
	}
	status = find_text(catalog, file, 1);
	pthread_mutex_unlock(&catalog->structure_lock);
	return status;
}

void moved_remember(struct catalog *catalog, const struct file *file, const uint8_t id[16])
{
	struct identity identity;

	file_describe(file, &identity);
	pthread_mutex_lock(&catalog->structure_lock);
	known_add(catalog, id, &identity, file->offset, file->path->text);
	pthread_mutex_unlock(&catalog->structure_lock);
}
