// SPDX-License-Identifier: MIT
/*
 * Sources: what an input reads from, scheduled one worker at a time.
 *
 *   NEW ──durable──▶ IDLE ──ready──▶ QUEUED ──▶ RUNNING ──idle──▶ IDLE
 *    │ ready            ▲              ▲  ▲        │ │ ready: AGAIN, then QUEUED
 *    ▼                  │              │  └──more──┘ ├──no memory──▶ PARKED ──relieved──▶ QUEUED
 *   NEW_READY ─durable──┼──────────────┘             ├──end──▶ ENDED ──ledger empty──▶ closed
 *                       │                            └──idle, and busy of late──▶ RESTING
 *                       └──────────────rested──────────────────────────────────────┤
 *                                            RESTING_READY ──rested──▶ QUEUED ◀──ready
 *
 * Invariants
 *   1. read() runs for a source on one worker at a time.
 *   2. Nothing of a new source is read before its id is durable.
 *   3. A source is freed when nothing refers to it: the pipeline's list, a claim's batch, the dirty
 *      list, the state's callback.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "batch/batch_check.h"
#include "pipeline/disk_queue.h"
#include "pipeline/known.h"
#include "pipeline/pipeline.h"
#include "pipeline/rest.h"
#include "pipeline/source_internal.h"
#include "pipeline/state_gate.h"

/* How often a source that moves is noted as seen, beside its position. */
#define SOURCE_SEEN_S 60

/* Batches read in one go before other sources get their turn. */
#define SOURCE_TURN 16

void source_ref(struct source *source)
{
	atomic_fetch_add_explicit(&source->refs, 1, memory_order_relaxed);
}

static void source_leave_ledger(struct source *source)
{
	if (!source->ledger)
		return;
	pthread_mutex_lock(&source->ledger->lock);
	if (atomic_load(&source->ledger->reader) == source)
		atomic_store(&source->ledger->reader, NULL);
	pthread_mutex_unlock(&source->ledger->lock);
}

/* The source that reads on, with a reference: the one of the newest generation, which is another one
 * while an old generation drains. NULL when it is gone. */
static struct source *source_reader(struct source *source)
{
	struct ledger *ledger = source->ledger;
	struct source *reader;
	uint32_t refs;

	if (atomic_load(&ledger->reader) == source) {
		source_ref(source);
		return source;
	}
	pthread_mutex_lock(&ledger->lock);
	reader = atomic_load(&ledger->reader);
	refs = reader ? atomic_load(&reader->refs) : 0;
	/* One whose last reference is just going takes itself out under the lock. */
	while (refs && !atomic_compare_exchange_weak(&reader->refs, &refs, refs + 1))
		;
	pthread_mutex_unlock(&ledger->lock);
	return refs ? reader : NULL;
}

void source_unref(const struct weir_source_view *view)
{
	struct source *source = (struct source *)(uintptr_t)view;

	if (atomic_fetch_sub_explicit(&source->refs, 1, memory_order_acq_rel) != 1)
		return;
	source_leave_ledger(source);
	source_free(source);
}

static void source_unlink(struct source *source)
{
	struct pipeline *pipeline = source->pipeline;

	pthread_mutex_lock(&pipeline->lock);
	if (source->prev)
		source->prev->next = source->next;
	else
		pipeline->sources = source->next;
	if (source->next)
		source->next->prev = source->prev;
	pthread_mutex_unlock(&pipeline->lock);
	metric_change(source->input->files, -1);
	pipeline_signal(pipeline);
}

/* ---- closing ---- */

static void source_close(struct task *task)
{
	struct source *source =
		(struct source *)(void *)((char *)task - offsetof(struct source, task));
	const struct weir_input_ops *ops;

	if (source->forgotten && !source->is_volatile)
		state_forget_source(source->pipeline->host->state, source->view.id);
	/* The inputs of a pipeline that is retired are gone, and its list, which stays as it is, has the
	 * source for the rest. succession_retire() waits for tasks that looked before it said so. */
	if (atomic_load(&source->pipeline->retired)) {
		pipeline_task_done(source->pipeline);
		return;
	}
	ops = source->input->plugin->input;
	source_lag((struct weir_source *)(void *)source, 0);
	if (STAGE_OP(ops, closed))
		ops->closed(source->input->instances[0], source->user);
	source_unlink(source);
	pipeline_task_done(source->pipeline);
	source_unref(&source->view);
}

/* The last step of a source: once it has ended and nothing of it is on its way. */
static void source_try_close(struct source *source)
{
	int state = SOURCE_ENDED;

	if (!ledger_is_empty(source->ledger) ||
	    !atomic_compare_exchange_strong(&source->state, &state, SOURCE_CLOSED))
		return;
	source->task.run = source_close;
	pipeline_push(source->pipeline, &source->task);
}

