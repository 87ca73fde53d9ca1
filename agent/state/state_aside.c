// SPDX-License-Identifier: MIT
/* The marker is made, and durable, before the first file is renamed. */
#include "state/state_aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <weir/plugin.h>

static int dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = fd < 0 || fsync(fd) < 0;

	if (fd >= 0)
		close(fd);
	return failed;
}

/* The marker of a replacement in progress. */
static char *marker_name(const char *path)
{
	char *name;

	return asprintf(&name, "%s.reset", path) < 0 ? NULL : name;
}

static int marker_create(const char *dir, const char *path)
{
	char *name = marker_name(path);
	int fd = name ? open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	int failed = fd < 0 || dir_sync(dir);

	if (fd >= 0)
		close(fd);
	free(name);
	return failed;
}

int state_aside_marked(const char *path)
{
	char *name = marker_name(path);
	int marked = name && access(name, F_OK) == 0;

	free(name);
	return marked;
}

int state_aside_unmark(const char *path)
{
	char *name = marker_name(path);
	int failed = !name || (unlink(name) < 0 && errno != ENOENT);

	free(name);
	return failed;
}

/* Where the corrupt file goes: .corrupt-20261124T201500, and -2 and so on when that is taken. */
static char *aside_name(const char *path)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm parts;
	char *name = NULL;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &parts);
	for (int i = 1; i < 1000; i++) {
		char again[16] = "";

		if (i > 1)
			snprintf(again, sizeof(again), "-%d", i);
		if (asprintf(&name, "%s.corrupt-%s%s", path, stamp, again) < 0)
			return NULL;
		if (access(name, F_OK) < 0)
			return name;
		free(name);
	}
	return NULL;
}

static int aside_one(const char *path, const char *name, const char *suffix)
{
	char *from = NULL, *to = NULL;
	int failed = asprintf(&from, "%s%s", path, suffix) < 0 ||
		     asprintf(&to, "%s%s", name, suffix) < 0 ||
		     (rename(from, to) < 0 && errno != ENOENT);

	free(from);
	free(to);
	return failed;
}

int state_aside_move(const char *dir, const char *path, struct weir_error *error)
{
	char *name = aside_name(path);
	int failed = !name || marker_create(dir, path) || aside_one(path, name, "") ||
		     aside_one(path, name, "-wal") || aside_one(path, name, "-shm");

	free(name);
	if (!failed)
		return 0;
	return weir_fail(
		error, WEIR_ERR_IO,
		"%s is damaged and can't be renamed: %s; give the user that runs weir write "
		"access to its folder",
		path, strerror(errno));
}
