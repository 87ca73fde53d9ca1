// SPDX-License-Identifier: MIT
/*
 * Lines of configuration files for messages. Problems come file by file in the order of lines, so a
 * file is read once from beginning to end, however many problems it has.
 */
#ifndef CLI_SOURCE_LINE_H
#define CLI_SOURCE_LINE_H

#include <stdint.h>
#include <stdio.h>

/* Zeroed memory is a reader of nothing yet. */
struct source_line {
	const char *path; /* borrowed: must live as long as the reader */
	FILE *file;
	char *text; /* of the line read last, without its end */
	size_t capacity;
	uint32_t number;
};

/* The text of a line, with stars in place of secrets, valid until the next call; NULL when there is none. */
const char *source_line_read(struct source_line *source, const char *path, uint32_t number);
void source_line_done(struct source_line *source);

#endif