static void source_tell_acked(struct source *source)
{
	const struct weir_input_ops *ops;
	struct source_acks *acks = source->acks;
	struct call call;
	uint64_t acked;

	if (!acks)
		return;
	pthread_mutex_lock(&acks->lock);
	ops = atomic_load(&source->pipeline->retired) ? NULL : source->input->plugin->input;
	if (ops) {
		acked = ledger_acked(source->ledger, source->outputs);
		if (acked > acks->acked) {
			acks->acked = acked;
			call = call_begin(source->input);
			ops->acked(source->input->instances[0], source->user, acked);
			call_end(source->input, call);
		}
	}
	pthread_mutex_unlock(&acks->lock);
}

void source_await_acks(struct source *source)
{
	if (!source->acks)
		return;
	pthread_mutex_lock(&source->acks->lock);
	pthread_mutex_unlock(&source->acks->lock);
}

void source_release(struct claim *claim, int32_t output)
{
	struct source *source = claim->source;
	struct source *reader;
	int settled, empty;
	uint64_t moved;

	source_ref(source);
	moved = ledger_release(source->ledger, claim, output, &settled, &empty);
	if (settled)
		atomic_fetch_sub(&source->open, 1);
	reader = moved || empty ? source_reader(source) : NULL;
	if (moved) {
		source_mark_dirty(source);
		if (!source->is_volatile && source->pipeline->host->state)
			state_gate_count(source->pipeline, moved);
	}
	if (moved && reader)
		source_tell_acked(reader);
	if (empty && atomic_load(&source->state) == SOURCE_ENDED)
		source_try_close(source);
	if (empty && reader && reader != source && atomic_load(&reader->state) == SOURCE_ENDED)
		source_try_close(reader);
	if (reader)
		source_unref(&reader->view);
	source_unref(&source->view);
}

/* ---- reading ---- */

void source_ready(struct weir_source *handle)
{
	struct source *source = source_of(handle);
	int state = atomic_load(&source->state);

	for (;;) {
		int next;

		if (state == SOURCE_IDLE)
			next = SOURCE_QUEUED;
		else if (state == SOURCE_RUNNING)
			next = SOURCE_AGAIN;
		else if (state == SOURCE_NEW)
			next = SOURCE_NEW_READY;
		else if (state == SOURCE_RESTING)
			next = SOURCE_RESTING_READY;
		else
			return;
		if (atomic_compare_exchange_weak(&source->state, &state, next)) {
			if (next == SOURCE_QUEUED)
				pipeline_push(source->pipeline, &source->task);
			return;
		}
	}
}

void source_requeue(struct source *source)
{
	atomic_store(&source->state, SOURCE_QUEUED);
	pipeline_push(source->pipeline, &source->task);
}

static int source_park(struct source *source)
{
	struct pipeline *pipeline = source->pipeline;
	int parked = 0;

	pthread_mutex_lock(&pipeline->lock);
	if (pipeline->parked_count == pipeline->parked_capacity) {
		uint32_t capacity = pipeline->parked_capacity ? pipeline->parked_capacity * 2 : 16;
		struct source **list =
			realloc(pipeline->parked_list, capacity * sizeof(struct source *));

		if (list) {
			pipeline->parked_list = list;
			pipeline->parked_capacity = capacity;
		}
	}
	if (pipeline->parked_count < pipeline->parked_capacity) {
		atomic_store(&source->state, SOURCE_PARKED);
		pipeline->parked_list[pipeline->parked_count++] = source;
		parked = 1;
	}
	pthread_mutex_unlock(&pipeline->lock);
	return parked;
}

void source_unpark(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->lock);
	while (pipeline->parked_count)
		source_requeue(pipeline->parked_list[--pipeline->parked_count]);
	pthread_mutex_unlock(&pipeline->lock);
}

/* Reads one batch and sends it on; WEIR_READ_* or an error. */
static int32_t source_read(struct source *source)
{
	struct pipeline *pipeline = source->pipeline;
	const struct weir_input_ops *ops = source->input->plugin->input;
	struct weir_error error = {0};
	struct batch *batch = batch_acquire(&pipeline->pool);
	struct call call;
	struct claim *claim;
	uint32_t index;
	int32_t result;
	int added;

	if (!batch)
		return WEIR_ERR_MEMORY;
	batch->pipeline = pipeline;
	source_ref(source);
	if (batch_add_source(batch, &source->view, &index, &added) < 0) {
		source_unref(&source->view);
		batch_unref(batch);
		return WEIR_ERR_MEMORY;
	}
	batch->view.range_start = batch->view.range_end = source->read_position;
	call = call_begin(source->input);
	result = ops->read(source->input->instances[0], source->user, &batch->view, &error);
	call_end(source->input, call);
	if (result < 0) {
		metric_add(source->input->read_errors, 1);
		log_line(WEIR_LOG_ERROR, source->input->origin, "read_failed", "%s", error.text);
	}
	if (source->input->config->stranger && batch_check(&batch->view, &error)) {
		pipeline_fail(pipeline,
			      "the input %s made a batch that cannot be read: %s; "
			      "it is the plugin %s that has to be corrected",
			      source->input->config->name, error.text, source->input->plugin->name);
		batch_unref(batch);
		return WEIR_ERR_INVALID;
	}
	/* What was marked before an error counts: the plugin's position has passed it. */
	if (batch->view.range_end <= source->read_position) {
		batch_unref(batch);
		return result;
	}
	claim = ledger_add(source->ledger, source, source->outputs, source->read_position,
			   batch->view.range_end);
	if (claim)
		atomic_fetch_add(&source->open, 1);
	if (!claim || batch_add_claim(batch, claim, -1) < 0) {
		pipeline_fail(pipeline, "no memory to account for what was read");
		batch_unref(batch);
		return WEIR_ERR_MEMORY;
	}
	metric_add(source->input->bytes, (int64_t)(batch->view.range_end - source->read_position));
	if (source->read_position < source->had_until)
		hold_skip_had(source, batch);
	metric_add(source->input->records, batch->view.record_count - batch->skipped);
	metric_add(source->input->input_dead, batch->dead_count);
	source->read_position = batch->view.range_end;
	atomic_store_explicit(&source->last_read_ns, batch->view.read_ns, memory_order_relaxed);
	if (source->queue)
		disk_queue_dispatch(source->queue, batch);
	else
		flow_run(pipeline, batch, 0);
	return result;
}

