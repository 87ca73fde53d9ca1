// SPDX-License-Identifier: MIT
#include "pipeline/succession.h"

#include <stdlib.h>

#include "base/clock.h"
#include "pipeline/disk_queue.h"
#include "pipeline/known.h"

/* ---- sources ---- */

struct committed {
	const struct pipeline *pipeline;
	uint64_t *positions; /* per output of the pipeline */
};

/* An output that was ahead when an earlier run ended is still ahead. */
static void take_committed(void *user, const char *output, uint64_t position)
{
	struct committed *committed = user;

	for (uint32_t i = 0; i < committed->pipeline->output_count; i++)
		if (strcmp(committed->pipeline->outputs[i]->config->name, output) == 0 &&
		    position > committed->positions[i])
			committed->positions[i] = position;
}

static void begin_at(struct pipeline *next, struct known_source *known, struct ledger *ledger,
		     uint64_t start)
{
	struct committed committed = {next, known->positions};

	for (uint32_t i = 0; i < next->output_count; i++)
		known->positions[i] = start;
	ledger_each(ledger, take_committed, &committed);
}

/* What the old generation was itself still reading again for its filters. */
static int take_remainder(struct known_source *known, const struct source *source)
{
	if (source->read_position >= source->had_until)
		return 0;
	known->had_until = source->had_until;
	if (!source->held)
		return 0;
	known->held.all |= source->held->all;
	for (uint32_t i = 0; i < source->held->count; i++)
		if (source->held->positions[i] >= source->read_position &&
		    hold_add(&known->held, source->held->positions[i]) < 0)
			return WEIR_ERR_MEMORY;
	return 0;
}

/* What the old generation could not deal with (a filter's error, no memory) is read again, as by a
 * restart: its claims are never settled, though nothing is on its way. */
static int is_astray(struct pipeline *old, const struct source *source,
		     const struct hold_positions *held)
{
	if (pipeline_has_failed(old))
		return 1;
	return pipeline_drained(old) && held->start == UINT64_MAX && atomic_load(&source->open);
}

static int take_source(struct pipeline *next, struct known_source *known, struct pipeline *old,
		       struct source *source)
{
	uint64_t start = source->read_position;
	int status;

	status = hold_list(old, source, &known->held);
	if (status == 0 && is_astray(old, source, &known->held)) {
		struct committed committed = {next, known->positions};

		source->astray = 1;
		atomic_store(&source->superseded, 1);
		ledger_each(source->ledger, take_committed, &committed);
		return 0;
	}
	known->had_until = start;
	if (status == 0)
		status = take_remainder(known, source);
	if (status < 0)
		return status;
	if (known->held.start == UINT64_MAX) {
		known->ledger = source->ledger;
		ledger_ref(known->ledger);
	} else {
		/* What the filters hold is read again. Nothing else is on its way, so the new
		 * generation begins a ledger of its own there, and the old one says no more. */
		start = known->held.start < start ? known->held.start : start;
		atomic_store(&source->superseded, 1);
	}
	begin_at(next, known, source->ledger, start);
	return 0;
}

/* What the old generation would have read, had its inputs been started. */
static void take_intention(struct pipeline *next, struct known_source *known,
			   const struct pipeline *old, struct known_source *before)
{
	uint64_t start = known_position(old, before);

	known->had_until = before->had_until;
	known->held = before->held;
	before->held = (struct hold_positions){0};
	for (uint32_t i = 0; i < next->output_count; i++)
		known->positions[i] = start;
	for (uint32_t i = 0; i < old->output_count; i++)
		take_committed(&(struct committed){next, known->positions},
			       old->outputs[i]->config->name, before->positions[i]);
}

/* A source that was closed, but may come back, or that was never opened. */
static void take_known(struct pipeline *next, struct known_source *known, struct pipeline *old)
{
	struct known_source *before = known_find(old, known->id);

	if (!before || pipeline_has_failed(old))
		return;
	if (!before->ledger && before->had_until)
		take_intention(next, known, old, before);
	if (!before->ledger)
		return;
	known->ledger = before->ledger;
	ledger_ref(known->ledger);
	known->had_until = before->ledger->read_end;
	begin_at(next, known, known->ledger, known->had_until);
}

/* The sources of a generation at one moment, by id. */
struct succession_sources {
	struct source **list; /* a reference each */
	uint32_t count;
	struct id_index by_id;
};

static void sources_leave(struct succession_sources *sources)
{
	for (uint32_t i = 0; i < sources->count; i++)
		source_unref(&sources->list[i]->view);
	free(sources->list);
	id_index_done(&sources->by_id);
}

