// SPDX-License-Identifier: MIT
/* What `weir ship` makes of its command line: a pipeline as text. */
#ifndef CLI_SHIP_H
#define CLI_SHIP_H

#include "base/buffer.h"

#define SHIP_OPTIONS_MAX 64

struct ship_request {
	const char *to;
	const char *parse;   /* format; NULL = lines as they are */
	const char *pattern; /* for formats that want one */
	const char *where;
	const char *options[SHIP_OPTIONS_MAX]; /* NAME=VALUE for the output */
	size_t option_count;
	char **files;
	size_t file_count;
	const char *dead_letter; /* path */
};

/* The pipeline's file. An error names what is wrong with the command line. */
int ship_write(const struct ship_request *request, struct buffer *out, struct weir_error *error);

#endif
