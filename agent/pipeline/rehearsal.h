// SPDX-License-Identifier: MIT
/*
 * Every pipeline is created in a child process first: a plugin that crashes there costs its own
 * pipeline and no other.
 *
 * The options are the user's, so create() may well see the like for the first time. The child is made
 * while the agent has no thread but main and the sandbox's, which logs what was denied (a reload rehearses
 * in a program started anew: cli/try_out), and without the state database; what it creates goes with it. It
 * notes what it is at in shared memory. After a crash another child goes on with the next pipeline. A
 * call that takes longer than load_timeout is ended, and counts as a crash.
 */
#ifndef PIPELINE_REHEARSAL_H
#define PIPELINE_REHEARSAL_H

#include "pipeline/agent_parts.h"

/* In memory that both processes see. */
struct rehearsal_step {
	char plugin[64];
	_Atomic uint32_t number; /* of calls so far; relaxed, it orders nothing */
};

/* The next call is into this plugin. */
void rehearsal_enter(struct rehearsal_step *step, const char *plugin);

/* Fills agent->crashes, one text per pipeline of the configuration that would crash. Without the means
 * for a child nothing is rehearsed. */
void rehearsal_run(struct agent *agent);
/* Adds a problem for each pipeline that would crash or be refused by a plugin of its, and for what the
 * checks find. */
void rehearsal_check(struct agent *agent, struct config *config, const struct agent_checks *checks);

#endif
