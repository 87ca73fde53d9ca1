// SPDX-License-Identifier: MIT
#include "pipeline/pipeline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/disk_queue.h"
#include "pipeline/known.h"
#include "pipeline/rest.h"
#include "pipeline/state_gate.h"

/* What a batch is taken to grow to before one has been seen: rows and an encoding beside its text. */
#define FIRST_ESTIMATE_BLOCKS 4
/* Blocks that the memory of a pipeline holds at least; a small one gets smaller blocks. */
#define BLOCKS_WANTED 64

/* ---- small calls of its parts ---- */

int pipeline_is_reading(const struct pipeline *pipeline)
{
	return atomic_load_explicit(&pipeline->state, memory_order_relaxed) == PIPELINE_RUNNING;
}

int pipeline_has_failed(const struct pipeline *pipeline)
{
	return atomic_load(&pipeline->state) == PIPELINE_FAILED;
}

void pipeline_push(struct pipeline *pipeline, struct task *task)
{
	atomic_fetch_add(&pipeline->tasks, 1);
	scheduler_push(pipeline->host->scheduler, task);
}

void pipeline_task_done(struct pipeline *pipeline)
{
	/* The signal comes first: after the count is down the pipeline may be destroyed. */
	pthread_mutex_lock(&pipeline->lock);
	atomic_fetch_sub(&pipeline->tasks, 1);
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->lock);
}

void pipeline_signal(struct pipeline *pipeline)
{
	/* While sources are being read nobody waits for a count to come down. */
	if (pipeline_is_reading(pipeline) && atomic_load(&pipeline->reading) > 0)
		return;
	pthread_mutex_lock(&pipeline->lock);
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->lock);
}

/* From this state to FAILED; 0 when it is not in it. */
static int pipeline_end(struct pipeline *pipeline, int state, const char *text)
{
	if (!atomic_compare_exchange_strong(&pipeline->state, &state, PIPELINE_FAILED))
		return 0;
	log_line(WEIR_LOG_ERROR, pipeline->config->name, "pipeline_failed",
		 "%s; this pipeline stops reading, the others go on", text);
	pthread_mutex_lock(&pipeline->lock);
	free(pipeline->failure);
	pipeline->failure = strdup(text);
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->lock);
	return 1;
}

void pipeline_fail(struct pipeline *pipeline, const char *format, ...)
{
	struct memory *memory = pipeline->memory;
	char text[WEIR_ERROR_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (pipeline_end(pipeline, PIPELINE_RUNNING, text) ||
	    !pipeline_end(pipeline, PIPELINE_STOPPING, text))
		return;
	/* What it could not deal with holds back the positions of a generation that has its ledgers. */
	pthread_mutex_lock(&memory->lock);
	if (memory->reader && memory->reader != pipeline)
		pipeline_end(memory->reader, PIPELINE_RUNNING, text);
	pthread_mutex_unlock(&memory->lock);
}

static void pipeline_flush(struct pipeline *pipeline, uint32_t why)
{
	for (uint32_t i = 0; i < pipeline->filter_count; i++)
		stage_flush(pipeline->filters[i], why);
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		stage_flush(pipeline->outputs[i], why);
	for (uint32_t i = 0; i < pipeline->dead_count; i++)
		stage_flush(pipeline->dead_outputs[i], why);
}

static void pipeline_pressure_run(struct task *task)
{
	struct pipeline *pipeline =
		(struct pipeline *)(void *)((char *)task -
					    offsetof(struct pipeline, pressure_task));

	atomic_store(&pipeline->pressure_queued, 0);
	pipeline_flush(pipeline, WEIR_FLUSH_MEMORY);
	pipeline_task_done(pipeline);
}

void pipeline_pressure(struct pipeline *pipeline)
{
	if (!atomic_exchange(&pipeline->pressure_queued, 1))
		pipeline_push(pipeline, &pipeline->pressure_task);
}

/* ---- creation ---- */

static int pipeline_stages(struct pipeline *pipeline, const struct config_stage *configs,
			   size_t count, int is_dead_letter, struct weir_context ***ret_stages,
			   uint32_t *ret_count, struct weir_error *error)
{
	*ret_stages = calloc(count ? count : 1, sizeof(struct weir_context *));
	if (!*ret_stages)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for %zu stages", count);
	for (size_t i = 0; i < count; i++) {
		int status = stage_create(pipeline, &configs[i], (uint32_t)i, is_dead_letter,
					  &(*ret_stages)[i], error);

		if (status < 0) {
			if (!error->line) {
				error->line = configs[i].line;
				error->column = configs[i].column;
			}
			return status;
		}
		(*ret_count)++;
	}
	return 0;
}

static int pipeline_all_stages(struct pipeline *pipeline, const struct pipeline *predecessor,
			       struct weir_error *error)
{
	const struct config_pipeline *config = pipeline->config;
	int status;

	if (config->output_count > PIPELINE_OUTPUTS_MAX)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "%zu outputs in one pipeline, at most %d are possible; split the "
				 "file in two",
				 config->output_count, PIPELINE_OUTPUTS_MAX);
	/* Outputs first: the sources of earlier runs have a position for each. A successor learns of them
	 * when the generation before it has stopped reading. */
	status = pipeline_stages(pipeline, config->outputs, config->output_count, 0,
				 &pipeline->outputs, &pipeline->output_count, error);
	if (status == 0 && sources_begin(pipeline) < 0)
		status = weir_fail(error, WEIR_ERR_MEMORY, "no memory for a pipeline");
	if (status == 0)
		status = pipeline_stages(pipeline, config->dead_letter, config->dead_letter_count,
					 1, &pipeline->dead_outputs, &pipeline->dead_count, error);
	if (status == 0)
		status = pipeline_stages(pipeline, config->filters, config->filter_count, 0,
					 &pipeline->filters, &pipeline->filter_count, error);
	if (status == 0 && !predecessor)
		status = known_load(pipeline, error);
	if (status == 0)
		status = pipeline_stages(pipeline, config->inputs, config->input_count, 0,
					 &pipeline->inputs, &pipeline->input_count, error);
	return status;
}

