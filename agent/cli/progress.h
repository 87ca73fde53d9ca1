// SPDX-License-Identifier: MIT
/* The progress bar of `weir run --once`: bytes, records a second, time left; on a terminal only. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>

#include "pipeline/agent.h"

struct progress {
	int off;
	uint64_t started_ns;
	uint64_t drawn_ns;
};

void progress_start(struct progress *progress, int off);
void progress_update(struct progress *progress, struct agent *agent);
/* Leaves a summary line behind; none without an agent. */
void progress_end(struct progress *progress, struct agent *agent);

#endif
