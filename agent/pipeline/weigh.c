// SPDX-License-Identifier: MIT
#include "pipeline/weigh.h"

#include <malloc.h>

#include "base/resident.h"
#include "pipeline/agent_parts.h"

/* What the process holds beside the memory that is bounded: code, libraries, connections, SQLite's cache.
 * 60 MiB is the most that was measured; and freed memory may stay with the allocator. */
#define OUTSIDE_LIMIT (UINT64_C(128) << 20)
/* Measured: 200 KiB for a pipeline of a tail, a parser and a file with two workers, 1,000 of them; */
#define PIPELINE_BYTES (UINT64_C(512) << 10)
/* and 1.2 KiB for a tailed file, 100,000 of them. Each output has a position in it. */
#define SOURCE_BYTES (UINT64_C(4) << 10)
/* Suspects that are named. */
#define SUSPECTS_MAX 8

uint64_t weigh_explained(uint64_t memory_limit, uint64_t pipelines, uint64_t sources)
{
	return 2 * memory_limit + OUTSIDE_LIMIT + pipelines * PIPELINE_BYTES +
	       sources * SOURCE_BYTES;
}

/* ---- the suspects: plugins of others that run in this process -------------------------------- */

static int is_own(const struct registry *registry, const struct weir_plugin *plugin)
{
	for (size_t i = 0; i < registry_count(registry); i++)
		if (registry_at(registry, i)->plugin == plugin)
			return registry_at(registry, i)->own;
	return 0;
}

static void add_suspects(const struct agent *agent, struct weir_context *const *stages,
			 uint32_t count, uint32_t *found, struct buffer *out)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct weir_context *stage = stages[i];

		if (!stage || stage->isolation || is_own(agent->registry, stage->plugin))
			continue;
		if (++*found <= SUSPECTS_MAX)
			buffer_printf(out, "%s%s (%s %s of the pipeline %s)",
				      *found > 1 ? ", " : "", stage->plugin->name,
				      registry_kind_name(stage->plugin->kind), stage->config->name,
				      stage->pipeline->config->name);
	}
}

static void put_suspects(const struct agent *agent, struct buffer *out)
{
	uint32_t found = 0;
	struct buffer names = {0};

	for (uint32_t i = 0; i < agent->pipeline_count; i++) {
		const struct pipeline *p = agent->pipelines[i];

		add_suspects(agent, p->inputs, p->input_count, &found, &names);
		add_suspects(agent, p->filters, p->filter_count, &found, &names);
		add_suspects(agent, p->outputs, p->output_count, &found, &names);
		add_suspects(agent, p->dead_outputs, p->dead_count, &found, &names);
	}
	if (found)
		buffer_printf(out, "a plugin may leak: %.*s", (int)names.size, names.data);
	else
		buffer_text(out, "please report it, as no plugin of others runs in it");
	if (found > SUSPECTS_MAX)
		buffer_printf(out, " and %u more", found - SUSPECTS_MAX);
	buffer_done(&names);
}

/* ---- the weight ------------------------------------------------------------------------------ */

static uint64_t count_sources(const struct agent *agent)
{
	uint64_t sources = 0;

	for (uint32_t i = 0; i < agent->pipeline_count; i++) {
		const struct pipeline *pipeline = agent->pipelines[i];

		for (uint32_t k = 0; k < pipeline->input_count; k++)
			sources += (uint64_t)metric_get(pipeline->inputs[k]->files);
	}
	return sources;
}

uint64_t weigh_agent(struct agent *agent, uint64_t told, struct buffer *why)
{
	uint64_t limit = agent->config->memory_limit, sources = count_sources(agent);
	uint64_t pipelines = agent->pipeline_count + agent->retired_count;
	uint64_t explained = weigh_explained(limit, pipelines, sources);
	uint64_t now = resident_bytes();

	if (now <= explained || now <= told + told / 4)
		return 0;
	(void)malloc_trim(0);
	now = resident_bytes();
	if (now <= explained || now <= told + told / 4)
		return 0;
	buffer_printf(
		why,
		"the process holds %llu MiB, of which memory_limit (%llu MiB), pipelines (%llu) "
		"and files (%llu) explain %llu at most; ",
		(unsigned long long)(now >> 20), (unsigned long long)(limit >> 20),
		(unsigned long long)pipelines, (unsigned long long)sources,
		(unsigned long long)(explained >> 20));
	put_suspects(agent, why);
	return now;
}
