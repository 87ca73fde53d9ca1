// SPDX-License-Identifier: MIT
/*
 * Pipelines come last: there may be more of them than a line of the log has room for. Those that don't run
 * come first among them.
 */
#include "cli/summary.h"

#include "base/log.h"
#include "pipeline/reload.h"
#include "sandbox/sandbox.h"

/* Pipelines that are named; `weir status` has all. */
#define NAMED_MAX 20

static void add_stages(struct buffer *out, const struct config_stage *stages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_printf(out, "%s%s", i ? " + " : "", stages[i].name);
}

/* "web: tail -> parse -> http + file" */
static void add_pipeline(struct buffer *out, const struct config_pipeline *pipeline, int runs)
{
	buffer_printf(out, "%s: ", pipeline->name);
	if (!runs)
		buffer_text(out, "DOES NOT RUN, ");
	add_stages(out, pipeline->inputs, pipeline->input_count);
	for (size_t i = 0; i < pipeline->filter_count; i++)
		buffer_printf(out, " -> %s", pipeline->filters[i].name);
	buffer_text(out, " -> ");
	add_stages(out, pipeline->outputs, pipeline->output_count);
}

static uint32_t add_those(struct buffer *out, const struct summary *summary, int that_run,
			  uint32_t named)
{
	const struct config *config = summary->config;

	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];

		if (agent_runs(summary->agent, pipeline) != that_run)
			continue;
		if (named++ >= NAMED_MAX)
			continue;
		buffer_text(out, named > 1 ? "; " : "");
		add_pipeline(out, pipeline, that_run);
	}
	return named;
}

static void add_settings(struct buffer *out, const struct summary *summary)
{
	const struct config *config = summary->config;

	buffer_printf(out, "configuration %s with %s, state %s, admin ", config->path,
		      config->conf_dir, config->state_dir);
	if (summary->has_admin)
		buffer_printf(out, "http://%s:%u/", config->admin_host, config->admin_port);
	else
		buffer_text(out, "off");
	buffer_text(out, ", sandbox ");
	if (summary->sandbox)
		sandbox_describe(summary->sandbox, out);
	else
		buffer_text(out, "off");
	buffer_printf(out, ", %u workers, memory limit %llu MiB", config->workers,
		      (unsigned long long)(config->memory_limit >> 20));
}

void summary_log(const struct summary *summary)
{
	struct buffer out = {0};
	uint32_t running, all, named;

	agent_count(summary->agent, &running, &all);
	buffer_printf(&out, "weir " WEIR_VERSION ": %u of %u pipelines run; ", running, all);
	add_settings(&out, summary);
	buffer_text(&out, "; pipelines: ");
	named = add_those(&out, summary, 0, 0);
	named = add_those(&out, summary, 1, named);
	if (named > NAMED_MAX)
		buffer_printf(&out, "; and %u more", named - NAMED_MAX);
	log_line(WEIR_LOG_INFO, "agent", "started", "%s", buffer_cstr(&out));
	buffer_done(&out);
}
