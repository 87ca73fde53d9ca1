// SPDX-License-Identifier: MIT
/* The agent's inside, for agent.c, rehearsal.c, reload.c and status.c. */
#ifndef PIPELINE_AGENT_PARTS_H
#define PIPELINE_AGENT_PARTS_H

#include "pipeline/agent.h"
#include "pipeline/pipeline.h"
#include "pipeline/pulse.h"

/* A pipeline that could not be created. */
struct agent_failure {
	char *name;
	char *text;
};

/* A generation whose successor runs, or which has been taken away. */
struct agent_retired {
	struct pipeline *pipeline;
	struct pipeline *waiting; /* its successor, whose inputs start when it is over; or NULL */
	int ended;                /* its plugins are gone: to be destroyed when it is over */
};

/* A pipeline to be made. */
struct agent_plan {
	struct config *owner;
	const struct config_pipeline *config; /* of it */
	uint64_t memory_bytes;
	uint32_t flags; /* WEIR_START_* */
	struct pipeline *predecessor;
};

struct agent {
	struct config *config;
	struct registry *registry;
	struct pipeline_host host;
	const struct sandbox *sandbox; /* or NULL */
	const struct http_module *http_module;
	struct http *http;
	pthread_mutex_t
		lock; /* guards the list of pipelines against the state's and admin's threads */
	struct pipeline **pipelines;
	uint32_t pipeline_count;
	struct agent_retired *retired;
	uint32_t retired_count;
	int is_crowded; /* since a reload some pipeline uses more than its share; main thread */
	struct agent_failure *failures;
	uint32_t failure_count;
	char **crashes; /* per pipeline of the configuration: how a plugin crashed in the rehearsal */
	uint64_t started_ns; /* monotonic */
	struct pulse pulse;
	char host_name[256];
	char *state_dir;
	struct weir_metric *taps_metric;
	struct weir_metric *resident_metric;
};

/* The collector of state_start(). */
void agent_collect(void *user, struct state_writer *writer);
/* Starts the plugins of a pipeline and creates it. */
int agent_prepare(struct agent *agent, const struct agent_plan *plan,
		  struct pipeline **ret_pipeline, struct weir_error *error);
/* What on_corrupt_state asks for a pipeline whose positions were lost. */
int agent_start_flags(struct agent *agent, const struct config_pipeline *config,
		      uint32_t *ret_flags, struct weir_error *error);
/* Notes that the pipeline's inputs have been run. */
void agent_mark_seen(struct agent *agent, const struct config_pipeline *config);
/* A pipeline that does not run, and why: for status and health. */
void agent_add_failure(struct agent *agent, const char *name, const char *text);
void agent_clear_failures(struct agent *agent);
/* What memory_limit leaves for one of that many pipelines. */
uint64_t agent_share(const struct config *config, size_t pipelines);
/* A running pipeline of that name, or NULL. */
struct pipeline *agent_find(const struct agent *agent, const char *name);

#endif