static int sources_take(struct pipeline *pipeline, struct succession_sources *ret_sources)
{
	struct succession_sources sources = {0};
	uint32_t count = 0;
	int status = WEIR_ERR_MEMORY;

	pthread_mutex_lock(&pipeline->lock);
	for (const struct source *source = pipeline->sources; source; source = source->next)
		count++;
	sources.list = malloc((count + 1) * sizeof(*sources.list));
	if (sources.list && id_index_init(&sources.by_id, count) == 0)
		status = 0;
	for (struct source *source = pipeline->sources; status == 0 && source;
	     source = source->next) {
		source_ref(source);
		sources.list[sources.count++] = source;
		id_index_add(&sources.by_id, source->view.id);
	}
	pthread_mutex_unlock(&pipeline->lock);
	if (status < 0)
		sources_leave(&sources);
	else
		*ret_sources = sources;
	return status;
}

static struct source *sources_find(const struct succession_sources *sources, const uint8_t id[16])
{
	const uint8_t *found = id_index_find(&sources->by_id, id);

	return found ? (struct source *)(uintptr_t)(found - offsetof(struct source, view.id))
		     : NULL;
}

static int take_all(struct pipeline *next, struct pipeline *old,
		    const struct succession_sources *sources)
{
	int status = 0;

	for (uint32_t i = 0; status == 0 && i < next->known_count; i++) {
		struct known_source *known = &next->known[i];
		struct source *source = sources_find(sources, known->id);

		known->stored = 0; /* the old generation still writes */
		if (!source)
			take_known(next, known, old);
		else if (atomic_load(&source->forgotten))
			known->over = 1;
		else
			status = take_source(next, known, old, source);
	}
	return status;
}

int succession_begin(struct pipeline *next, struct pipeline *old, struct weir_error *error)
{
	struct succession_sources sources;
	int status = known_load(next, error);

	if (status == 0)
		status = sources_take(old, &sources);
	if (status == 0) {
		status = take_all(next, old, &sources);
		sources_leave(&sources);
	}
	if (status == WEIR_ERR_MEMORY && !error->code)
		weir_fail(error, status, "no memory to take over the sources");
	return status;
}

/* ---- the account ---- */

static struct weir_context *find_stage(struct weir_context *const *stages, uint32_t count,
				       const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(stages[i]->config->name, name) == 0)
			return stages[i];
	return NULL;
}

static int64_t outcomes(const struct weir_context *output)
{
	return metric_get(output->delivered) + metric_get(output->dead) +
	       metric_get(output->dropped) + metric_get(output->unselected) +
	       metric_get(output->had) + metric_get(output->lost) -
	       metric_get(output->queued_before) + metric_get(output->in_flight);
}

static void zero_all(struct weir_context *const *stages, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		stage_metrics_zero(stages[i]);
}

void succession_queues(struct pipeline *next, const struct pipeline *old)
{
	for (uint32_t i = 0; i < next->output_count && !pipeline_has_failed(old); i++) {
		struct weir_context *before =
			find_stage(old->outputs, old->output_count, next->outputs[i]->config->name);

		if (before)
			disk_queue_succeed(next->outputs[i]->queue, before->queue);
	}
}

void succession_account(struct pipeline *next, const struct pipeline *old)
{
	if (!pipeline_has_failed(old)) {
		for (uint32_t i = 0; i < next->output_count; i++) {
			struct weir_context *output = next->outputs[i];

			metric_add(output->unselected, metric_get(next->routed) - outcomes(output));
		}
		return;
	}
	zero_all(next->inputs, next->input_count);
	zero_all(next->filters, next->filter_count);
	zero_all(next->outputs, next->output_count);
	zero_all(next->dead_outputs, next->dead_count);
	metric_zero(next->routed);
	metric_zero(next->unrouted);
}

/* ---- outputs ---- */

static int is_idle(struct weir_context *output)
{
	int idle;

	pthread_mutex_lock(&output->deliveries_lock);
	idle = output->deliveries == NULL;
	pthread_mutex_unlock(&output->deliveries_lock);
	return idle && disk_queue_is_idle(output->queue);
}

int succession_is_drained(struct pipeline *old)
{
	if (pipeline_has_failed(old))
		return 1;
	if (!pipeline_drained(old))
		return 0;
	for (uint32_t i = 0; i < old->output_count; i++)
		if (!is_idle(old->outputs[i]))
			return 0;
	for (uint32_t i = 0; i < old->dead_count; i++)
		if (!is_idle(old->dead_outputs[i]))
			return 0;
	return 1;
}

