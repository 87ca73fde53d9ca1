// SPDX-License-Identifier: MIT
#include "pipeline/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "batch/shape.h"
#include "pipeline/agent_parts.h"
#include "pipeline/disk_queue.h"
#include "pipeline/module.h"
#include "pipeline/rehearsal.h"

/* ---- the HTTP module ---- */

static int agent_http(void *user, const struct http_module **ret_module, struct http **ret_http,
		      struct weir_error *error)
{
	struct agent *agent = user;
	const void *table;
	int status;

	if (!agent->http) {
		status = module_load("http", "http_module", &table, error);
		if (status < 0)
			return status;
		agent->http_module = table;
		status = agent->http_module->open(agent->host.loop, &agent->http, error);
		if (status < 0)
			return status;
		services_set_http(agent->http_module);
	}
	*ret_module = agent->http_module;
	*ret_http = agent->http;
	return 0;
}

/* ---- positions ---- */

void agent_collect(void *user, struct state_writer *writer)
{
	struct agent *agent = user;

	pthread_mutex_lock(&agent->lock);
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		source_collect(agent->pipelines[i], writer);
	for (uint32_t i = 0; i < agent->retired_count; i++)
		source_collect(agent->retired[i].pipeline, writer);
	pthread_mutex_unlock(&agent->lock);
}

/* Whether positions of this pipeline were lost, in this start or one before. */
static int pipeline_lost_positions(struct agent *agent, const struct config_pipeline *config)
{
	for (size_t i = 0; i < config->input_count; i++)
		if (state_concerned(agent->host.state, config->id, config->inputs[i].name))
			return 1;
	return 0;
}

int agent_start_flags(struct agent *agent, const struct config_pipeline *config,
		      uint32_t *ret_flags, struct weir_error *error)
{
	*ret_flags = config->from_beginning ? WEIR_START_BEGINNING : 0;
	if (!pipeline_lost_positions(agent, config))
		return 0;
	if (config->on_corrupt_state == CONFIG_CORRUPT_BEGINNING)
		*ret_flags = WEIR_START_BEGINNING;
	else if (config->on_corrupt_state == CONFIG_CORRUPT_END)
		*ret_flags = WEIR_START_END;
	else
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"the state database was corrupt and has been set aside in %s, so "
			"this pipeline's positions are lost; say `on_corrupt_state: beginning` "
			"(read everything again) or `on_corrupt_state: end` (skip what is "
			"there) in %s",
			agent->config->state_dir, config->path);
	return 0;
}

void agent_mark_seen(struct agent *agent, const struct config_pipeline *config)
{
	struct weir_error error;

	for (size_t i = 0; i < config->input_count; i++)
		if (state_mark_seen(agent->host.state, config->id, config->inputs[i].name, &error) <
		    0)
			log_line(WEIR_LOG_ERROR, "state", NULL, "%s", error.text);
}

/* ---- creation ---- */

static void agent_make_dead_dir(const struct config *config)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/dead", config->state_dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		log_line(WEIR_LOG_WARNING, "agent", NULL, "can't make %s: %s", path,
			 strerror(errno));
}

static int agent_start_plugins(struct agent *agent, const struct config_stage *stages, size_t count,
			       struct weir_error *error)
{
	for (size_t i = 0; i < count; i++) {
		int status;

		/* In its own process. */
		if (stages[i].isolated && !agent->host.creating)
			continue;
		if (agent->host.creating)
			rehearsal_enter(agent->host.creating, stages[i].plugin->name);
		status = registry_start_plugin(agent->registry, stages[i].plugin,
					       &pipeline_services, error);
		if (status < 0)
			return status;
	}
	return 0;
}

uint64_t agent_share(const struct config *config, size_t pipelines)
{
	return pipelines ? config->memory_limit / pipelines : config->memory_limit;
}

static size_t count_runnable(const struct config *config)
{
	size_t runnable = 0;

	for (size_t i = 0; i < config->pipeline_count; i++)
		runnable += !config->pipelines[i].broken;
	return runnable;
}

int agent_prepare(struct agent *agent, const struct agent_plan *plan,
		  struct pipeline **ret_pipeline, struct weir_error *error)
{
	const struct config_pipeline *config = plan->config;
	int status = agent_start_plugins(agent, config->inputs, config->input_count, error);

