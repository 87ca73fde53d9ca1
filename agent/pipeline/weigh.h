// SPDX-License-Identifier: MIT
/*
 * Whether the process is as large as its parts explain. What a plugin asks of malloc() is nobody's but its
 * own: that one of them leaks shows only in the whole, and in which of them could.
 */
#ifndef PIPELINE_WEIGH_H
#define PIPELINE_WEIGH_H

#include "pipeline/agent.h"

/* What an agent may hold with that bound, so many pipelines, and so many sources followed, in bytes. */
uint64_t weigh_explained(uint64_t memory_limit, uint64_t pipelines, uint64_t sources);
/* Returns the bytes that the process holds if they are more than the explained ones, freed memory given
 * back before, and more than a quarter above `told`; else 0. Then `why` is a sentence that names the plugins
 * that may leak. Main thread. */
uint64_t weigh_agent(struct agent *agent, uint64_t told, struct buffer *why);

#endif
