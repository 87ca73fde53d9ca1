// SPDX-License-Identifier: MIT
/*
 * Stages: a plugin at its place in a pipeline, with its instances, timers and metrics.
 *
 * A filter gets one instance a worker, unless its first create() says stateful: then one for all,
 * under the stage's lock. Inputs and outputs have one instance.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/secrets.h"
#include "expr/expr.h"
#include "pipeline/disk_queue.h"
#include "pipeline/pipeline.h"
#include "pipeline/rehearsal.h"

struct weir_metric *stage_metric(struct weir_context *stage, uint32_t kind, const char *name,
				 const char *help, const char *more_labels)
{
	static const char *const kinds[] = {"", "input", "filter", "output"};
	struct weir_metric *metric = NULL;
	char labels[256];

	snprintf(labels, sizeof(labels), "pipeline=\"%s\",%s=\"%s\"%s%s",
		 stage->pipeline->config->name,
		 stage->is_dead_letter ? "dead_letter" : kinds[stage->plugin->kind],
		 stage->config->name, more_labels ? "," : "", more_labels ? more_labels : "");
	if (stage->own_metric_count < STAGE_OWN_METRICS)
		metric = metrics_add(stage->pipeline->host->metrics, kind, name, help, labels);
	if (metric)
		stage->own_metrics[stage->own_metric_count++] = metric;
	return metric;
}

static void stage_metrics_output(struct weir_context *stage)
{
	static const char records[] = "weir_output_records_total";
	static const char help[] = "Records that have an outcome at this output";

	stage->delivered =
		stage_metric(stage, WEIR_METRIC_COUNTER, records, help, "outcome=\"delivered\"");
	stage->dead = stage_metric(stage, WEIR_METRIC_COUNTER, records, help,
				   "outcome=\"dead_lettered\"");
	stage->dropped =
		stage_metric(stage, WEIR_METRIC_COUNTER, records, help, "outcome=\"dropped\"");
	stage->unselected =
		stage_metric(stage, WEIR_METRIC_COUNTER, records, help, "outcome=\"not_routed\"");
	stage->had = stage_metric(stage, WEIR_METRIC_COUNTER, records, help,
				  "outcome=\"delivered_before\"");
	stage->lost = stage_metric(stage, WEIR_METRIC_COUNTER, records, help, "outcome=\"lost\"");
	stage->queued_before = stage_metric(
		stage, WEIR_METRIC_COUNTER, "weir_output_queued_before_records_total",
		"Records read back from the output's queue on disk that an earlier run put there",
		NULL);
	stage->in_flight = stage_metric(stage, WEIR_METRIC_GAUGE, "weir_output_in_flight_records",
					"Records on their way to this output", NULL);
	stage->repeated =
		stage_metric(stage, WEIR_METRIC_COUNTER, "weir_output_repeated_total",
			     "Records that were sent again after a reload, or a crash of the "
			     "isolated plugin",
			     NULL);
	stage->requests = stage_metric(stage, WEIR_METRIC_COUNTER, "weir_output_requests_total",
				       "Requests sent, tries counted", NULL);
	stage->retries = stage_metric(stage, WEIR_METRIC_COUNTER, "weir_output_retries_total",
				      "Requests that were tried again", NULL);
	stage->http_in_flight =
		stage_metric(stage, WEIR_METRIC_GAUGE, "weir_output_in_flight_requests",
			     "Requests without an answer yet", NULL);
	stage->http_bytes = stage_metric(stage, WEIR_METRIC_COUNTER, "weir_output_bytes_total",
					 "Bytes of request bodies sent", NULL);
	stage->latency = stage_metric(stage, METRIC_HISTOGRAM, "weir_output_request_seconds",
				      "Time from a request's start to its answer", NULL);
}

static void stage_metrics_input(struct weir_context *stage)
{
	stage->bytes = stage_metric(stage, WEIR_METRIC_COUNTER, "weir_input_bytes_total",
				    "Bytes of sources that were read", NULL);
	stage->records = stage_metric(stage, WEIR_METRIC_COUNTER, "weir_input_records_total",
				      "Records that were read", NULL);
	stage->files = stage_metric(stage, WEIR_METRIC_GAUGE, "weir_input_sources",
				    "Sources that are being followed", NULL);
	stage->lag_bytes = stage_metric(stage, WEIR_METRIC_GAUGE, "weir_input_lag_bytes",
					"Bytes that lie unread", NULL);
	stage->lag_seconds =
		stage_metric(stage, WEIR_METRIC_GAUGE, "weir_input_lag_seconds",
			     "Age of the oldest read position with unread bytes behind it", NULL);
	stage->read_errors =
		stage_metric(stage, WEIR_METRIC_COUNTER, "weir_input_read_errors_total",
			     "Reads that failed", NULL);
	stage->input_dead =
		stage_metric(stage, WEIR_METRIC_COUNTER, "weir_input_records_dead_lettered_total",
			     "Records that the input sent to the dead letter", NULL);
}

static void stage_metrics_filter(struct weir_context *stage)
{
	stage->filter_dropped =
		stage_metric(stage, WEIR_METRIC_COUNTER, "weir_filter_records_dropped_total",
			     "Records that the filter left out", NULL);
	stage->filter_dead =
		stage_metric(stage, WEIR_METRIC_COUNTER, "weir_filter_records_dead_lettered_total",
			     "Records that the filter sent to the dead letter", NULL);
	stage->filter_held =
		stage_metric(stage, WEIR_METRIC_COUNTER, "weir_filter_records_held_total",
			     "Records that the filter kept, to make others of them", NULL);
	stage->filter_made =
		stage_metric(stage, WEIR_METRIC_COUNTER, "weir_filter_records_made_total",
			     "Records that the filter made of those it had kept", NULL);
}

static void stage_metrics_make(struct weir_context *stage)
{
	stage->call_time =
		stage_metric(stage, METRIC_HISTOGRAM, "weir_plugin_call_seconds",
			     "Time in calls into the plugin, without those into others", NULL);
	stage->memory = stage_metric(stage, WEIR_METRIC_GAUGE, "weir_plugin_memory_bytes",
				     "Memory that the plugin says it holds", NULL);
	if (stage->isolation) {
		stage->restarts =
			stage_metric(stage, WEIR_METRIC_COUNTER, "weir_plugin_restarts_total",
				     "Processes of an isolated plugin that were lost", NULL);
		stage->process_memory =
			stage_metric(stage, WEIR_METRIC_GAUGE, "weir_plugin_process_memory_bytes",
				     "Memory that the process of an isolated plugin takes", NULL);
	}
	if (stage->plugin->kind == WEIR_INPUT)
		stage_metrics_input(stage);
	else if (stage->plugin->kind == WEIR_OUTPUT)
		stage_metrics_output(stage);
	else
		stage_metrics_filter(stage);
}

/* ---- instances ---- */