static void pipeline_metrics(struct pipeline *pipeline)
{
	struct metrics *metrics = pipeline->host->metrics;
	char labels[160];

	snprintf(labels, sizeof(labels), "pipeline=\"%s\"", pipeline->config->name);
	pipeline->routed = metrics_add(metrics, WEIR_METRIC_COUNTER, "weir_routed_records_total",
				       "Records that came through the filters", labels);
	pipeline->unrouted =
		metrics_add(metrics, WEIR_METRIC_COUNTER, "weir_unrouted_records_total",
			    "Records whose `when` was false at every output", labels);
	pipeline->memory_used = metrics_add(metrics, WEIR_METRIC_GAUGE, "weir_memory_used_bytes",
					    "Memory that the pipeline's batches hold", labels);
	pipeline->memory_limit = metrics_add(metrics, WEIR_METRIC_GAUGE, "weir_memory_limit_bytes",
					     "The pipeline's share of memory_limit", labels);
	pipeline->state_metric = metrics_add(metrics, WEIR_METRIC_GAUGE, "weir_pipeline_up",
					     "1 while the pipeline reads and delivers", labels);
	metric_set(pipeline->memory_limit, pipeline->memory->budget.hard);
}

/* Waits by the monotonic clock: when somebody sets the other one back, no wait grows by hours. */
static void pipeline_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static struct memory *pipeline_memory(uint64_t bytes, uint64_t block, struct pipeline *predecessor)
{
	if (!predecessor)
		return memory_create((int64_t)bytes, (int64_t)block * FIRST_ESTIMATE_BLOCKS);
	memory_ref(predecessor->memory);
	return predecessor->memory;
}

int pipeline_create(struct pipeline_host *host, const struct config_pipeline *config,
		    uint64_t memory_bytes, uint32_t start_flags, struct pipeline *predecessor,
		    struct pipeline **ret_pipeline, struct weir_error *error)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
	uint64_t block = memory_bytes / BLOCKS_WANTED & ~UINT64_C(4095);
	int status;

	if (!pipeline)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a pipeline");
	if (block > BATCH_BLOCK_BYTES)
		block = BATCH_BLOCK_BYTES;
	if (block < BATCH_BLOCK_BYTES_MIN)
		block = BATCH_BLOCK_BYTES_MIN;
	pipeline->config = config;
	pipeline->host = host;
	pipeline->start_flags = start_flags;
	pipeline->pressure_task.run = pipeline_pressure_run;
	state_gate_init(pipeline);
	pipeline->memory = pipeline_memory(memory_bytes, block, predecessor);
	if (!pipeline->memory) {
		free(pipeline);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a pipeline");
	}
	batch_pool_init(&pipeline->pool, &pipeline->memory->budget, (uint32_t)block, source_unref);
	pthread_mutex_init(&pipeline->lock, NULL);
	dead_tally_init(&pipeline->dead_tally);
	pipeline_condition_init(&pipeline->changed);
	atomic_store(&pipeline->state, PIPELINE_RUNNING);
	pipeline_metrics(pipeline);
	status = pipeline_all_stages(pipeline, predecessor, error);
	if (status < 0) {
		pipeline_destroy(pipeline);
		return status;
	}
	rest_init(pipeline);
	*ret_pipeline = pipeline;
	return 0;
}

