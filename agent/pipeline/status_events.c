// SPDX-License-Identifier: MIT
/* The document of an event for the status page: status, the sources most behind, and the log of late. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "batch/json.h"
#include "pipeline/agent_parts.h"

/* Sources of one pipeline that an event lists. */
#define SOURCES_MAX 100

static void put_text(struct buffer *out, const char *key, struct weir_slice text)
{
	buffer_printf(out, ",\"%s\":", key);
	json_append_string(out, text);
}

/* Keeps the list in the order of what lies unread; returns its new length. */
static size_t insert(struct source **list, size_t count, struct source *source)
{
	uint64_t lag = atomic_load(&source->lag);
	size_t at = count;

	while (at > 0 && atomic_load(&list[at - 1]->lag) < lag)
		at--;
	if (at == SOURCES_MAX)
		return count;
	if (count == SOURCES_MAX)
		count--;
	memmove(list + at + 1, list + at, (count - at) * sizeof(struct source *));
	list[at] = source;
	return count + 1;
}

/* The most behind, each with a reference: their ledgers may not be asked under the pipeline's lock. */
static size_t most_behind(struct pipeline *pipeline, struct source *ret_list[SOURCES_MAX])
{
	size_t count = 0;

	pthread_mutex_lock(&pipeline->lock);
	for (struct source *s = pipeline->sources; s; s = s->next)
		if (!s->queue)
			count = insert(ret_list, count, s);
	for (size_t i = 0; i < count; i++)
		source_ref(ret_list[i]);
	pthread_mutex_unlock(&pipeline->lock);
	return count;
}

static void put_sources(struct buffer *out, struct pipeline *pipeline, int *any)
{
	struct source *list[SOURCES_MAX];
	size_t count = most_behind(pipeline, list);

	for (size_t i = 0; i < count; i++) {
		struct source *source = list[i];

		buffer_printf(out, "%s{\"lag_bytes\":%" PRIu64 ",\"position\":%" PRIu64,
			      (*any)++ ? "," : "", atomic_load(&source->lag),
			      ledger_acked(source->ledger, source->outputs));
		put_text(out, "pipeline", weir_slice_of(pipeline->config->name));
		put_text(out, "input", weir_slice_of(source->input->config->name));
		put_text(out, "name", source->view.name);
		buffer_text(out, "}");
		source_unref(&source->view);
	}
}

static void put_log(struct buffer *out)
{
	struct log_recent *lines = calloc(LOG_RECENT, sizeof(*lines));
	size_t count = lines ? log_recent(lines) : 0;

	for (size_t i = 0; i < count; i++) {
		buffer_printf(out, "%s{\"level\":\"%s\",\"time\":", i ? "," : "",
			      log_level_name(lines[i].level));
		json_append_timestamp(out, lines[i].wall_ns / NS_PER_MS * NS_PER_MS);
		put_text(out, "origin", weir_slice_of(lines[i].origin));
		put_text(out, "code", weir_slice_of(lines[i].code));
		put_text(out, "text", weir_slice_of(lines[i].text));
		buffer_text(out, "}");
	}
	free(lines);
}

int agent_events(struct agent *agent, int records, struct buffer *out)
{
	int any = 0;

	buffer_printf(out,
		      "{\"at\":%" PRId64 ",\"records\":%s,\"status\":", clock_wall_ns() / NS_PER_MS,
		      records ? "true" : "false");
	agent_status(agent, records, out);
	buffer_text(out, ",\"files\":[");
	pthread_mutex_lock(&agent->lock);
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		put_sources(out, agent->pipelines[i], &any);
	pthread_mutex_unlock(&agent->lock);
	buffer_text(out, "],\"log\":[");
	put_log(out);
	return buffer_text(out, "]}");
}