/* With the queue on disk, which the successor waits for. */
static void stop_output(struct weir_context *output)
{
	disk_queue_stop(output->queue);
	stage_stop(output);
	disk_queue_close(output->queue);
}

/* One that still talks is stopped later. */
static int has_ended(struct weir_context *output)
{
	if (!is_idle(output))
		return 0;
	stage_last_words(output);
	return stage_is_silent(output);
}

void succession_stop_idle(struct pipeline *old)
{
	int all = 1;

	for (uint32_t i = 0; i < old->output_count; i++) {
		if (has_ended(old->outputs[i]))
			stop_output(old->outputs[i]);
		else
			all = 0;
	}
	/* What an output refuses may still become a dead letter. */
	for (uint32_t i = 0; all && i < old->dead_count; i++)
		if (has_ended(old->dead_outputs[i]))
			stage_stop(old->dead_outputs[i]);
}

/* What was read back from a queue on disk is in it still: the successor reads it again. */
static uint64_t retire_output(struct weir_context *output, struct weir_context *heir, int succeeded)
{
	uint64_t records = 0;

	if (succeeded)
		records = disk_queue_hand_over(output->queue, heir);
	else
		disk_queue_stop(output->queue);
	stage_end(output);
	if (succeeded && !output->queue)
		records += delivery_pass_on(output, heir);
	delivery_abandon(output);
	disk_queue_close(output->queue);
	return records;
}

static uint64_t retire_outputs(struct weir_context **stages, uint32_t count,
			       struct weir_context *const *heirs, uint32_t heir_count,
			       int succeeded)
{
	uint64_t records = 0;

	for (uint32_t i = 0; i < count; i++)
		records += retire_output(stages[i],
					 find_stage(heirs, heir_count, stages[i]->config->name),
					 succeeded);
	return records;
}

/* ---- the end ---- */

/* Claims that nobody will settle keep no generation alive: those of records that filters hold, and where
 * nobody succeeds, all. */
static void count_astray(struct pipeline *old, int succeeded)
{
	/* Sources are opened no more; one that is closed now has no claims. */
	pthread_mutex_lock(&old->lock);
	for (struct source *source = old->sources; source; source = source->next)
		source->astray |= !succeeded;
	pthread_mutex_unlock(&old->lock);
	for (struct source *source = old->sources; source && hold_any(old); source = source->next) {
		struct hold_positions held = {0};

		if (!atomic_load(&source->superseded) && hold_list(old, source, &held) == 0)
			source->astray |= held.start != UINT64_MAX;
		free(held.positions);
	}
}

/* From here on nobody calls into an input: those who were about to when this was said have done so. */
static void retire_sources(struct pipeline *old)
{
	atomic_store(&old->retired, 1);
	while (atomic_load(&old->tasks))
		pipeline_wait(old, 10 * NS_PER_MS);
	/* The list stays as it is now: nothing is opened or closed any more. */
	for (struct source *source = old->sources; source; source = source->next) {
		source_await_acks(source);
		source_lag((struct weir_source *)(void *)source, 0);
		metric_change(source->input->files, -1);
	}
}

uint64_t succession_retire(struct pipeline *old, struct pipeline *next)
{
	uint64_t records, letters;

	count_astray(old, next != NULL);
	atomic_store(&old->filters_stopped, 1);
	for (uint32_t i = 0; i < old->filter_count; i++)
		stage_stop(old->filters[i]);
	records = retire_outputs(old->outputs, old->output_count, next ? next->outputs : NULL,
				 next ? next->output_count : 0, next != NULL);
	letters =
		retire_outputs(old->dead_outputs, old->dead_count, next ? next->dead_outputs : NULL,
			       next ? next->dead_count : 0, next != NULL);
	memory_leave(old->memory, old);
	retire_sources(old);
	for (uint32_t i = 0; i < old->output_count; i++)
		disk_queue_retire(old->outputs[i]->queue, letters == 0);
	pipeline_free_stages(old);
	return records + letters;
}

int succession_is_over(struct pipeline *old)
{
	int over = batch_pool_is_idle(&old->pool) && atomic_load(&old->tasks) == 0;

	pthread_mutex_lock(&old->lock);
	over &= old->dirty == NULL;
	for (const struct source *source = old->sources; over && source; source = source->next)
		over = (source->astray || atomic_load(&source->open) == 0) &&
		       atomic_load(&source->refs) == 1;
	pthread_mutex_unlock(&old->lock);
	return over;
}
