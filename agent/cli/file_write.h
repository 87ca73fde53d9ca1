// SPDX-License-Identifier: MIT
/* A file that is written at once. */
#ifndef CLI_FILE_WRITE_H
#define CLI_FILE_WRITE_H

#include <stddef.h>
#include <weir/abi.h>

/* Writes the whole file; `flags` are those of open(), beside O_WRONLY and O_CREAT. With O_EXCL a file that
 * could be written only in part is taken away again. The error names the path. */
int file_write(const char *path, int flags, unsigned mode, const char *data, size_t size,
	       struct weir_error *error);

#endif
