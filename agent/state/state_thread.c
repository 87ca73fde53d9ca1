// SPDX-License-Identifier: MIT
/*
 * The thread that commits.
 *
 *            put, sync                 200 ms after arming
 *     idle ─────────────────▶ cycle ◀───────────────────── idle
 *      ▲                      │   │
 *      └───────── worked ─────┘   └── failed ──▶ stalled ── every second ──▶ cycle
 *
 * Idle without anything armed has no time-out. What a failed cycle took stays in `flight` and goes
 * first into the next one; nothing more is taken before it is through, so a full disk does not make
 * memory grow.
 */
#include "state/state_internal.h"

#include <malloc.h>
#include <weir/plugin.h>

#include "base/clock.h"
#include "base/log.h"

#define THREAD_RETRY_MS 1000

/* How often sources that are watched but idle are noted as still there. */
#define THREAD_SEEN_NS (INT64_C(86400) * NS_PER_SECOND)

/* So many sources put or forgotten leave memory behind that is worth looking for. */
#define THREAD_BURST 1000

#define DUE_NEVER UINT64_MAX

static void flight_collect(struct state *state)
{
	struct state_writer *writer = &state->flight.writer;

	pthread_mutex_lock(&state->lock);
	state->commit_due_ns = 0;
	pthread_mutex_unlock(&state->lock);
	atomic_exchange(&state->armed, 0);
	writer->all = clock_wall_ns() - state->all_seen_ns >= THREAD_SEEN_NS;
	if (state->collect)
		state->collect(state->collect_user, writer);
	if (writer->incomplete)
		state_arm(state);
}

static void flight_load(struct state *state, int collect)
{
	struct state_batch *flight = &state->flight;

	/* Positions first: what was put before one of them moved is then among the jobs. */
	if (collect)
		flight_collect(state);
	pthread_mutex_lock(&state->lock);
	flight->jobs = state->queued.jobs;
	flight->chunks = state->queued.chunks;
	flight->values = state->queued.values;
	state->queued.jobs = NULL;
	state->queued.chunks = NULL;
	state->queued.jobs_end = NULL;
	state->queued.awaited = 0;
	state->queued.values = NULL;
	state->gather_due_ns = clock_monotonic_ns() + STATE_GATHER_MS * NS_PER_MS;
	pthread_mutex_unlock(&state->lock);
}

static int flight_commit(struct state *state, struct weir_error *error)
{
	struct state_batch *flight = &state->flight;
	int failed = 0;

	if (!state_batch_is_empty(flight)) {
		pthread_mutex_lock(&state->database_lock);
		failed = state_batch_write(flight, &state->database, &state->statements, error);
		pthread_mutex_unlock(&state->database_lock);
	}
	if (failed)
		return failed;
	for (struct state_job *job = flight->jobs; job; job = job->next) {
		state->burst++;
		if (job->done)
			job->done(job->user);
	}
	if (flight->writer.all)
		state->all_seen_ns = clock_wall_ns();
	pthread_mutex_lock(&state->lock);
	state_batch_clear(flight);
	pthread_mutex_unlock(&state->lock);
	return 0;
}

int state_cycle(struct state *state, int collect, struct weir_error *error)
{
	int failed = flight_commit(state, error);

	if (failed)
		return failed;
	flight_load(state, collect);
	return flight_commit(state, error);
}

/* When there is something to do: 0 = now. Called with the lock. */
static uint64_t thread_due(const struct state *state)
{
	uint64_t due_ns = DUE_NEVER;

	if (state->sync_done < state->sync_wanted)
		return 0;
	if (state->retry_due_ns)
		return state->retry_due_ns;
	if (state->queued.awaited)
		due_ns = state->gather_due_ns;
	return state->commit_due_ns && state->commit_due_ns < due_ns ? state->commit_due_ns
								     : due_ns;
}

static void thread_wait(struct state *state, uint64_t due_ns)
{
	struct timespec until = {(time_t)(due_ns / (uint64_t)NS_PER_SECOND),
				 (long)(due_ns % (uint64_t)NS_PER_SECOND)};

	if (due_ns == DUE_NEVER)
		pthread_cond_wait(&state->wake, &state->lock);
	else
		pthread_cond_timedwait(&state->wake, &state->lock, &until);
}

/* Called with the lock. Logs the change only: a stall of hours is one line. */
static void thread_note(struct state *state, int failed, const struct weir_error *error)
{
	int was = state->retry_due_ns != 0;

	state->sync_error = failed ? *error : (struct weir_error){0};
	state->retry_due_ns = failed ? clock_monotonic_ns() + THREAD_RETRY_MS * NS_PER_MS : 0;
	atomic_store_explicit(&state->stalled, failed != 0, memory_order_relaxed);
	if (failed && !was)
		log_line(WEIR_LOG_ERROR, "state", "state_stalled",
			 "positions can't be saved, trying again every second: %s", error->text);
	if (!failed && was)
		log_line(WEIR_LOG_INFO, "state", "state_resumed", "positions are saved again");
}

/* Called with the lock, which it lets go of while it works. Nothing is left to do, perhaps for days:
 * SQLite's pages and the holes that the jobs left in the heap go back to the system. */
static void thread_give_back(struct state *state)
{
	state->burst = 0;
	pthread_mutex_unlock(&state->lock);
	pthread_mutex_lock(&state->database_lock);
	(void)sqlite3_db_release_memory(state->database.handle);
	pthread_mutex_unlock(&state->database_lock);
	(void)malloc_trim(0);
	pthread_mutex_lock(&state->lock);
}

/* Called with the lock, which it lets go of while it works. */
static void thread_cycle(struct state *state, int collect)
{
	struct weir_error error = {0};
	uint64_t ticket = state->sync_wanted;
	int failed;

	pthread_mutex_unlock(&state->lock);
	failed = state_cycle(state, collect, &error);
	pthread_mutex_lock(&state->lock);
	thread_note(state, failed, &error);
	if (ticket > state->sync_done) {
		state->sync_done = ticket;
		pthread_cond_broadcast(&state->done);
	}
}

static void thread_finish(struct state *state)
{
	thread_cycle(state, 1);
	if (state->retry_due_ns)
		log_line(WEIR_LOG_ERROR, "state", "state_unsaved",
			 "stopping without having saved the last positions: lines since then will "
			 "be "
			 "sent again");
	state->sync_done = UINT64_MAX;
	pthread_cond_broadcast(&state->done);
}

void *state_thread(void *arg)
{
	struct state *state = arg;

	pthread_mutex_lock(&state->lock);
	while (!state->stopping) {
		uint64_t due_ns = thread_due(state);

		if (due_ns == DUE_NEVER && state->burst >= THREAD_BURST)
			thread_give_back(state);
		else if (due_ns > clock_monotonic_ns())
			thread_wait(state, due_ns);
		else
			thread_cycle(state, state->sync_done < state->sync_wanted ||
						    (state->commit_due_ns &&
						     state->commit_due_ns <= clock_monotonic_ns()));
	}
	thread_finish(state);
	pthread_mutex_unlock(&state->lock);
	return NULL;
}
