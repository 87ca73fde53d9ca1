// SPDX-License-Identifier: MIT
#include "cli/file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <weir/plugin.h>

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t more = write(fd, data, size);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return errno;
		data += more;
		size -= (size_t)more;
	}
	return 0;
}

int file_write(const char *path, int flags, unsigned mode, const char *data, size_t size,
	       struct weir_error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
	int why = fd < 0 ? errno : write_all(fd, data, size);

	if (fd >= 0 && close(fd) < 0 && !why)
		why = errno;
	if (!why)
		return 0;
	if (fd >= 0 && flags & O_EXCL)
		(void)unlink(path);
	return weir_fail(error, WEIR_ERR_IO, "can't write %s: %s", path, strerror(why));
}
