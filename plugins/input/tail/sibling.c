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

static int folder_once(const char *path, size_t stem, sibling_call *call, void *user)
{
	const char *base = strrchr(path, '/') + 1;
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
int sibling_folder(const char *path, size_t stem, sibling_call *call, void *user)
{
	for (int tries = 0; tries < SEARCHES_MAX; tries++) {
		int64_t before = folder_changed_ns(path);

		if (folder_once(path, stem, call, user))
			return 1;
		if (folder_changed_ns(path) == before)
			break;
	}
	return 0;
}

static int sibling_each(const char *path, sibling_call *call, void *user)
{
	return sibling_folder(path, sibling_stem(strrchr(path, '/') + 1), call, user);
}

int sibling_is_beside(const char *path, const char *other)
{
	const char *base = strrchr(path, '/') + 1;

	return strncmp(strrchr(other, '/') + 1, base, sibling_stem(base)) == 0;
}

uint64_t sibling_size_wanted(const struct identity *identity, uint64_t position, int shorter)
{
	return shorter || identity->shorter || position < identity->tail_offset
		       ? identity->tail_offset
		       : position;
}

int sibling_is_recent_copy(const struct catalog *catalog, const struct statx *status)
{
	return status->stx_size > 0 &&
	       catalog->host->wall_ns() - status->stx_mtime.tv_sec * INT64_C(1000000000) <
		       COPY_AGE_MAX_NS;
}

struct search {
	struct catalog *catalog;
	const struct identity *identity;
	uint64_t size;
	int shorter;
	struct sibling *found;
};

int sibling_open(const char *path, struct sibling *ret_sibling, struct statx *ret_status)
{
	*ret_sibling = (struct sibling){.fd = file_open(path)};
	if (ret_sibling->fd < 0 || file_status(ret_sibling->fd, "", ret_status) < 0 ||
	    !S_ISREG(ret_status->stx_mode)) {
		sibling_done(ret_sibling);
		return 0;
	}
	file_identify(ret_status, &ret_sibling->place);
	ret_sibling->size = ret_status->stx_size;
	ret_sibling->path = strdup(path);
	if (!ret_sibling->path)
		sibling_done(ret_sibling);
	return ret_sibling->path != NULL;
}

static int match_inode(void *user, const char *path, uint64_t inode)
{
	struct search *search = user;
	struct statx status;

	if (inode != search->identity->inode || !sibling_open(path, search->found, &status))
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

	if (!sibling_open(path, found, &status))
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
	struct statx status;

	if (!sibling_open(path, found, &status))
		return 0;
	if (!catalog_has_file(search->catalog, &found->place)) {
		if (found->size >= search->size) {
			if (text_matches(search->identity, file_read_at, &found->fd))
				return 1;
		} else if (search->shorter && sibling_is_recent_copy(search->catalog, &status) &&
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