static int pipeline_start_all(struct weir_context **stages, uint32_t count, uint32_t flags,
			      struct weir_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		int status = stage_start(stages[i], flags, error);

		if (status < 0)
			return status;
	}
	return 0;
}

/* Of a half that failed, too, every stage that was started is stopped by the end. */
static int pipeline_started(struct pipeline *pipeline, int status, const struct weir_error *error)
{
	if (status < 0)
		pipeline_fail(pipeline, "%s", error->text);
	return status;
}

void pipeline_set_memory(struct pipeline *pipeline, int64_t bytes)
{
	budget_resize(&pipeline->memory->budget, bytes);
	budget_set_aside(&pipeline->memory->budget, disk_queue_share(pipeline->config, bytes));
	metric_set(pipeline->memory_limit, bytes);
}

int pipeline_start_outputs(struct pipeline *pipeline, struct weir_error *error)
{
	int status;

	memory_set_reader(pipeline->memory, pipeline);
	pipeline_set_memory(pipeline, pipeline->memory->budget.hard);
	status = pipeline_start_all(pipeline->dead_outputs, pipeline->dead_count, 0, error);
	if (status == 0)
		status = pipeline_start_all(pipeline->outputs, pipeline->output_count, 0, error);
	for (uint32_t i = 0; status == 0 && i < pipeline->output_count; i++)
		if (pipeline->outputs[i]->queue)
			status = disk_queue_start(pipeline->outputs[i]->queue, error);
	if (status == 0)
		status = pipeline_start_all(pipeline->filters, pipeline->filter_count, 0, error);
	return pipeline_started(pipeline, status, error);
}

int pipeline_start_inputs(struct pipeline *pipeline, struct weir_error *error)
{
	uint32_t flags = pipeline->start_flags | (pipeline->host->once ? WEIR_START_ONCE : 0);
	int status = pipeline_start_all(pipeline->inputs, pipeline->input_count, flags, error);

	known_asked(pipeline);
	if (status == 0)
		metric_set(pipeline->state_metric, 1);
	return pipeline_started(pipeline, status, error);
}

int pipeline_start(struct pipeline *pipeline, struct weir_error *error)
{
	int status = pipeline_start_outputs(pipeline, error);

	return status < 0 ? status : pipeline_start_inputs(pipeline, error);
}

/* ---- the end ---- */

void pipeline_wait(struct pipeline *pipeline, uint64_t ns)
{
	uint64_t at = clock_monotonic_ns() + ns;
	struct timespec until = {(time_t)(at / (uint64_t)NS_PER_SECOND),
				 (long)(at % (uint64_t)NS_PER_SECOND)};

	pthread_mutex_lock(&pipeline->lock);
	pthread_cond_timedwait(&pipeline->changed, &pipeline->lock, &until);
	pthread_mutex_unlock(&pipeline->lock);
}

static uint32_t pipeline_alive(struct pipeline *pipeline)
{
	return atomic_load(&pipeline->pool.alive);
}

/* Asked first: what a queue gives out after that is alive. */
static int pipeline_queues_drained(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		if (pipeline->outputs[i]->queue &&
		    !disk_queue_is_drained(pipeline->outputs[i]->queue))
			return 0;
	return 1;
}

int pipeline_finished(struct pipeline *pipeline)
{
	if (atomic_load(&pipeline->state) == PIPELINE_FAILED)
		return 1;
	if (atomic_load(&pipeline->tasks) || atomic_load(&pipeline->reading))
		return 0;
	/* All was read: nothing more comes to keep held or lingering records company. */
	pipeline_flush(pipeline, WEIR_FLUSH_END);
	return pipeline_queues_drained(pipeline) && pipeline_alive(pipeline) == 0 &&
	       atomic_load(&pipeline->tasks) == 0;
}

