// SPDX-License-Identifier: MIT
#include "file_rotation.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_path.h"

static const char *const suffixes[] = {"", ".gz"};

#define SUFFIXES 2

void file_rotation_init(struct file_rotation *rotation, uint32_t keep)
{
	pthread_mutex_init(&rotation->lock, NULL);
	rotation->keep = keep;
}

void file_rotation_done(struct file_rotation *rotation)
{
	pthread_mutex_destroy(&rotation->lock);
}

/* Moves PATH.number up by one, or deletes the last. A number that isn't there is no failure. */
static int shift_one(const struct file_rotation *rotation, const char *path, uint32_t number,
		     const char *suffix)
{
	char from[FILE_PATH_SIZE], to[FILE_PATH_SIZE];
	int failed = file_path_numbered(path, number, suffix, from, sizeof(from));

	if (!failed)
		failed = file_path_numbered(path, number + 1, suffix, to, sizeof(to));
	if (failed)
		return failed;
	if (number == rotation->keep)
		failed = unlink(from);
	else
		failed = rename(from, to);
	return failed < 0 && errno != ENOENT ? errno : 0;
}

int file_rotation_shift(struct file_rotation *rotation, const char *path)
{
	int failed = 0;

	pthread_mutex_lock(&rotation->lock);
	for (uint32_t number = rotation->keep; number >= 1 && !failed; number--)
		for (int i = 0; i < SUFFIXES && !failed; i++)
			failed = shift_one(rotation, path, number, suffixes[i]);
	if (!failed)
		failed = shift_one(rotation, path, 0, "");
	if (!failed)
		failed = file_path_sync_dir(path);
	pthread_mutex_unlock(&rotation->lock);
	return failed;
}

uint64_t file_rotation_bytes(struct file_rotation *rotation, const char *path)
{
	char name[FILE_PATH_SIZE];
	uint64_t bytes = 0;
	struct stat info;

	pthread_mutex_lock(&rotation->lock);
	for (uint32_t number = 1; number <= rotation->keep; number++)
		for (int i = 0; i < SUFFIXES; i++)
			if (file_path_numbered(path, number, suffixes[i], name, sizeof(name)) ==
				    0 &&
			    stat(name, &info) == 0)
				bytes += (uint64_t)info.st_size;
	pthread_mutex_unlock(&rotation->lock);
	return bytes;
}
