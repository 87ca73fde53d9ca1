// SPDX-License-Identifier: MIT
/*
 * Another configuration for an agent that runs, pipeline by pipeline.
 *
 *   plan      what is new, changed, taken away (by id); what says the same is not touched
 *   create    the new generations, beside the old ones, which go on
 *   switch    the old one stops reading and drains; the new one reads on from there
 *   drain     what has no outcome after drain_timeout goes to the outputs of the new one
 *
 * A pipeline whose new configuration is refused keeps the old one; the others switch. A new generation
 * that was created but does not start is replaced by one of the old configuration.
 *
 * Where the destinations answer, the old generation is over before the new one starts: order is kept,
 * and no file is written by two. It waits for that for RELOAD_GRACE_NS, then runs beside the old one.
 * With `ordering: strict`, and where filters hold records back, it waits up to drain_timeout.
 */
#ifndef PIPELINE_RELOAD_H
#define PIPELINE_RELOAD_H

#include "pipeline/agent.h"

#define RELOAD_GRACE_NS (250 * NS_PER_MS)

#define RELOAD_UNCHANGED 0
#define RELOAD_ADDED 1
#define RELOAD_CHANGED 2
#define RELOAD_REMOVED 3
#define RELOAD_KEPT 4     /* refused: the old one goes on */
#define RELOAD_LEFT_OUT 5 /* refused, and there is no old one */

struct reload_item {
	char *pipeline;
	uint32_t what; /* RELOAD_* */
};

struct reload_report {
	struct reload_item *items;
	size_t count;
	uint64_t repeated;  /* records handed over */
	uint32_t undrained; /* pipelines whose old generation did not drain in time */
};

/* What the caller does while a reload waits. */
struct reload_watch {
	int (*hurry)(void *user); /* true: wait for nobody any more */
	void *user;
};

/* 1 when the pipeline of the configuration runs already, just so. Main thread, as the others. */
int agent_runs(const struct agent *agent, const struct config_pipeline *config);
/* Switches to the configuration, which has been loaded with all its pipelines; those that are broken are
 * refused. Why a pipeline is refused is added to the configuration's problems. The agent lives on the
 * configuration from then on; its pipelines keep what they need of the one before. The caller frees the
 * report. */
void agent_reload(struct agent *agent, struct config *config, const struct reload_watch *watch,
		  struct reload_report *ret_report);
void reload_report_done(struct reload_report *report);
const char *reload_word(uint32_t what);
/* Goes on with what a reload left to do: call it now and then while it returns 1. */
int agent_tend(struct agent *agent);

#endif
