// SPDX-License-Identifier: MIT
#include "cli/token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "base/log.h"

int token_make(const char *state_dir, char ret_token[TOKEN_SIZE])
{
	uint8_t bytes[TOKEN_SIZE / 2];
	char path[PATH_MAX];
	int fd, written;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return WEIR_ERR_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret_token + 2 * i, 3, "%02x", bytes[i]);
	snprintf(path, sizeof(path), "%s/" TOKEN_FILE, state_dir);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	written = fd >= 0 && write(fd, ret_token, TOKEN_SIZE - 1) == TOKEN_SIZE - 1;
	if (!written)
		log_line(WEIR_LOG_WARNING, "admin", NULL,
			 "can't write %s: %s; weir tap will not work", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return written ? 0 : WEIR_ERR_IO;
}

int token_read(const char *state_dir, char ret_token[TOKEN_SIZE], struct weir_error *error)
{
	char path[PATH_MAX];
	ssize_t size = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/" TOKEN_FILE, state_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = read(fd, ret_token, TOKEN_SIZE - 1);
		close(fd);
	}
	if (fd < 0 && errno == ENOENT)
		return weir_fail(error, WEIR_ERR_NOT_FOUND,
				 "the agent is not running: there is no %s; start it, or name its "
				 "weir.yaml by -c",
				 path);
	if (size != TOKEN_SIZE - 1)
		return weir_fail(
			error, WEIR_ERR_IO,
			"can't read %s: %s; ask as root or as the user that runs the agent", path,
			fd < 0 ? strerror(errno) : "it is cut off");
	ret_token[size] = '\0';
	return 0;
}
