// SPDX-License-Identifier: MIT
#include "refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static int first_time(struct catalog *catalog, const char *path, int about)
{
	uint64_t hash = XXH3_64bits_withSeed(path, strlen(path), (uint64_t)about);

	for (uint32_t i = 0; i < SCAN_TOLD; i++)
		if (catalog->told[i] == hash)
			return 0;
	catalog->told[catalog->told_next++ % SCAN_TOLD] = hash;
	return 1;
}

static const char *remedy(int error)
{
	if (error == EACCES || error == EPERM)
		return "; let the agent's user read it, for instance with setfacl -m u:weir:r, or "
		       "by "
		       "adding the user to the group adm";
	if (error == EMFILE || error == ENFILE)
		return "; raise the limit of open files (LimitNOFILE= in the systemd unit, ulimit "
		       "-n)";
	return "";
}

void refusal_tell(struct catalog *catalog, const char *path, int error)
{
	if (error == ENOENT || !first_time(catalog, path, error))
		return;
	catalog->host->metric_add(catalog->metrics.refused, 1);
	weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_unreadable",
		  "can't read %s: %s%s. It is tried again every rescan_interval", path,
		  strerror(error), remedy(error));
}

static void tell_no_file(struct catalog *catalog, const char *path, int mode)
{
	if (!first_time(catalog, path, -1))
		return;
	if (S_ISDIR(mode))
		weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_folder",
			  "%s is a folder; to read the files in it write %s/*", path, path);
	else
		weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_no_file",
			  "%s is no regular file and is left alone", path);
}

static int refuse(struct catalog *catalog, const char *path, int fd)
{
	refusal_tell(catalog, path, errno);
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Once more when descriptors have run out and idle files have given theirs. */
static int open_in_room(struct catalog *catalog, const char *path,
			int (*open_path)(const char *path))
{
	int fd = open_path(path);

	if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
		return fd;
	catalog_make_room(catalog);
	return open_path(path);
}

int refusal_open(struct catalog *catalog, const char *path, int regular, struct opened *ret_opened)
{
	struct statx *status = &ret_opened->status;
	int fd = regular ? open_in_room(catalog, path, file_open_no_link) : -1;

	ret_opened->is_link = fd < 0;
	ret_opened->has_head = 0;
	if (fd < 0 && file_status(AT_FDCWD, path, status) < 0)
		return refuse(catalog, path, fd);
	if (fd < 0 && S_ISREG(status->stx_mode)) {
		fd = open_in_room(catalog, path, file_open);
		if (fd < 0)
			return refuse(catalog, path, fd);
	}
	if (fd >= 0 && file_status(fd, "", status) < 0)
		return refuse(catalog, path, fd);
	if (!S_ISREG(status->stx_mode)) {
		tell_no_file(catalog, path, status->stx_mode);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	ret_opened->fd = fd;
	file_identify(status, &ret_opened->place);
	return 0;
}
