// SPDX-License-Identifier: MIT
/*
 * For `weir check --online`: every output of a pipeline asks its destination at the same time, on the
 * loop's thread, and what has not been answered when the time is over is a finding as well.
 */
#ifndef PIPELINE_PROBE_H
#define PIPELINE_PROBE_H

#include "pipeline/pipeline.h"

struct probe_listener {
	/* The plugins still have to answer; called again and again, the first of them is named. */
	void (*waiting)(void *user, const struct weir_plugin *plugin);
	/* is_error: else a warning. With the place of the output. */
	void (*found)(void *user, const struct weir_error *finding, int is_error);
	void *user;
};

/* 1 when the output can be asked. */
int probe_is_possible(const struct weir_context *output);
/* The pipeline has been created and is not started; neither is its loop, which runs afterwards. */
void probe_run(struct pipeline *pipeline, uint64_t limit_ns, const struct probe_listener *listener);

/* The service probe_done(). */
void probe_stage_done(struct weir_context *stage, const struct weir_error *finding);

#endif
