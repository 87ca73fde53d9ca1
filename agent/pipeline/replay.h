// SPDX-License-Identifier: MIT
/*
 * Replay: dead letters go once more through their pipeline, to the output that refused them.
 *
 * It is the pipeline as configured, in an agent of its own that runs once: its input reads letters from
 * files that nobody else writes to, its dead letter is another such file, and its state lives and
 * dies with it. A letter keeps its record's id, position and time, so that a search index knows a record
 * that it has already. How far a file is done with is what the input hears back, as with any source:
 * everything before `done` has an outcome.
 */
#ifndef PIPELINE_REPLAY_H
#define PIPELINE_REPLAY_H

#include "config/config.h"
#include "pipeline/letter.h"

struct replay_file {
	const char *path;
	uint64_t size; /* bytes to read of it */
	uint64_t done; /* bytes of it that are done with */
};

struct replay_counts {
	uint64_t read, delivered, dead, dropped, unrouted;
};

struct replay {
	const struct config *config;
	struct registry *registry;
	const struct config_pipeline *pipeline;
	const struct config_stage
		*output;  /* the only one that gets them, its `when` aside; NULL = all */
	int with_filters; /* 0: the records are as they came out of the filters */
	const struct config_stage *letters; /* how to write those that are refused again */
	const char *letters_path;           /* where; the file is made when there are any */
	const char *state_dir;              /* a folder that may be filled and is removed */
	/* Which letters go; any thread. */
	int (*wanted)(void *user, const struct letter *letter);
	void *user;
	struct replay_file *files;
	size_t file_count;
};

struct agent;

/* Who waits for it. */
struct replay_watch {
	/* Called every now and then, for a progress bar; 0 = stop. */
	int (*tick)(void *user, struct agent *agent);
	/* Then: 1 = don't wait for what is on its way. */
	int (*hurry)(void *user);
	void *user;
};

/* Runs until every wanted letter has an outcome, or until it is stopped. Main thread. Fails when the
 * pipeline could not run. */
int replay_run(struct replay *replay, const struct replay_watch *watch,
	       struct replay_counts *ret_counts, struct weir_error *error);

#endif