	if (status == 0)
		status = agent_start_plugins(agent, config->filters, config->filter_count, error);
	if (status == 0)
		status = agent_start_plugins(agent, config->outputs, config->output_count, error);
	if (status == 0)
		status = agent_start_plugins(agent, config->dead_letter, config->dead_letter_count,
					     error);
	if (status == 0)
		status = pipeline_create(&agent->host, config, plan->memory_bytes, plan->flags,
					 plan->predecessor, ret_pipeline, error);
	if (status == 0) {
		(*ret_pipeline)->owner = plan->owner;
		config_keep(plan->owner);
	}
	return status;
}

static int agent_add_pipeline(struct agent *agent, size_t index, struct weir_error *error)
{
	const struct config_pipeline *config = &agent->config->pipelines[index];
	struct pipeline *pipeline;
	uint32_t flags = 0;
	int status;

	if (agent->crashes[index])
		return weir_fail(error, WEIR_ERR_REFUSED, "%s", agent->crashes[index]);
	status = agent_start_flags(agent, config, &flags, error);
	if (status == 0)
		status = agent_prepare(
			agent,
			&(struct agent_plan){.owner = agent->config,
					     .config = config,
					     .memory_bytes = agent_share(
						     agent->config, count_runnable(agent->config)),
					     .flags = flags},
			&pipeline, error);
	if (status < 0)
		return status;
	agent_mark_seen(agent, config);
	agent->pipelines[agent->pipeline_count++] = pipeline;
	return 0;
}

void agent_add_failure(struct agent *agent, const char *name, const char *text)
{
	struct agent_failure failure = {strdup(name), strdup(text)};
	struct agent_failure *grown;

	pthread_mutex_lock(&agent->lock);
	grown = realloc(agent->failures, (agent->failure_count + 1) * sizeof(*grown));
	if (grown)
		agent->failures = grown;
	if (grown && failure.name && failure.text) {
		grown[agent->failure_count++] = failure;
		failure = (struct agent_failure){NULL, NULL};
	}
	pthread_mutex_unlock(&agent->lock);
	free(failure.name);
	free(failure.text);
}

void agent_clear_failures(struct agent *agent)
{
	pthread_mutex_lock(&agent->lock);
	while (agent->failure_count) {
		struct agent_failure *failure = &agent->failures[--agent->failure_count];

		free(failure->name);
		free(failure->text);
	}
	pthread_mutex_unlock(&agent->lock);
}

static void agent_report(struct agent *agent, const struct config_pipeline *config,
			 const struct weir_error *error)
{
	agent_add_failure(agent, config->name, error->text);
	if (error->line)
		log_line(WEIR_LOG_ERROR, config->name, "pipeline_refused", "%s:%u:%u: %s",
			 config->path, error->line, error->column, error->text);
	else
		log_line(WEIR_LOG_ERROR, config->name, "pipeline_refused", "%s: %s", config->path,
			 error->text);
}

static void agent_add_pipelines(struct agent *agent)
{
	for (size_t i = 0; i < agent->config->pipeline_count; i++) {
		const struct config_pipeline *config = &agent->config->pipelines[i];
		struct weir_error why = {0};

		if (!config->broken && agent_add_pipeline(agent, i, &why) < 0)
			agent_report(agent, config, &why);
	}
}

static int agent_lists(struct agent *agent, struct weir_error *error)
{
	size_t count = agent->config->pipeline_count + 1;

	agent->pipelines = calloc(count, sizeof(struct pipeline *));
	agent->crashes = calloc(count, sizeof(*agent->crashes));
	agent->host.metrics = metrics_create();
	if (!agent->pipelines || !agent->crashes || !agent->host.metrics)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the pipelines");
	agent->taps_metric = metrics_add(agent->host.metrics, WEIR_METRIC_GAUGE, "weir_taps",
					 "Taps (weir tap) that are open", "");
	agent->resident_metric =
		metrics_add(agent->host.metrics, WEIR_METRIC_GAUGE, "weir_resident_memory_bytes",
			    "Memory of the whole process, plugins' own included", "");
	return 0;
}

