// SPDX-License-Identifier: MIT
/*
 * Compresses finished files on a thread of its own, so that no record waits for it.
 *
 * A compressed file is written under another name, synced, renamed, and only then is the plain one
 * removed: killed at any moment, one of them is whole. What a kill left behind is done at the start.
 */
#ifndef FILE_GZIP_H
#define FILE_GZIP_H

#include <weir/plugin.h>

#include "file_rotation.h"

struct file_gzip;

int32_t file_gzip_create(const struct weir_services *host, struct weir_context *context,
			 struct file_rotation *rotation, struct file_gzip **ret_gzip,
			 struct weir_error *error);
/* Looks for finished files of this path soon. */
void file_gzip_wake(struct file_gzip *gzip, const char *path);
/* Gives up what is half done, and joins the thread. NULL will do. */
void file_gzip_destroy(struct file_gzip *gzip);

#endif