static int stage_make(struct weir_context *stage, void **ret_instance, struct weir_error *error)
{
	const struct weir_plugin *plugin = stage->plugin;
	const struct weir_services *host = services_of(stage);
	const struct weir_node *options = stage->config->options;

	error->text[0] = '\0';
	if (stage->pipeline->host->creating)
		rehearsal_enter(stage->pipeline->host->creating, plugin->name);
	if (plugin->kind == WEIR_INPUT)
		return plugin->input->create(host, stage, options, ret_instance, error);
	if (plugin->kind == WEIR_FILTER)
		return plugin->filter->create(host, stage, options, ret_instance, error);
	return plugin->output->create(host, stage, options, ret_instance, error);
}

static int stage_instances(struct weir_context *stage, struct weir_error *error)
{
	uint32_t workers = scheduler_workers(stage->pipeline->host->scheduler);
	uint32_t wanted = stage->plugin->kind == WEIR_FILTER ? workers : 1;

	stage->instances = calloc(wanted, sizeof(*stage->instances));
	if (!stage->instances)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for %u instances", wanted);
	do {
		int status = stage_make(stage, &stage->instances[stage->instance_count], error);

		if (status < 0) {
			if (!error->text[0])
				weir_fail(error, status,
					  "the plugin could not be created and gave no "
					  "reason (code %d)",
					  status);
			return status;
		}
		stage->instance_count++;
	} while (!stage->stateful && stage->instance_count < wanted);
	return 0;
}

