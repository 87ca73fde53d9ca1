// SPDX-License-Identifier: MIT
/*
 * Opening, closing and the queue. The folder's lock is held from before the database is touched
 * until after it is closed.
 */
#include "state/state.h"

#include <stdlib.h>
#include <weir/plugin.h>

#include "base/clock.h"
#include "state/state_internal.h"
#include "state/state_lock.h"

static struct state *state_create(int readonly)
{
	struct state *state = calloc(1, sizeof(*state));
	pthread_mutexattr_t recursive;
	pthread_condattr_t monotonic;

	if (!state)
		return NULL;
	state->readonly = readonly;
	state->lock_fd = -1;
	state->all_seen_ns = clock_wall_ns();
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&state->database_lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&state->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&state->wake, &monotonic);
	pthread_cond_init(&state->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return state;
}

static void state_free(struct state *state)
{
	state_statements_finalize(&state->statements);
	if (state->database.handle)
		state_database_close(&state->database);
	state_lock_release(state->lock_fd);
	state_batch_clear(&state->queued);
	state_batch_clear(&state->flight);
	free(state->flight.writer.positions);
	buffer_done(&state->flight.writer.names);
	pthread_cond_destroy(&state->done);
	pthread_cond_destroy(&state->wake);
	pthread_mutex_destroy(&state->lock);
	pthread_mutex_destroy(&state->database_lock);
	free(state);
}

/* A database that replaced a corrupt one says so until a pipeline has gone on from there. */
static int reset_pending(struct state *state, int *ret_reset, struct weir_error *error)
{
	int64_t pending = 0;
	int failed = state_database_number(&state->database,
					   "SELECT EXISTS (SELECT 1 FROM resets)"
					   " AND NOT EXISTS (SELECT 1 FROM inputs)",
					   &pending, error);

	*ret_reset = pending != 0;
	return failed;
}

int state_open(const char *dir, struct state **ret_state, int *ret_reset, struct weir_error *error)
{
	struct state *state = state_create(0);
	int set_aside = 0, pending = 0;
	int failed;

	if (!state)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to open the state database");
	failed = state_lock_take(dir, &state->lock_fd, error);
	if (!failed)
		failed = state_database_open(dir, &state->database, &set_aside, error);
	if (!failed)
		failed = reset_pending(state, &pending, error);
	if (!failed)
		failed = state_statements_prepare(&state->database, &state->statements, error);
	if (failed) {
		state_free(state);
		return failed;
	}
	*ret_state = state;
	*ret_reset = set_aside || pending;
	return 0;
}

int state_open_readonly(const char *dir, struct state **ret_state, struct weir_error *error)
{
	struct state *state = state_create(1);
	int failed;

	if (!state)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to open the state database");
	failed = state_database_open_readonly(dir, &state->database, error);
	if (failed) {
		state_free(state);
		return failed;
	}
	*ret_state = state;
	return 0;
}

int state_start(struct state *state, void (*collect)(void *user, struct state_writer *writer),
		void *user, struct weir_error *error)
{
	int status;

	if (state->readonly || state->started)
		return weir_fail(error, WEIR_ERR_STATE, "the state can't be started");
	state->collect = collect;
	state->collect_user = user;
	state->started = 1;
	status = pthread_create(&state->thread, NULL, state_thread, state);
	if (status == 0)
		return 0;
	state->started = 0;
	return weir_fail(error, WEIR_ERR_MEMORY, "can't start the state's thread: %s",
			 strerror(status));
}

void state_close(struct state *state)
{
	if (!state)
		return;
	if (state->started) {
		pthread_mutex_lock(&state->lock);
		state->stopping = 1;
		pthread_cond_signal(&state->wake);
		pthread_mutex_unlock(&state->lock);
		pthread_join(state->thread, NULL);
	} else if (!state->readonly) {
		state_cycle(state, 0, NULL);
	}
	state_free(state);
}

static void arm(struct state *state, uint64_t delay_ns)
{
	uint64_t due_ns = clock_monotonic_ns() + delay_ns;

	pthread_mutex_lock(&state->lock);
	if (!state->commit_due_ns || due_ns < state->commit_due_ns) {
		state->commit_due_ns = due_ns;
		pthread_cond_signal(&state->wake);
	}
	pthread_mutex_unlock(&state->lock);
}

void state_arm(struct state *state)
{
	if (atomic_exchange(&state->armed, 1) == 0)
		arm(state, STATE_COMMIT_MS * NS_PER_MS);
}

