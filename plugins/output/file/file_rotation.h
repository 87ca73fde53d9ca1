// SPDX-License-Identifier: MIT
/*
 * Finished files: PATH.1 is the newest, each moves up by one when another comes, and what would pass
 * `keep` is deleted. Compressed ones are called PATH.N.gz.
 *
 * The lock covers renames only. The compressor reads a file by its descriptor, writes PATH.gz.part,
 * and looks up under the lock which number the file has by then.
 */
#ifndef FILE_ROTATION_H
#define FILE_ROTATION_H

#include <pthread.h>
#include <stdint.h>

struct file_rotation {
	pthread_mutex_t lock;
	uint32_t keep;
};

void file_rotation_init(struct file_rotation *rotation, uint32_t keep);
void file_rotation_done(struct file_rotation *rotation);
/* Renames PATH to PATH.1 and those before it up; 0 or an errno. */
int file_rotation_shift(struct file_rotation *rotation, const char *path);
/* Bytes in all finished files of this path. */
uint64_t file_rotation_bytes(struct file_rotation *rotation, const char *path);

#endif
