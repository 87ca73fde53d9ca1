// SPDX-License-Identifier: MIT
/* Names of files: the time in them, their folders, and the numbers of rotated ones. */
#ifndef FILE_PATH_H
#define FILE_PATH_H

#include <stddef.h>
#include <stdint.h>

/* Longest path that is written to, with its NUL: PATH_MAX of Linux. */
#define FILE_PATH_SIZE 4096

/* True when each % in the pattern is followed by Y, m, d, H or %. */
int file_path_valid(const char *pattern);
/* The path at a time, in UTC; 0, or ENAMETOOLONG. */
int file_path_expand(const char *pattern, int64_t wall_ns, char *ret_path, size_t size);
/* PATH.NUMBER with a suffix; number 0 = PATH itself. */
int file_path_numbered(const char *path, uint32_t number, const char *suffix, char *ret_path,
		       size_t size);
/* Makes the folders above the file, durably; 0 or an errno. */
int file_path_make_dirs(const char *path);
/* Makes names in the file's folder durable: creations, renames, removals. 0 or an errno. */
int file_path_sync_dir(const char *path);

#endif