void state_hurry(struct state *state)
{
	atomic_exchange(&state->armed, 1);
	arm(state, 0);
}

int state_sync(struct state *state, struct weir_error *error)
{
	uint64_t ticket;
	int failed;

	if (!state->started)
		return state->readonly ? 0 : state_cycle(state, 0, error);
	pthread_mutex_lock(&state->lock);
	ticket = ++state->sync_wanted;
	pthread_cond_signal(&state->wake);
	while (state->sync_done < ticket)
		pthread_cond_wait(&state->done, &state->lock);
	failed = state->sync_error.code;
	if (failed && error)
		*error = state->sync_error;
	pthread_mutex_unlock(&state->lock);
	return failed;
}

static int queue_job(struct state *state, const struct state_source *source,
		     enum state_job_kind kind, void (*done)(void *user), void *user)
{
	struct state_batch *queued = &state->queued;
	struct state_job *job;

	if (state->readonly)
		return WEIR_ERR_STATE;
	pthread_mutex_lock(&state->lock);
	job = state_job_create(queued, source, kind);
	if (job) {
		job->done = done;
		job->user = user;
		if (queued->jobs)
			*queued->jobs_end = job;
		else
			queued->jobs = job;
		queued->jobs_end = &job->next;
	}
	if (job && done && !queued->awaited) {
		queued->awaited = 1;
		pthread_cond_signal(&state->wake);
	}
	pthread_mutex_unlock(&state->lock);
	if (job && !done)
		state_arm(state);
	return job ? 0 : WEIR_ERR_MEMORY;
}

int state_put_source(struct state *state, const struct state_source *source,
		     void (*done)(void *user), void *user)
{
	return queue_job(state, source, STATE_JOB_PUT, done, user);
}

int state_change_source(struct state *state, const struct state_source *source)
{
	return queue_job(state, source, STATE_JOB_CHANGE, NULL, NULL);
}

void state_forget_source(struct state *state, const uint8_t source_id[16])
{
	struct state_source source = {0};

	memcpy(source.id, source_id, sizeof(source.id));
	/* Without memory it stays known until it expires. */
	(void)queue_job(state, &source, STATE_JOB_FORGET, NULL, NULL);
}

static int writer_name(struct state_writer *writer, const char *output, size_t *ret_offset)
{
	size_t size = strlen(output) + 1;

	if (writer->names.size && strcmp(writer->names.data + writer->last_name, output) == 0) {
		*ret_offset = writer->last_name;
		return 0;
	}
	*ret_offset = writer->names.size;
	if (buffer_append(&writer->names, output, size) != 0)
		return WEIR_ERR_MEMORY;
	writer->last_name = *ret_offset;
	return 0;
}

static int writer_room(struct state_writer *writer)
{
	size_t capacity = writer->capacity ? writer->capacity * 2 : 64;
	struct state_position *positions;

	if (writer->count < writer->capacity)
		return 0;
	positions = realloc(writer->positions, capacity * sizeof(*positions));
	if (!positions)
		return WEIR_ERR_MEMORY;
	writer->positions = positions;
	writer->capacity = capacity;
	return 0;
}

void state_write_position(struct state_writer *writer, const uint8_t source_id[16],
			  const char *output, uint64_t position)
{
	struct state_position at = {.position = position};

	if (writer_room(writer) != 0 || writer_name(writer, output, &at.output) != 0) {
		writer->incomplete = 1;
		return;
	}
	memcpy(at.source_id, source_id, sizeof(at.source_id));
	writer->positions[writer->count++] = at;
}

void state_write_seen(struct state_writer *writer, const uint8_t source_id[16])
{
	struct state_position at = {.output = STATE_NO_OUTPUT};

	if (writer_room(writer) != 0) {
		writer->incomplete = 1;
		return;
	}
	memcpy(at.source_id, source_id, sizeof(at.source_id));
	writer->positions[writer->count++] = at;
}

int state_writes_all(const struct state_writer *writer)
{
	return writer->all;
}

int state_is_stalled(struct state *state)
{
	return atomic_load_explicit(&state->stalled, memory_order_relaxed);
}

void state_stalled(struct state *state, char *text, size_t size)
{
	if (size == 0)
		return;
	pthread_mutex_lock(&state->lock);
	snprintf(text, size, "%s", state->retry_due_ns ? state->sync_error.text : "");
	pthread_mutex_unlock(&state->lock);
}
