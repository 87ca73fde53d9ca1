// SPDX-License-Identifier: MIT
/*
 * What the agent says of itself: the status document, health, and metrics that are computed when
 * asked for. Any thread; the agent's lock keeps the list of pipelines still.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/resident.h"
#include "batch/json.h"
#include "pipeline/agent_parts.h"
#include "pipeline/disk_queue.h"
#include "sandbox/sandbox.h"

static void put_text(struct buffer *out, const char *key, const char *text)
{
	buffer_printf(out, "\"%s\":", key);
	if (text)
		json_append_string(out, weir_slice_of(text));
	else
		buffer_text(out, "null");
}

static void put_number(struct buffer *out, const char *key, const struct weir_metric *metric)
{
	buffer_printf(out, ",\"%s\":%lld", key, (long long)metric_get(metric));
}

/* Seconds since the oldest unread byte can have been written, as far as is known: how long ago the
 * most behind source was read last, while something lies unread. */
static double input_lag_seconds(struct pipeline *pipeline, const struct weir_context *input)
{
	int64_t now = clock_wall_ns();
	int64_t oldest = now;

	pthread_mutex_lock(&pipeline->lock);
	for (const struct source *s = pipeline->sources; s; s = s->next) {
		int64_t read_ns = atomic_load_explicit(&s->last_read_ns, memory_order_relaxed);

		if (s->input == input && atomic_load(&s->lag) && read_ns && read_ns < oldest)
			oldest = read_ns;
	}
	pthread_mutex_unlock(&pipeline->lock);
	return (double)(now - oldest) / (double)NS_PER_SECOND;
}

static void put_stage(struct buffer *out, struct weir_context *stage)
{
	buffer_text(out, "{");
	put_text(out, "name", stage->config->name);
	buffer_text(out, ",");
	put_text(out, "plugin", stage->plugin->name);
	if (!stage->isolation)
		return;
	buffer_text(out, ",\"process\":");
	stage->isolation->status(stage, out);
}

static void put_input(struct buffer *out, struct pipeline *pipeline, struct weir_context *input)
{
	put_stage(out, input);
	put_number(out, "sources", input->files);
	put_number(out, "bytes", input->bytes);
	put_number(out, "records", input->records);
	put_number(out, "lag_bytes", input->lag_bytes);
	put_number(out, "read_errors", input->read_errors);
	put_number(out, "dead_lettered", input->input_dead);
	buffer_printf(out, ",\"lag_seconds\":%.3f}", input_lag_seconds(pipeline, input));
}

static void put_filter(struct buffer *out, struct weir_context *filter)
{
	put_stage(out, filter);
	put_number(out, "dropped", filter->filter_dropped);
	put_number(out, "dead_lettered", filter->filter_dead);
	put_number(out, "held", filter->filter_held);
	put_number(out, "made", filter->filter_made);
	buffer_text(out, "}");
}

static void put_output(struct buffer *out, struct weir_context *output)
{
	put_stage(out, output);
	put_number(out, "delivered", output->delivered);
	put_number(out, "dead_lettered", output->dead);
	put_number(out, "dropped", output->dropped);
	put_number(out, "not_routed", output->unselected);
	put_number(out, "delivered_before", output->had);
	put_number(out, "lost", output->lost);
	put_number(out, "queued_before", output->queued_before);
	put_number(out, "in_flight", output->in_flight);
	put_number(out, "requests", output->requests);
	put_number(out, "retries", output->retries);
	buffer_text(out, ",");
	pthread_mutex_lock(&output->deliveries_lock);
	put_text(out, "stalled", output->stalled);
	pthread_mutex_unlock(&output->deliveries_lock);
	buffer_text(out, ",\"buffer\":");
	disk_queue_status(output->queue, out);
	buffer_text(out, "}");
}

static const char *pipeline_state_name(const struct pipeline *pipeline)
{
	switch (atomic_load(&pipeline->state)) {
	case PIPELINE_RUNNING:
		return "running";
	case PIPELINE_STOPPING:
		return "stopping";
	default:
		return "failed";
	}
}

