// SPDX-License-Identifier: MIT
/* Regular files and /dev/null only: opening a pipe or a terminal would wait for ever. */
#include "config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/problems.h"

void config_file_error(struct config_file *file, uint32_t line, uint32_t column, const char *format,
		       ...)
{
	va_list args;

	va_start(args, format);
	config_vadd_problem(file->config, CONFIG_ERROR, file->path, line, column, format, args);
	va_end(args);
	file->errors++;
}

void config_file_warning(struct config_file *file, uint32_t line, uint32_t column,
			 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	config_vadd_problem(file->config, CONFIG_WARNING, file->path, line, column, format, args);
	va_end(args);
}

void config_file_of(struct config_file *file, struct config *config, const char *path,
		    struct weir_slice text)
{
	*file = (struct config_file){.config = config,
				     .path = path,
				     .text = text.data ? text.data : "",
				     .size = text.size,
				     .first_problem = config->problem_count};
	if (file->size > CONFIG_FILE_MAX)
		config_file_error(file, 0, 0,
				  "the file is larger than 1 MiB, which no configuration is; is it "
				  "the right file?");
}

static int read_text(struct config_file *file, int fd)
{
	char *text = config_alloc(&file->memory, CONFIG_FILE_MAX + 1);

	file->text = text;
	while (text && file->size <= CONFIG_FILE_MAX) {
		ssize_t got = read(fd, text + file->size, CONFIG_FILE_MAX + 1 - file->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			config_file_error(file, 0, 0, "it cannot be read: %s", strerror(errno));
			return WEIR_ERR_IO;
		}
		if (got == 0)
			return 0;
		file->size += (size_t)got;
	}
	if (!text)
		return WEIR_ERR_MEMORY;
	config_file_error(
		file, 0, 0,
		"the file is larger than 1 MiB, which no configuration is; is it the right "
		"file?");
	return WEIR_ERR_INVALID;
}

int config_file_open(struct config_file *file, struct config *config, const char *path)
{
	struct stat status;
	int result;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	config_file_of(file, config, path, (struct weir_slice){NULL, 0});
	if (fd < 0) {
		config_file_error(file, 0, 0, "it cannot be opened: %s", strerror(errno));
		return errno == ENOENT ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO;
	}
	if (fstat(fd, &status) || (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))) {
		config_file_error(file, 0, 0, "it is %s, not a file; give the path of a file",
				  S_ISDIR(status.st_mode) ? "a folder" : "a pipe or a device");
		result = WEIR_ERR_INVALID;
	} else {
		result = read_text(file, fd);
	}
	close(fd);
	return result;
}

void config_file_done(struct config_file *file)
{
	config_sort_problems(file->config, file->first_problem);
	if (file->memory.failed)
		file->config->memory->failed = 1;
	config_memory_done(&file->memory);
}

char *config_path_beside(struct config_memory *memory, const char *file_path, const char *path)
{
	const char *slash = strrchr(file_path, '/');

	if (path[0] == '/' || !slash)
		return config_copy(memory, path, strlen(path));
	return config_print(memory, "%.*s/%s", (int)(slash - file_path), file_path, path);
}
