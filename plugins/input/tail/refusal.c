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

static void make_room(struct catalog *catalog)
{
	int error = errno;

	catalog_make_room(catalog);
	errno = error;
}

int refusal_open(struct catalog *catalog, const char *path, struct statx *ret_status)
{
	int fd;

	if (file_status(AT_FDCWD, path, ret_status) < 0) {
		refusal_tell(catalog, path, errno);
		return -1;
	}
	if (!S_ISREG(ret_status->stx_mode)) {
		tell_no_file(catalog, path, ret_status->stx_mode);
		return -1;
	}
	fd = file_open(path);
	if (fd < 0 || file_status(fd, "", ret_status) < 0) {
		if (errno == EMFILE || errno == ENFILE)
			make_room(catalog);
		refusal_tell(catalog, path, errno);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	return fd;
}
