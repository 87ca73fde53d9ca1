// SPDX-License-Identifier: MIT
/* The options of an instance, read once. */
#ifndef FILE_SETTINGS_H
#define FILE_SETTINGS_H

#include "support/encoding_options/encoding_options.h"

/* Rotated files per path, at most. */
#define FILE_KEEP_MAX 1000

struct file_settings {
	struct encoding_options encoding;
	const char *path;     /* with %Y, %m, %d, %H and %% */
	uint64_t rotate_size; /* bytes; 0 = never */
	uint32_t keep;
	int gzip;
	int sync;
	uint32_t mode;
	uint64_t max_bytes; /* 0 = no bound */
};

extern const struct weir_option file_options[];

int32_t file_settings_read(const struct weir_node *options, struct file_settings *ret_settings,
			   struct weir_error *error);
void file_settings_done(struct file_settings *settings);

#endif