static void put_pipeline(struct buffer *out, struct pipeline *pipeline, int records)
{
	buffer_text(out, "{");
	put_text(out, "name", pipeline->config->name);
	buffer_text(out, ",");
	put_text(out, "state", pipeline_state_name(pipeline));
	buffer_text(out, ",");
	pthread_mutex_lock(&pipeline->lock);
	put_text(out, "failure", pipeline->failure);
	buffer_text(out, ",");
	put_text(out, "refused", pipeline->refused);
	pthread_mutex_unlock(&pipeline->lock);
	put_number(out, "routed", pipeline->routed);
	put_number(out, "unrouted", pipeline->unrouted);
	buffer_printf(out, ",\"memory\":{\"used\":%lld,\"peak\":%lld,\"limit\":%lld}",
		      (long long)atomic_load(&pipeline->memory->budget.used),
		      (long long)atomic_load(&pipeline->memory->budget.peak),
		      (long long)pipeline->memory->budget.hard);
	buffer_text(out, ",\"inputs\":[");
	for (uint32_t i = 0; i < pipeline->input_count; i++) {
		buffer_text(out, i ? "," : "");
		put_input(out, pipeline, pipeline->inputs[i]);
	}
	buffer_text(out, "],\"filters\":[");
	for (uint32_t i = 0; i < pipeline->filter_count; i++) {
		buffer_text(out, i ? "," : "");
		put_filter(out, pipeline->filters[i]);
	}
	buffer_text(out, "],\"outputs\":[");
	for (uint32_t i = 0; i < pipeline->output_count; i++) {
		buffer_text(out, i ? "," : "");
		put_output(out, pipeline->outputs[i]);
	}
	buffer_text(out, "],\"dead_letter\":[");
	for (uint32_t i = 0; i < pipeline->dead_count; i++) {
		buffer_text(out, i ? "," : "");
		put_output(out, pipeline->dead_outputs[i]);
	}
	buffer_text(out, "],\"dead_reasons\":");
	dead_tally_put(&pipeline->dead_tally, records, out);
	buffer_text(out, "}");
}

static void put_broken(struct buffer *out, const char *name, const char *why)
{
	buffer_text(out, "{");
	put_text(out, "name", name);
	buffer_text(out, ",\"state\":\"not started\",");
	put_text(out, "failure", why);
	buffer_text(out, ",\"refused\":null,\"routed\":0,\"unrouted\":0,\"memory\":{\"used\":0,"
			 "\"peak\":0,\"limit\":0},"
			 "\"inputs\":[],\"filters\":[],\"outputs\":[],\"dead_letter\":[],"
			 "\"dead_reasons\":[]}");
}

/* Pipelines of the configuration that do not run: with errors in the file, or not created. */
static void put_missing(struct agent *agent, struct buffer *out, int any)
{
	for (size_t i = 0; i < agent->config->pipeline_count; i++) {
		const char *name = agent->config->pipelines[i].name;

		if (!agent->config->pipelines[i].broken || agent_find(agent, name))
			continue;
		buffer_text(out, any ? "," : "");
		put_broken(out, name, "its file has errors; see weir check");
		any = 1;
	}
	for (uint32_t i = 0; i < agent->failure_count; i++) {
		buffer_text(out, any ? "," : "");
		put_broken(out, agent->failures[i].name, agent->failures[i].text);
		any = 1;
	}
}

void agent_set_sandbox(struct agent *agent, const struct sandbox *sandbox)
{
	agent->sandbox = sandbox;
}

