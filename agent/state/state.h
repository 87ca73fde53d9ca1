// SPDX-License-Identifier: MIT
/*
 * Durable state in SQLite: source ids, positions, and small values of plugins.
 *
 * One thread owns the database while it runs. Positions are not pushed: whoever changed one arms
 * the state, and at the next commit (STATE_COMMIT_MS later) the collector is asked to write those
 * that changed, all in one transaction (WAL, synchronous NORMAL). New source ids, for whose commit
 * somebody waits, are committed at once, with synchronous FULL; further ones within STATE_GATHER_MS
 * after that, as many as are waiting in one transaction. Nothing armed: no wake-ups.
 *
 * A failing commit (disk full) is logged once, retried every second, and loses nothing: the
 * collector is asked again; state_stalled() says why meanwhile.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stddef.h>
#include <weir/abi.h>

#define STATE_COMMIT_MS 200
#define STATE_GATHER_MS 10
#define STATE_COMMIT_BYTES (UINT64_C(64) << 20)
#define STATE_EXPIRY_DAYS 30
#define STATE_SCHEMA_VERSION 1

struct state;
struct state_writer;

struct state_source {
	uint8_t id[16];
	const char *pipeline; /* its id */
	const char *input;    /* the stage's name */
	struct weir_slice name;
	struct weir_slice identity;
	int64_t seen_ns; /* wall clock */
};

/* Opens DIR/state.db, made if missing, and locks the folder: WEIR_ERR_REFUSED names the process that
 * holds it. A corrupt database is set aside as state.db.corrupt-TIME; *ret_reset is then 1. A newer
 * schema is refused. The folder is made with mode 0700 when its parent exists. */
int state_open(const char *dir, struct state **ret_state, int *ret_reset, struct weir_error *error);
/* Opens read-only, without lock or thread, for `weir status` and `weir positions`. */
int state_open_readonly(const char *dir, struct state **ret_state, struct weir_error *error);
/* Commits what is armed, joins the thread, unlocks. */
void state_close(struct state *state);

/* Before state_start(), or on a read-only one. Callbacks return 0 to go on. */
int state_each_source(struct state *state, const char *pipeline, const char *input,
		      int (*call)(void *user, const struct state_source *source), void *user,
		      struct weir_error *error); /* NULL = any */
int state_each_position(struct state *state, const uint8_t source_id[16],
			int (*call)(void *user, const char *output, uint64_t position), void *user,
			struct weir_error *error);
/* The same of all sources of a pipeline, in one go. */
int state_positions_of(struct state *state, const char *pipeline,
		       int (*call)(void *user, const uint8_t source_id[16], const char *output,
				   uint64_t position),
		       void *user, struct weir_error *error);
/* True when this pipeline id has been run before with this input (state_mark_seen). */
int state_seen(struct state *state, const char *pipeline, const char *input);
/* True when the output has been part of the pipeline before. */
int state_output_seen(struct state *state, const char *pipeline, const char *output);
int state_mark_seen(struct state *state, const char *pipeline, const char *input,
		    struct weir_error *error);
int state_mark_output_seen(struct state *state, const char *pipeline, const char *output,
			   struct weir_error *error);

/* By hand, before state_start(); durable when they return. A position of an output that had none is
 * added; a source that is removed is new to its input when it is seen again. */
int state_set_position(struct state *state, const uint8_t source_id[16], const char *output,
		       uint64_t position, struct weir_error *error);
int state_remove_source(struct state *state, const uint8_t source_id[16], struct weir_error *error);

/* Starts the committing thread. */
int state_start(struct state *state, void (*collect)(void *user, struct state_writer *writer),
		void *user, struct weir_error *error);
/* Something changed: commit within STATE_COMMIT_MS. Any thread; cheap when armed already. */
void state_arm(struct state *state);
/* Commit now, and return when it is done (or has failed once). Any thread but the state's. */
int state_sync(struct state *state, struct weir_error *error);

/* Queues a source that is new, or taken up again; done(user), if not NULL, runs on the state's thread when
 * it is durable. The caller's strings are copied; an empty name or identity leaves the old one. Without
 * done it is committed within STATE_COMMIT_MS, and no later than a position that moves after this call. */
int state_put_source(struct state *state, const struct state_source *source,
		     void (*done)(void *user), void *user);
/* The same of a source that was put before and has another name or identity: of these and of seen_ns only. */
int state_change_source(struct state *state, const struct state_source *source);
void state_forget_source(struct state *state, const uint8_t source_id[16]);

/* Inside collect(). Ignored when the source was never put, or has been forgotten. */
void state_write_position(struct state_writer *writer, const uint8_t source_id[16],
			  const char *output, uint64_t position);

/* Inside collect(): the source is there, and is noted as seen now: a row to write, so not each time that it
 * moves. */
void state_write_seen(struct state_writer *writer, const uint8_t source_id[16]);
/* Inside collect(): true once a day, when this is to be said of every source that there is, so that an idle
 * file does not expire. */
int state_writes_all(const struct state_writer *writer);

/* Values of plugins, at most so many bytes: the ABI's bounds of state_set(). Puts are queued for the next
 * commit and visible to get at once. */
#define STATE_KEY_MAX 256
#define STATE_VALUE_MAX (1u << 20)

int state_put_value(struct state *state, const char *owner, struct weir_slice key,
		    struct weir_slice value);
int64_t state_get_value(struct state *state, const char *owner, struct weir_slice key, void *buffer,
			size_t buffer_size);

/* Armed changes are committed now rather than at the end of the interval (STATE_COMMIT_BYTES have
 * been read). Any thread; does not wait. */
void state_hurry(struct state *state);
/* True when positions of this input may have been in a corrupt database that was set aside: there was
 * one within STATE_EXPIRY_DAYS, and state_mark_seen() has not been called since. Unlike *ret_reset it
 * still holds at later starts, for pipelines that on_corrupt_state keeps from running. */
int state_concerned(struct state *state, const char *pipeline, const char *input);

/* Whether the last commit failed; cheap. Any thread. */
int state_is_stalled(struct state *state);
/* "" when commits work, else the reason. Copies into text. */
void state_stalled(struct state *state, char *text, size_t size);

#endif
