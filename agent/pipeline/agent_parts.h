// SPDX-License-Identifier: MIT
/* The agent's inside, for agent.c, rehearsal.c and status.c. */
#ifndef PIPELINE_AGENT_PARTS_H
#define PIPELINE_AGENT_PARTS_H

#include "pipeline/agent.h"
#include "pipeline/pipeline.h"
#include "pipeline/pulse.h"

/* A pipeline that could not be created. */
struct agent_failure {
	const char *name;
	char *text;
};

struct agent {
	const struct config *config;
	struct registry *registry;
	struct pipeline_host host;
	const struct http_module *http_module;
	struct http *http;
	pthread_mutex_t
		lock; /* guards the list of pipelines against the state's and admin's threads */
	struct pipeline **pipelines;
	uint32_t pipeline_count;
	struct agent_failure *failures;
	uint32_t failure_count;
	char **crashes; /* per pipeline of the configuration: how a plugin crashed in the rehearsal */
	uint64_t started_ns; /* monotonic */
	struct pulse pulse;
	char host_name[256];
};

/* The collector of state_start(). */
void agent_collect(void *user, struct state_writer *writer);
/* Starts the plugins of a pipeline and creates it. */
int agent_prepare(struct agent *agent, const struct config_pipeline *config, uint32_t flags,
		  struct pipeline **ret_pipeline, struct weir_error *error);

#endif
