// SPDX-License-Identifier: MIT
/* Positions that come from another agent: see agent_start_placing(). */
#include "pipeline/agent_parts.h"

int agent_start_placing(struct agent *agent, struct weir_error *error)
{
	/* A pipeline that doesn't read leaves what is ready alone. */
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		atomic_store(&agent->pipelines[i]->state, PIPELINE_STOPPING);
	return state_start(agent->host.state, agent_collect, agent, error);
}

static int place(struct pipeline *pipeline, const char *path, uint64_t position,
		 struct weir_error *error)
{
	for (uint32_t i = 0; i < pipeline->input_count; i++) {
		const struct weir_context *input = pipeline->inputs[i];
		int32_t (*op)(void *, struct weir_slice, uint64_t, struct weir_error *) =
			STAGE_OP(input->plugin->input, place);
		int status = op ? op(input->instances[0], weir_slice_of(path), position, error)
				: WEIR_ERR_NOT_FOUND;

		if (status != WEIR_ERR_NOT_FOUND)
			return status;
	}
	return weir_fail(error, WEIR_ERR_NOT_FOUND, "no input of %s reads %s",
			 pipeline->config->name, path);
}

int agent_place(struct agent *agent, const char *pipeline, const char *path, uint64_t position,
		struct weir_error *error)
{
	struct pipeline *found = agent_find(agent, pipeline);

	if (found)
		return place(found, path, position, error);
	return weir_fail(error, WEIR_ERR_NOT_FOUND, "the pipeline %s could not be created",
			 pipeline);
}