int agent_status(struct agent *agent, int records, struct buffer *out)
{
	char stalled[WEIR_ERROR_TEXT];
	uint64_t limit;
	int64_t used = 0;

	state_stalled(agent->host.state, stalled, sizeof(stalled));
	buffer_text(out, "{\"version\":\"" WEIR_VERSION "\",");
	put_text(out, "host", agent->host_name);
	buffer_printf(out, ",\"uptime_seconds\":%lld,\"state\":{",
		      (long long)((clock_monotonic_ns() - agent->started_ns) / NS_PER_SECOND));
	pthread_mutex_lock(&agent->lock);
	put_text(out, "dir", agent->config->state_dir);
	buffer_text(out, ",");
	put_text(out, "stalled", stalled[0] ? stalled : NULL);
	buffer_text(out, "},\"pipelines\":[");
	for (uint32_t i = 0; i < agent->pipeline_count; i++) {
		buffer_text(out, i ? "," : "");
		put_pipeline(out, agent->pipelines[i], records);
		used += atomic_load(&agent->pipelines[i]->memory->budget.used);
	}
	put_missing(agent, out, agent->pipeline_count > 0);
	limit = agent->config->memory_limit;
	pthread_mutex_unlock(&agent->lock);
	buffer_text(out, "],\"sandbox\":");
	if (!agent->sandbox || sandbox_status(agent->sandbox, out))
		buffer_text(out, "null");
	return buffer_printf(out, ",\"memory\":{\"used\":%lld,\"limit\":%llu}}", (long long)used,
			     (unsigned long long)limit);
}

int agent_metrics(struct agent *agent, struct buffer *out)
{
	metric_set(agent->taps_metric, atomic_load(&agent->host.taps.count));
	metric_set(agent->resident_metric, (int64_t)resident_bytes());
	pthread_mutex_lock(&agent->lock);
	for (uint32_t i = 0; i < agent->pipeline_count; i++) {
		struct pipeline *pipeline = agent->pipelines[i];

		metric_set(pipeline->memory_used, atomic_load(&pipeline->memory->budget.used));
		metric_set(pipeline->state_metric, pipeline_is_reading(pipeline));
		for (uint32_t k = 0; k < pipeline->input_count; k++)
			metric_set(pipeline->inputs[k]->lag_seconds,
				   (int64_t)input_lag_seconds(pipeline, pipeline->inputs[k]));
	}
	pthread_mutex_unlock(&agent->lock);
	return metrics_render(agent->host.metrics, out);
}

/* One pipeline's complaints. */
static int health_pipeline(struct pipeline *pipeline, struct buffer *out)
{
	int well = 1;

	if (atomic_load(&pipeline->state) == PIPELINE_FAILED) {
		pthread_mutex_lock(&pipeline->lock);
		buffer_printf(out, "%s: failed: %s\n", pipeline->config->name,
			      pipeline->failure ? pipeline->failure : "");
		pthread_mutex_unlock(&pipeline->lock);
		well = 0;
	}
	for (uint32_t i = 0; i < pipeline->output_count + pipeline->dead_count; i++) {
		struct weir_context *output =
			i < pipeline->output_count
				? pipeline->outputs[i]
				: pipeline->dead_outputs[i - pipeline->output_count];

		pthread_mutex_lock(&output->deliveries_lock);
		if (output->stalled) {
			buffer_printf(out, "%s: stalled: %s\n", output->origin, output->stalled);
			well = 0;
		}
		pthread_mutex_unlock(&output->deliveries_lock);
	}
	return well;
}

int agent_health(struct agent *agent, struct buffer *out)
{
	char stalled[WEIR_ERROR_TEXT];
	int well = 1;

	state_stalled(agent->host.state, stalled, sizeof(stalled));
	if (stalled[0]) {
		buffer_printf(out, "state: %s\n", stalled);
		well = 0;
	}
	pthread_mutex_lock(&agent->lock);
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		well &= health_pipeline(agent->pipelines[i], out);
	for (uint32_t i = 0; i < agent->failure_count; i++) {
		buffer_printf(out, "%s: not started: %s\n", agent->failures[i].name,
			      agent->failures[i].text);
		well = 0;
	}
	for (size_t i = 0; i < agent->config->pipeline_count; i++)
		if (agent->config->pipelines[i].broken &&
		    !agent_find(agent, agent->config->pipelines[i].name)) {
			buffer_printf(out, "%s: its file has errors; see weir check\n",
				      agent->config->pipelines[i].name);
			well = 0;
		}
	pthread_mutex_unlock(&agent->lock);
	if (well)
		buffer_text(out, "ok\n");
	return well;
}