/* An agent in which pipelines could be created, but for state, loop and workers. */
static int agent_begin(struct config *config, struct registry *registry, int once,
		       struct agent **ret_agent, struct weir_error *error)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	*ret_agent = agent;
	if (!agent)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	agent->config = config;
	agent->registry = registry;
	agent->started_ns = clock_monotonic_ns();
	pthread_mutex_init(&agent->lock, NULL);
	gethostname(agent->host_name, sizeof(agent->host_name) - 1);
	agent->host.host_name = weir_slice_of(agent->host_name);
	agent->state_dir = strdup(config->state_dir ? config->state_dir : "");
	agent->host.state_dir = agent->state_dir;
	taps_init(&agent->host.taps);
	agent->host.once = once;
	agent->host.http = agent_http;
	agent->host.user = agent;
	atomic_store(&agent->host.call_limit_ns, config->isolate_timeout_ns);
	if (!agent->state_dir)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	return agent_lists(agent, error);
}

int agent_check(struct config *config, struct registry *registry, const struct agent_checks *checks,
		struct weir_error *error)
{
	struct agent *agent;
	int status = agent_begin(config, registry, 0, &agent, error);

	if (status == 0)
		rehearsal_check(agent, config, checks);
	agent_destroy(agent);
	return status;
}

int agent_create(struct config *config, struct registry *registry, int once,
		 struct agent **ret_agent, struct weir_error *error)
{
	struct agent *agent;
	int was_reset = 0;
	int status = agent_begin(config, registry, once, &agent, error);

	if (status == 0)
		rehearsal_run(agent);
	if (status == 0)
		status = state_open(config->state_dir, &agent->host.state, &was_reset, error);
	if (status == 0 && was_reset)
		log_line(WEIR_LOG_ERROR, "state", "state_reset",
			 "the state database was damaged and has been set aside in %s: the "
			 "positions "
			 "of earlier runs are lost",
			 config->state_dir);
	if (status == 0)
		status = loop_create(&agent->host.loop, error);
	if (status == 0)
		status = loop_start(agent->host.loop, error);
	if (status == 0)
		status = scheduler_create(config->workers, &agent->host.scheduler, error);
	if (status == 0) {
		agent_make_dead_dir(config);
		disk_queue_report_orphans(config);
		agent_add_pipelines(agent);
	}
	if (status < 0) {
		agent_destroy(agent);
		return status;
	}
	*ret_agent = agent;
	return 0;
}

/* They were about the start. */
static void agent_free_crashes(struct agent *agent)
{
	for (size_t i = 0; agent->crashes && i < agent->config->pipeline_count; i++)
		free(agent->crashes[i]);
	free(agent->crashes);
	agent->crashes = NULL;
}

int agent_start(struct agent *agent, struct weir_error *error)
{
	int status = state_start(agent->host.state, agent_collect, agent, error);

	if (status < 0)
		return status;
	for (uint32_t i = 0; i < agent->pipeline_count; i++) {
		struct weir_error why = {0};

		pipeline_start(agent->pipelines[i], &why);
	}
	agent_free_crashes(agent);
	return 0;
}

/* ---- questions ---- */

struct pipeline *agent_find(const struct agent *agent, const char *name)
{
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		if (strcmp(agent->pipelines[i]->config->name, name) == 0)
			return agent->pipelines[i];
	return NULL;
}

void agent_count(struct agent *agent, uint32_t *ret_running, uint32_t *ret_all)
{
	*ret_running = 0;
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		*ret_running += pipeline_is_reading(agent->pipelines[i]) != 0;
	*ret_all = (uint32_t)agent->config->pipeline_count;
}

int agent_finished(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		if (!pipeline_finished(agent->pipelines[i]))
			return 0;
	return 1;
}

void agent_wait(struct agent *agent, uint64_t ns)
{
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		if (!pipeline_finished(agent->pipelines[i])) {
			pipeline_wait(agent->pipelines[i], ns);
			return;
		}
}

