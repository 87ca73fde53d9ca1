// SPDX-License-Identifier: MIT
/* What the parts of `weir dead` share. */
#ifndef CLI_DEAD_H
#define CLI_DEAD_H

#include "config/config.h"
#include "pipeline/letter.h"
#include "pipeline/letter_file.h"

/* Memory to unescape one letter. */
#define DEAD_SCRATCH_MAX ((size_t)1 << 30)

/* Which letters are meant; NULL and 0 = any. */
struct dead_filter {
	const char *pipeline, *stage, *reason;
	int64_t since_ns, until_ns;
};

/* Where letters are: a path as the file output takes it. */
struct dead_place {
	char *pattern;
};

struct dead {
	struct config *config;
	struct registry *registry;
	struct dead_place *places;
	size_t place_count;
	struct dead_filter filter;
	int all, json, quiet;
	uint64_t limit; /* letters to show; 0 = all */
};

/* The stage of a pipeline whose letters can be read back, or NULL. */
const struct config_stage *dead_stage(const struct config_pipeline *pipeline);
int dead_wants(const struct dead_filter *filter, const struct letter *letter);
int dead_filter_is_set(const struct dead_filter *filter);

/* Calls for every letter that is wanted, and for lines that are none (letter NULL); `call` returns 0 to
 * go on. A last line without newline, which an agent may be writing, is left out where `live`. */
struct dead_scan {
	int (*call)(void *user, const char *path, const struct letter_line *line,
		    const struct letter *letter);
	void *user;
	int live;
};
int dead_scan_files(const struct dead *dead, const struct letter_files *files,
		    const struct dead_scan *scan, struct weir_error *error);

int dead_list(struct dead *dead);
int dead_show(struct dead *dead);
int dead_drop(struct dead *dead);
int dead_replay(struct dead *dead);

#endif