/* What follows from a turn's last result. */
static void source_settle(struct source *source, int32_t result)
{
	int state = SOURCE_RUNNING;

	if (result == WEIR_READ_END || result == WEIR_READ_DETACH) {
		source->forgotten = result == WEIR_READ_END;
		atomic_store(&source->state, SOURCE_ENDED);
		atomic_fetch_sub(&source->pipeline->reading, 1);
		source_try_close(source);
	} else if (result == WEIR_READ_MORE ||
		   (!rest_begin(source) &&
		    !atomic_compare_exchange_strong(&source->state, &state, SOURCE_IDLE))) {
		source_requeue(source);
	}
}

void source_run(struct task *task)
{
	struct source *source =
		(struct source *)(void *)((char *)task - offsetof(struct source, task));
	struct pipeline *pipeline = source->pipeline;
	int32_t result = WEIR_READ_MORE;

	source_ref(source);
	atomic_store(&source->state, SOURCE_RUNNING);
	for (int turn = 0; turn < SOURCE_TURN && result == WEIR_READ_MORE; turn++) {
		if (!pipeline_is_reading(pipeline)) {
			atomic_store(&source->state, SOURCE_PARKED);
			goto out;
		}
		if (state_gate_is_closed(pipeline)) {
			if (!source_park(source))
				continue;
			state_gate_wait(pipeline);
			goto out;
		}
		if (!source->queue && !budget_admit(&pipeline->memory->budget)) {
			if (!source_park(source))
				continue;
			if (budget_is_short(&pipeline->memory->budget))
				pipeline_pressure(pipeline);
			/* Room may have come between the refusal and the parking. */
			if (budget_admit(&pipeline->memory->budget))
				source_unpark(pipeline);
			goto out;
		}
		result = source_read(source);
	}
	source_settle(source, result);
out:
	source_unref(&source->view);
	pipeline_task_done(pipeline);
}

/* ---- committing ---- */

void source_mark_dirty(struct source *source)
{
	struct pipeline *pipeline = source->pipeline;

	if (source->is_volatile || !pipeline->host->state || atomic_exchange(&source->dirty, 1))
		return;
	source_ref(source);
	pthread_mutex_lock(&pipeline->lock);
	source->dirty_next = pipeline->dirty;
	pipeline->dirty = source;
	pthread_mutex_unlock(&pipeline->lock);
	state_arm(pipeline->host->state);
}

static uint32_t source_seconds(void)
{
	return (uint32_t)(clock_monotonic_ns() / (uint64_t)NS_PER_SECOND);
}

void source_seen(struct source *source)
{
	atomic_store_explicit(&source->seen_s, source_seconds(), memory_order_relaxed);
}

struct source_writing {
	const struct source *source;
	struct state_writer *writer;
};

static void source_write_position(void *user, const char *output, uint64_t position)
{
	const struct source_writing *writing = user;

	state_write_position(writing->writer, writing->source->view.id, output, position);
}

static void source_write(struct source *source, struct state_writer *writer)
{
	struct source_writing writing = {source, writer};

	if (atomic_load(&source->superseded))
		return;
	if (atomic_load(&source->forgotten) && atomic_load(&source->state) == SOURCE_CLOSED)
		return;
	ledger_each(source->ledger, source_write_position, &writing);
	if (source_seconds() - atomic_load_explicit(&source->seen_s, memory_order_relaxed) <
	    SOURCE_SEEN_S)
		return;
	source_seen(source);
	state_write_seen(writer, source->view.id);
}

void source_collect(struct pipeline *pipeline, struct state_writer *writer)
{
	struct source *source, *list;

	pthread_mutex_lock(&pipeline->lock);
	for (source = pipeline->sources; source && state_writes_all(writer); source = source->next)
		if (!source->is_volatile)
			state_write_seen(writer, source->view.id);
	list = pipeline->dirty;
	pipeline->dirty = NULL;
	pthread_mutex_unlock(&pipeline->lock);
	while (list) {
		source = list;
		list = source->dirty_next;
		/* Cleared before the positions are read: a later change marks it again. */
		atomic_store(&source->dirty, 0);
		source_write(source, writer);
		source_unref(&source->view);
	}
}