static int stage_when(struct weir_context *stage, struct weir_error *error)
{
	uint32_t workers = scheduler_workers(stage->pipeline->host->scheduler);

	if (!stage->config->when)
		return 0;
	stage->when = calloc(workers, sizeof(struct weir_expr *));
	if (!stage->when)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for `when`");
	for (uint32_t i = 0; i < workers; i++) {
		int status =
			expr_compile(weir_slice_of(stage->config->when), &stage->when[i], error);

		if (status < 0)
			return status;
	}
	return 0;
}

/* Set once, before there are threads. */
static const struct isolation *isolation;

void stage_set_isolation(const struct isolation *set)
{
	isolation = set;
}

/* The rehearsal is in a process of its own as it is. */
static int stage_isolate(struct weir_context *stage, struct weir_error *error)
{
	if (!stage->config->isolated || stage->pipeline->host->creating)
		return 0;
	if (!isolation)
		return weir_fail(error, WEIR_ERR_STATE, "no plugin can be isolated here");
	stage->isolation = isolation;
	return isolation->make(stage->config->plugin, &stage->plugin, error);
}

static void stage_timer_due(void *user);
static void stage_timer_run(struct task *task);

int stage_create(struct pipeline *pipeline, const struct config_stage *config, uint32_t index,
		 int is_dead_letter, struct weir_context **ret_stage, struct weir_error *error)
{
	struct weir_context *stage = calloc(1, sizeof(*stage));
	int status;

	if (!stage)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for stage %s", config->name);
	stage->pipeline = pipeline;
	stage->config = config;
	stage->plugin = config->plugin;
	stage->index = index;
	stage->is_dead_letter = is_dead_letter;
	pthread_mutex_init(&stage->lock, NULL);
	pthread_mutex_init(&stage->deliveries_lock, NULL);
	stage->settings = (struct weir_output_settings){
		sizeof(stage->settings),     config->strict,       config->linger_ns,
		weir_slice_of(config->name), config->retry_min_ns, config->retry_max_ns};
	for (uint32_t i = 0; i < STAGE_TIMERS; i++) {
		stage->timers[i].timer.call = stage_timer_due;
		stage->timers[i].timer.user = &stage->timers[i];
		stage->timers[i].task.run = stage_timer_run;
		stage->timers[i].stage = stage;
		stage->timers[i].id = i;
	}
	if (asprintf(&stage->origin, "%s/%s", pipeline->config->name, config->name) < 0) {
		stage->origin = NULL;
		stage_destroy(stage);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for stage %s", config->name);
	}
	status = stage_isolate(stage, error);
	stage_metrics_make(stage);
	if (status == 0)
		status = stage_when(stage, error);
	if (status == 0)
		status = stage_instances(stage, error);
	if (status == 0 && config->buffer_bytes && !is_dead_letter && pipeline->host->state &&
	    !pipeline->config->without_buffers)
		status = disk_queue_create(stage, &stage->queue, error);
	if (status < 0) {
		stage_destroy(stage);
		return status;
	}
	*ret_stage = stage;
	return 0;
}

