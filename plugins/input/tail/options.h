// SPDX-License-Identifier: MIT
/* What the user wrote for one tail input, checked. */
#ifndef TAIL_OPTIONS_H
#define TAIL_OPTIONS_H

#include <weir/plugin.h>

#include "glob.h"

struct multiline;

/* Values of `encoding`. */
#define ENCODING_UTF8 0
#define ENCODING_UTF16LE 1
#define ENCODING_UTF16BE 2
#define ENCODING_AUTO 3

struct tail_options {
	struct glob_list paths, exclude;
	struct multiline *multiline; /* NULL = lines are records */
	uint64_t last_line_ns, rescan_ns, ignore_older_ns;
	uint64_t unlinked_limit; /* bytes; 0 = none */
	uint32_t max_line, max_group;
	uint32_t max_open;
	uint32_t header_lines;
	uint8_t start_beginning, start_given;
	uint8_t long_dead;
	uint8_t keep_empty;
	uint8_t encoding;
};

extern const struct weir_option tail_option_list[];

int tail_options_read(struct tail_options *options, const struct weir_node *node,
		      struct weir_error *error);
void tail_options_done(struct tail_options *options);
/* True when the path is to be followed: matches, is not excluded, and is not compressed. */
int tail_options_match(const struct tail_options *options, const char *path);
/* The same of a path that matches. */
int tail_options_allow(const struct tail_options *options, const char *path);

#endif