void agent_progress(struct agent *agent, struct agent_progress *ret_progress)
{
	memset(ret_progress, 0, sizeof(*ret_progress));
	for (uint32_t p = 0; p < agent->pipeline_count; p++) {
		const struct pipeline *pipeline = agent->pipelines[p];

		ret_progress->unrouted += (uint64_t)metric_get(pipeline->unrouted);
		for (uint32_t i = 0; i < pipeline->input_count; i++) {
			const struct weir_context *input = pipeline->inputs[i];

			ret_progress->bytes_read += (uint64_t)metric_get(input->bytes);
			ret_progress->bytes_left += (uint64_t)metric_get(input->lag_bytes);
			ret_progress->records += (uint64_t)metric_get(input->records);
		}
		for (uint32_t i = 0; i < pipeline->output_count; i++) {
			const struct weir_context *output = pipeline->outputs[i];

			ret_progress->delivered += (uint64_t)metric_get(output->delivered);
			ret_progress->dead += (uint64_t)metric_get(output->dead);
			ret_progress->dropped += (uint64_t)metric_get(output->dropped);
		}
		for (uint32_t i = 0; i < pipeline->filter_count; i++) {
			const struct weir_context *filter = pipeline->filters[i];

			ret_progress->dead += (uint64_t)metric_get(filter->filter_dead);
			ret_progress->dropped += (uint64_t)metric_get(filter->filter_dropped);
		}
	}
}

int agent_moves(struct agent *agent, uint64_t limit_ns, struct weir_error *why)
{
	return pulse_take(&agent->pulse, agent->host.loop, agent->host.scheduler, limit_ns, why);
}

/* ---- the end ---- */

/* A pipeline that still has records on their way, or NULL. */
static struct pipeline *agent_undrained(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		if (!pipeline_drained(agent->pipelines[i]))
			return agent->pipelines[i];
	/* What the outputs of the generations that run have taken over. */
	for (uint32_t i = 0; i < agent->retired_count; i++)
		if (!pipeline_drained(agent->retired[i].pipeline))
			return agent->retired[i].pipeline;
	return NULL;
}

static struct pipeline *agent_talking(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		if (!pipeline_is_silent(agent->pipelines[i]))
			return agent->pipelines[i];
	return NULL;
}

uint32_t agent_stop(struct agent *agent, int (*hurry)(void *user), void *user)
{
	uint64_t deadline = clock_monotonic_ns() + agent->config->shutdown_timeout_ns;
	struct weir_error error = {0};
	struct pipeline *undrained, *talking;
	uint32_t left = 0;

	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		pipeline_stop_reading(agent->pipelines[i]);
	while ((undrained = agent_undrained(agent)) && clock_monotonic_ns() < deadline &&
	       !hurry(user))
		pipeline_wait(undrained, 10 * NS_PER_MS);
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		pipeline_last_words(agent->pipelines[i]);
	while ((talking = agent_talking(agent)) && clock_monotonic_ns() < deadline && !hurry(user))
		pipeline_wait(talking, 10 * NS_PER_MS);
	for (uint32_t i = 0; i < agent->retired_count; i++)
		left += atomic_load(&agent->retired[i].pipeline->pool.alive);
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		left += pipeline_stop(agent->pipelines[i]);
	if (state_sync(agent->host.state, &error) < 0)
		log_line(WEIR_LOG_ERROR, "state", NULL,
			 "the last positions could not be written: %s; "
			 "what they cover is sent again",
			 error.text);
	return left;
}

void agent_destroy(struct agent *agent)
{
	if (!agent)
		return;
	/* The state goes first: its thread calls into sources. Plugins may need the loop to the end. */
	state_close(agent->host.state);
	agent->host.state = NULL;
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		pipeline_destroy(agent->pipelines[i]);
	for (uint32_t i = 0; i < agent->retired_count; i++)
		pipeline_destroy(agent->retired[i].pipeline);
	if (agent->http)
		agent->http_module->close(agent->http);
	if (agent->host.loop)
		loop_stop(agent->host.loop);
	loop_destroy(agent->host.loop);
	scheduler_destroy(agent->host.scheduler);
	metrics_destroy(agent->host.metrics);
	agent_clear_failures(agent);
	agent_free_crashes(agent);
	free(agent->retired);
	free(agent->state_dir);
	taps_done(&agent->host.taps);
	free(agent->failures);
	free(agent->pipelines);
	pthread_mutex_destroy(&agent->lock);
	shape_table_clear();
	free(agent);
}