int stage_start(struct weir_context *stage, uint32_t input_flags, struct weir_error *error)
{
	const struct weir_plugin *plugin = stage->plugin;
	struct call call = call_begin(stage);
	int status = 0;

	stage->started = 1;
	error->text[0] = '\0';
	for (uint32_t i = 0; status == 0 && i < stage->instance_count; i++) {
		void *instance = stage->instances[i];

		if (plugin->kind == WEIR_INPUT)
			status = plugin->input->start(instance, input_flags, error);
		else if (plugin->kind == WEIR_FILTER && STAGE_OP(plugin->filter, start))
			status = plugin->filter->start(instance, error);
		else if (plugin->kind == WEIR_OUTPUT && STAGE_OP(plugin->output, start))
			status = plugin->output->start(instance, error);
	}
	call_end(stage, call);
	return status;
}

void stage_end(struct weir_context *stage)
{
	const struct weir_plugin *plugin = stage->plugin;
	struct call call;

	if (!stage->started)
		return;
	stage->started = 0;
	call = call_begin(stage);
	for (uint32_t i = 0; i < STAGE_TIMERS; i++)
		loop_timer_stop(stage->pipeline->host->loop, &stage->timers[i].timer);
	for (uint32_t i = 0; i < stage->instance_count; i++) {
		void *instance = stage->instances[i];

		if (plugin->kind == WEIR_INPUT)
			plugin->input->stop(instance);
		else if (plugin->kind == WEIR_FILTER && STAGE_OP(plugin->filter, stop))
			plugin->filter->stop(instance);
		else if (plugin->kind == WEIR_OUTPUT && STAGE_OP(plugin->output, stop))
			plugin->output->stop(instance);
	}
	call_end(stage, call);
	for (uint32_t i = 0; i < STAGE_TIMERS; i++)
		loop_timer_stop(stage->pipeline->host->loop, &stage->timers[i].timer);
}

void stage_stop(struct weir_context *stage)
{
	stage_end(stage);
	if (stage->plugin->kind == WEIR_OUTPUT)
		delivery_abandon(stage);
}

void stage_metrics_zero(struct weir_context *stage)
{
	struct weir_metric *counts[] = {
		stage->delivered,   stage->dead,         stage->dropped,
		stage->unselected,  stage->had,          stage->in_flight,
		stage->records,     stage->input_dead,   stage->filter_dropped,
		stage->filter_dead, stage->filter_held,  stage->filter_made,
		stage->lost,        stage->queued_before};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		metric_zero(counts[i]);
}

static void stage_metrics_drop(struct weir_context *stage)
{
	struct metrics *metrics = stage->pipeline->host->metrics;

	for (uint32_t i = 0; i < stage->own_metric_count; i++)
		metrics_remove(metrics, stage->own_metrics[i]);
	for (uint32_t i = 0; i < stage->plugin_metric_count; i++)
		metrics_remove(metrics, stage->plugin_metrics[i]);
	free(stage->plugin_metrics);
}

void stage_destroy(struct weir_context *stage)
{
	const struct weir_plugin *plugin;

	if (!stage)
		return;
	disk_queue_destroy(stage->queue);
	plugin = stage->plugin;
	for (uint32_t i = 0; i < stage->instance_count; i++) {
		if (plugin->kind == WEIR_INPUT)
			plugin->input->destroy(stage->instances[i]);
		else if (plugin->kind == WEIR_FILTER)
			plugin->filter->destroy(stage->instances[i]);
		else
			plugin->output->destroy(stage->instances[i]);
	}
	stage_full(stage, 0);
	if (stage->when)
		for (uint32_t i = 0; i < scheduler_workers(stage->pipeline->host->scheduler); i++)
			expr_free(stage->when[i]);
	stage_metrics_drop(stage);
	if (stage->plugin != stage->config->plugin)
		stage->isolation->free(stage->plugin);
	pthread_mutex_destroy(&stage->lock);
	pthread_mutex_destroy(&stage->deliveries_lock);
	free(stage->when);
	free(stage->instances);
	free(stage->origin);
	free(stage->stalled);
	free(stage);
}

void *stage_instance(struct weir_context *stage)
{
	return stage->instances[stage->stateful ? 0 : scheduler_worker() % stage->instance_count];
}

