// SPDX-License-Identifier: MIT
/*
 * The rehearsal of a reload: changed pipelines are first created in another process, so that a plugin
 * that crashes or hangs there does it without harm. A process with threads cannot rehearse in a mere
 * copy of itself, so it runs `weir check --offline`, which does the same.
 */
#ifndef CLI_TRY_OUT_H
#define CLI_TRY_OUT_H

#include "config/config.h"
#include "pipeline/agent.h"

/* Marks those pipelines of the configuration that would not come up as broken, with the reason among
 * the problems. Those that the agent runs already are left out. */
void try_out(struct config *config, const struct agent *agent);

#endif
