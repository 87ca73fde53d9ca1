// SPDX-License-Identifier: MIT
/* A folder for the time of one command, under TMPDIR or /tmp, readable by its user only. */
#ifndef CLI_TEMPORARY_H
#define CLI_TEMPORARY_H

#include <limits.h>
#include <weir/abi.h>

/* `path` gets the folder's; NAME_MAX more bytes are left for files in it. */
struct temporary {
	char path[PATH_MAX - NAME_MAX];
};

int temporary_make(struct temporary *ret_folder, struct weir_error *error);
/* Removes a folder with all that is in it. */
void temporary_remove(const char *path);

#endif