void pipeline_stop_reading(struct pipeline *pipeline)
{
	int state = PIPELINE_RUNNING;

	atomic_compare_exchange_strong(&pipeline->state, &state, PIPELINE_STOPPING);
	/* No source is being read when the inputs stop: they may look at what they have. */
	while (atomic_load(&pipeline->tasks))
		pipeline_wait(pipeline, 10 * NS_PER_MS);
	for (uint32_t i = 0; i < pipeline->input_count; i++)
		stage_stop(pipeline->inputs[i]);
	while (atomic_load(&pipeline->tasks))
		pipeline_wait(pipeline, 10 * NS_PER_MS);
	state_gate_stop(pipeline);
	rest_stop(pipeline);
	pipeline_flush(pipeline, WEIR_FLUSH_STOP);
}

void pipeline_last_words(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		stage_last_words(pipeline->outputs[i]);
	for (uint32_t i = 0; i < pipeline->dead_count; i++)
		stage_last_words(pipeline->dead_outputs[i]);
}

int pipeline_is_silent(const struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		if (!stage_is_silent(pipeline->outputs[i]))
			return 0;
	for (uint32_t i = 0; i < pipeline->dead_count; i++)
		if (!stage_is_silent(pipeline->dead_outputs[i]))
			return 0;
	return 1;
}

int pipeline_drained(struct pipeline *pipeline)
{
	return pipeline_alive(pipeline) == 0 || atomic_load(&pipeline->state) == PIPELINE_FAILED;
}

uint32_t pipeline_stop(struct pipeline *pipeline)
{
	uint32_t left = pipeline_alive(pipeline);

	for (uint32_t i = 0; i < pipeline->output_count; i++)
		disk_queue_stop(pipeline->outputs[i]->queue);

	atomic_store(&pipeline->filters_stopped, 1);
	for (uint32_t i = 0; i < pipeline->filter_count; i++)
		stage_stop(pipeline->filters[i]);
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		stage_stop(pipeline->outputs[i]);
	for (uint32_t i = 0; i < pipeline->dead_count; i++)
		stage_stop(pipeline->dead_outputs[i]);
	while (atomic_load(&pipeline->tasks))
		pipeline_wait(pipeline, 10 * NS_PER_MS);
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		disk_queue_close(pipeline->outputs[i]->queue);
	metric_set(pipeline->state_metric, 0);
	return left;
}

static void pipeline_free_list(struct weir_context ***stages, uint32_t *count)
{
	for (uint32_t i = 0; i < *count; i++)
		stage_destroy((*stages)[i]);
	free(*stages);
	*stages = NULL;
	*count = 0;
}

void pipeline_free_stages(struct pipeline *pipeline)
{
	pipeline_free_list(&pipeline->inputs, &pipeline->input_count);
	pipeline_free_list(&pipeline->filters, &pipeline->filter_count);
	pipeline_free_list(&pipeline->outputs, &pipeline->output_count);
	pipeline_free_list(&pipeline->dead_outputs, &pipeline->dead_count);
}

static void pipeline_free_sources(struct pipeline *pipeline)
{
	while (pipeline->dirty) {
		struct source *source = pipeline->dirty;

		pipeline->dirty = source->dirty_next;
		source_unref(&source->view);
	}
	while (pipeline->sources) {
		struct source *source = pipeline->sources;

		pipeline->sources = source->next;
		source_unref(&source->view);
	}
}

void pipeline_destroy(struct pipeline *pipeline)
{
	struct weir_metric *own[5];

	if (!pipeline)
		return;
	while (atomic_load(&pipeline->tasks))
		pipeline_wait(pipeline, 10 * NS_PER_MS);
	state_gate_stop(pipeline);
	own[0] = pipeline->unrouted;
	own[1] = pipeline->memory_used;
	own[2] = pipeline->memory_limit;
	own[3] = pipeline->state_metric;
	own[4] = pipeline->routed;
	for (uint32_t i = 0; i < 5; i++)
		metrics_remove(pipeline->host->metrics, own[i]);
	pipeline_free_stages(pipeline);
	rest_stop(pipeline);
	pipeline_free_sources(pipeline);
	known_free(pipeline);
	sources_end(pipeline);
	batch_pool_done(&pipeline->pool);
	memory_leave(pipeline->memory, pipeline);
	memory_unref(pipeline->memory);
	pthread_cond_destroy(&pipeline->changed);
	pthread_mutex_destroy(&pipeline->lock);
	dead_tally_done(&pipeline->dead_tally);
	free(pipeline->parked_list);
	free(pipeline->failure);
	free(pipeline->refused);
	config_free(pipeline->owner);
	free(pipeline);
}
