// SPDX-License-Identifier: MIT
#include "sibling.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compressed.h"

#define SEARCHES_MAX 4

/* A copy that ends before what was read is taken for one only if it was made this lately. */
#define COPY_AGE_MAX_NS (60 * INT64_C(1000000000))

void sibling_done(struct sibling *sibling)
{
	if (sibling->fd >= 0)
		(void)close(sibling->fd);
	compressed_close(sibling->compressed);
	free(sibling->path);
	*sibling = (struct sibling){.fd = -1};
}

int sibling_is_shorter(const struct sibling *sibling, struct identity *identity, uint64_t offset)
{
	uint8_t tail[IDENTITY_TAIL_MAX];
	uint32_t size = sibling->size < sizeof(tail) ? (uint32_t)sibling->size : sizeof(tail);
	int fd = sibling->fd;

	identity->shorter = sibling->size < offset;
	if (identity->shorter &&
	    file_read_at(&fd, tail, size, sibling->size - size) == (int64_t)size)
		identity_set_tail(identity, tail, size, sibling->size);
	return (int)identity->shorter;
}

size_t sibling_stem(const char *base)
{
	size_t length = strcspn(base + (base[0] == '.'), ".") + (base[0] == '.');

	return length ? length : strlen(base);
}

/* A callback returns 1 when it has found what it looks for. */
typedef int sibling_call(void *user, const char *path, uint64_t inode);

static int sibling_once(const char *path, sibling_call *call, void *user)
{
	const char *base = strrchr(path, '/') + 1;
	size_t stem = sibling_stem(base);
	char other[PATH_MAX];
	struct dirent *entry;
	DIR *folder;
	int found = 0;

	(void)snprintf(other, sizeof(other), "%.*s", (int)(base - path), path);
	folder = opendir(other);
	if (!folder)
		return 0;
	while (!found && (entry = readdir(folder))) {
		int length;

		if (strncmp(entry->d_name, base, stem) != 0 || entry->d_type == DT_DIR)
			continue;
		length = snprintf(other, sizeof(other), "%.*s%s", (int)(base - path), path,
				  entry->d_name);
		if (length > 0 && (size_t)length < sizeof(other))
			found = call(user, other, entry->d_ino);
	}
	(void)closedir(folder);
	return found;
}

static int64_t folder_changed_ns(const char *path)
{
	char folder[PATH_MAX];
	struct statx status;

	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path) + 1, path);
	if (file_status(AT_FDCWD, folder, &status) < 0)
		return 0;
	return status.stx_mtime.tv_sec * INT64_C(1000000000) + status.stx_mtime.tv_nsec;
}

/* A file that is renamed while the folder is read may be missed: then it is read again. */
static int sibling_each(const char *path, sibling_call *call, void *user)
{
	for (int tries = 0; tries < SEARCHES_MAX; tries++) {
		int64_t before = folder_changed_ns(path);

		if (sibling_once(path, call, user))
			return 1;
		if (folder_changed_ns(path) == before)
			break;
	}
	return 0;
}

struct search {
	struct catalog *catalog;
	const struct identity *identity;
	uint64_t size;
	int shorter;
	struct sibling *found;
};

static int open_plain(const char *path, struct sibling *sibling, struct statx *status)
{
	*sibling = (struct sibling){.fd = file_open(path)};
	if (sibling->fd < 0 || file_status(sibling->fd, "", status) < 0 ||
	    !S_ISREG(status->stx_mode)) {
		sibling_done(sibling);
		return 0;
	}
	file_identify(status, &sibling->place);
	sibling->size = status->stx_size;
	sibling->path = strdup(path);
	return sibling->path != NULL;
}

static int match_inode(void *user, const char *path, uint64_t inode)
{
	struct search *search = user;
	struct statx status;

	if (inode != search->identity->inode || !open_plain(path, search->found, &status))
		return 0;
	if (identity_same_file(&search->found->place, search->identity) &&
	    identity_head_matches(search->identity, file_read_at, &search->found->fd))
		return 1;
	sibling_done(search->found);
	return 0;
}

static int text_matches(const struct identity *identity, identity_read *read_at, void *user)
{
	return identity_head_matches(identity, read_at, user) &&
	       identity_tail_matches(identity, read_at, user);
}

static int match_compressed(struct search *search, const char *path)
{
	struct sibling *found = search->found;
	struct statx status;

	if (!open_plain(path, found, &status))
		return 0;
	found->compressed = catalog_has_file(search->catalog, &found->place)
				    ? NULL
				    : compressed_open(found->fd);
	if (found->compressed) {
		found->fd = -1;
		if (text_matches(search->identity, compressed_read_at, found->compressed))
			return 1;
	}
	sibling_done(found);
	return 0;
}

static int match_plain(struct search *search, const char *path)
{
	struct sibling *found = search->found;
	int64_t now = search->catalog->host->wall_ns();
	struct statx status;

	if (!open_plain(path, found, &status))
		return 0;
	if (!catalog_has_file(search->catalog, &found->place)) {
		if (found->size >= search->size) {
			if (text_matches(search->identity, file_read_at, &found->fd))
				return 1;
		} else if (search->shorter && found->size > 0 &&
			   now - status.stx_mtime.tv_sec * INT64_C(1000000000) < COPY_AGE_MAX_NS &&
			   identity_head_matches(search->identity, file_read_at, &found->fd)) {
			return 1;
		}
	}
	sibling_done(found);
	return 0;
}

static int match_text(void *user, const char *path, uint64_t inode)
{
	(void)inode;
	return compressed_name(path) ? match_compressed(user, path) : match_plain(user, path);
}

int sibling_by_inode(struct catalog *catalog, const char *path, const struct identity *identity,
		     struct sibling *ret_sibling)
{
	struct search search = {catalog, identity, 0, 0, ret_sibling};

	*ret_sibling = (struct sibling){.fd = -1};
	return sibling_each(path, match_inode, &search);
}

int sibling_at(struct catalog *catalog, const char *path, const struct identity *identity,
	       uint64_t size, int shorter, struct sibling *ret_sibling)
{
	struct search search = {catalog, identity, size, shorter, ret_sibling};

	*ret_sibling = (struct sibling){.fd = -1};
	if (identity->head_size == 0)
		return 0;
	return match_text(&search, path, 0);
}

int sibling_by_text(struct catalog *catalog, const char *path, const struct identity *identity,
		    uint64_t size, int shorter, struct sibling *ret_sibling)
{
	struct search search = {catalog, identity, size, shorter, ret_sibling};

	*ret_sibling = (struct sibling){.fd = -1};
	if (identity->head_size == 0)
		return 0;
	return sibling_each(path, match_text, &search);
}
