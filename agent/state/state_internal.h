// SPDX-License-Identifier: MIT
/*
 * struct state, for the files of this folder.
 *
 * Two locks. `database_lock` guards the connection and its statements; it is recursive because a
 * callback of state_each_source() may ask for positions. `lock` guards the queue and the thread's
 * orders, is held for moments only, and may be taken while database_lock is held, never the other
 * way round. No callback runs under `lock`.
 */
#ifndef STATE_STATE_INTERNAL_H
#define STATE_STATE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "state/state_commit.h"

struct state {
	pthread_mutex_t database_lock;
	struct state_database database;
	struct state_statements statements;
	int readonly;
	int lock_fd;

	/* 1 from the first arming to the moment before the collector is asked. An exchange on both
	 * sides: what was changed before arming is seen by the collector. */
	atomic_int armed;
	atomic_int stalled; /* the last cycle failed: as retry_due_ns, without the lock */

	pthread_mutex_t lock;
	pthread_cond_t wake; /* the thread has something to do, or to stop */
	pthread_cond_t done; /* sync_done has moved */
	struct state_batch queued;
	struct state_batch flight; /* the thread's; its list of values changes under `lock` only */
	uint64_t commit_due_ns;    /* monotonic; 0 = not armed */
	uint64_t gather_due_ns;    /* monotonic: not before this are awaited jobs committed */
	uint64_t retry_due_ns;     /* monotonic; 0 = the last commit worked */
	uint64_t sync_wanted, sync_done; /* tickets of state_sync() */
	struct weir_error sync_error;    /* of the last cycle; code 0 = it worked */
	int started, stopping;

	/* The thread's own. */
	pthread_t thread;
	void (*collect)(void *user, struct state_writer *writer);
	void *collect_user;
	int64_t all_seen_ns; /* wall clock: every source that there is was noted as seen, or is new since */
	uint32_t burst; /* jobs done since memory was last given back */
};

/* Takes what is queued, with `collect` also what the collector has, and commits it. Called by the
 * state's thread, or by anyone while it does not run. */
int state_cycle(struct state *state, int collect, struct weir_error *error);
void *state_thread(void *state);

#endif
