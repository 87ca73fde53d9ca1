// SPDX-License-Identifier: MIT
/* What source.c, which schedules sources, and source_open.c, which makes them, know of each other. */
#ifndef PIPELINE_SOURCE_INTERNAL_H
#define PIPELINE_SOURCE_INTERNAL_H

#include "pipeline/pipeline.h"

/* source.c has the diagram. */
enum source_state {
	SOURCE_NEW,
	SOURCE_NEW_READY,
	SOURCE_IDLE,
	SOURCE_QUEUED,
	SOURCE_RUNNING,
	SOURCE_AGAIN,
	SOURCE_RESTING,
	SOURCE_RESTING_READY,
	SOURCE_PARKED,
	SOURCE_ENDED,
	SOURCE_CLOSED
};

static inline struct source *source_of(struct weir_source *handle)
{
	return (struct source *)(void *)handle;
}

/* Frees what it has; nothing refers to it. */
void source_free(struct source *source);
/* One turn on a worker. */
void source_run(struct task *task);
/* Puts one that is not queued into the queue. */
void source_requeue(struct source *source);
/* It is being noted as seen. */
void source_seen(struct source *source);
/* Marks the source for the next commit of positions. */
void source_mark_dirty(struct source *source);

#endif
