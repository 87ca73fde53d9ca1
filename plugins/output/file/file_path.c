// SPDX-License-Identifier: MIT
#include "file_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_DIR_MODE 0750

int file_path_valid(const char *pattern)
{
	for (; *pattern; pattern++)
		if (*pattern == '%' && (!*++pattern || !strchr("YmdH%", *pattern)))
			return 0;
	return 1;
}

int file_path_expand(const char *pattern, int64_t wall_ns, char *ret_path, size_t size)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm parts;

	gmtime_r(&seconds, &parts);
	return strftime(ret_path, size, pattern, &parts) ? 0 : ENAMETOOLONG;
}

int file_path_numbered(const char *path, uint32_t number, const char *suffix, char *ret_path,
		       size_t size)
{
	int length = number ? snprintf(ret_path, size, "%s.%u%s", path, number, suffix)
			    : snprintf(ret_path, size, "%s%s", path, suffix);

	return length < 0 || (size_t)length >= size ? ENAMETOOLONG : 0;
}

int file_path_sync_dir(const char *path)
{
	char dir[FILE_PATH_SIZE];
	char *slash;
	int failed = 0;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	else
		strcpy(dir, ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fsync(fd) < 0)
		failed = errno;
	close(fd);
	return failed;
}

int file_path_make_dirs(const char *path)
{
	char dir[FILE_PATH_SIZE];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int failed = 0;

		*slash = '\0';
		if (mkdir(dir, PATH_DIR_MODE) == 0)
			failed = file_path_sync_dir(dir);
		else if (errno != EEXIST)
			failed = errno;
		*slash = '/';
		if (failed)
			return failed;
	}
	return 0;
}