void stage_flush(struct weir_context *stage, uint32_t why)
{
	const struct weir_plugin *plugin = stage->plugin;
	struct call call;

	pthread_mutex_lock(&stage->lock);
	call = call_begin(stage);
	if (plugin->kind == WEIR_FILTER && stage->stateful && STAGE_OP(plugin->filter, flush))
		plugin->filter->flush(stage->instances[0], why);
	else if (plugin->kind == WEIR_OUTPUT && STAGE_OP(plugin->output, flush))
		plugin->output->flush(stage->instances[0], why);
	call_end(stage, call);
	pthread_mutex_unlock(&stage->lock);
}

void stage_last_words(struct weir_context *output)
{
	if (output->started)
		stage_flush(output, WEIR_FLUSH_LAST);
}

int stage_is_silent(const struct weir_context *output)
{
	return atomic_load(&output->last_words) == 0;
}

/* ---- timers ---- */

/* On a worker, for filters: what a timer emits goes through the filters after it. */
static void stage_timer_run(struct task *task)
{
	struct stage_timer *timer =
		(struct stage_timer *)(void *)((char *)task - offsetof(struct stage_timer, task));
	struct weir_context *stage = timer->stage;
	struct call call;

	atomic_store(&timer->queued, 0);
	pthread_mutex_lock(&stage->lock);
	call = call_begin(stage);
	if (stage->started)
		stage->plugin->filter->timer(stage->instances[0], timer->id);
	call_end(stage, call);
	pthread_mutex_unlock(&stage->lock);
	pipeline_task_done(stage->pipeline);
}

static void stage_timer_due(void *user)
{
	struct stage_timer *timer = user;
	struct weir_context *stage = timer->stage;
	const struct weir_plugin *plugin = stage->plugin;
	struct call call;

	if (plugin->kind == WEIR_FILTER) {
		if (STAGE_OP(plugin->filter, timer) && pipeline_is_reading(stage->pipeline) &&
		    !atomic_exchange(&timer->queued, 1))
			pipeline_push(stage->pipeline, &timer->task);
	} else if (plugin->kind == WEIR_INPUT) {
		if (!STAGE_OP(plugin->input, timer))
			return;
		call = call_begin(stage);
		plugin->input->timer(stage->instances[0], timer->id);
		call_end(stage, call);
	} else if (STAGE_OP(plugin->output, timer)) {
		pthread_mutex_lock(&stage->lock);
		call = call_begin(stage);
		plugin->output->timer(stage->instances[0], timer->id);
		call_end(stage, call);
		pthread_mutex_unlock(&stage->lock);
	}
}

int32_t stage_timer_set(struct weir_context *stage, uint32_t id, uint64_t delay_ns)
{
	if (id >= STAGE_TIMERS)
		return WEIR_ERR_INVALID;
	if (delay_ns == WEIR_TIMER_OFF) {
		loop_timer_stop(stage->pipeline->host->loop, &stage->timers[id].timer);
		return 0;
	}
	return loop_timer_set(stage->pipeline->host->loop, &stage->timers[id].timer, delay_ns);
}

void stage_full(struct weir_context *stage, uint32_t full)
{
	int now = full && !stage->queue;

	if (atomic_exchange(&stage->full, now) != now)
		budget_full(&stage->pipeline->memory->budget, now ? 1 : -1);
}

void stage_stalled(struct weir_context *stage, struct weir_slice why)
{
	char *text = why.size ? strndup(why.data, why.size) : NULL;
	int changed;

	if (text)
		secrets_mask(text, strlen(text));
	pthread_mutex_lock(&stage->deliveries_lock);
	changed = !stage->stalled != !text;
	free(stage->stalled);
	stage->stalled = text;
	pthread_mutex_unlock(&stage->deliveries_lock);
	if (changed && why.size)
		log_line(WEIR_LOG_ERROR, stage->origin, "output_stalled", "%.*s", (int)why.size,
			 why.data);
	else if (changed)
		log_line(WEIR_LOG_INFO, stage->origin, "output_resumed", "works again");
}
