// SPDX-License-Identifier: MIT
/* What the parts of a queue on disk share: disk_queue.c, its life; disk_queue_write.c, the writer and its
 * thread; disk_queue_read.c, its source. */
#ifndef PIPELINE_DISK_QUEUE_INTERNAL_H
#define PIPELINE_DISK_QUEUE_INTERNAL_H

#include "pipeline/disk_queue.h"
#include "spool/spool.h"

struct disk_queue {
	struct weir_context *output;
	struct weir_context input; /* the stage that source.c sees */
	struct config_stage config;
	void *instance; /* this, as input.instances has it */
	struct source *source;
	uint32_t queues; /* of the pipeline: they share what is set aside for what is read back */

	pthread_mutex_t lock; /* guards what follows, to the blank line */
	pthread_cond_t wake;
	struct weir_delivery *waiting, **waiting_end;
	int started, stopping;
	int room;        /* something was acknowledged since the queue was found full */
	uint64_t due_ns; /* when the writer has something to do without being woken */

	pthread_mutex_t
		closing; /* held by who acknowledges, so that the spool is not closed under it */

	/* Of the writer. */
	pthread_t writer;
	struct spool *_Atomic spool; /* NULL until it is open, and again when it is closed */
	struct weir_delivery *group, **group_end; /* taken and not yet synced */
	struct spool_chunk chunk;
	int full, stalled;
	_Atomic uint64_t own_first; /* position: what is behind it was written by this process */
	uint64_t save_due_ns, flush_due_ns, retry_due_ns, reread_due_ns;
	_Atomic int unsaved;     /* something was acknowledged since the last save */
	_Atomic int read_failed; /* try again later */
	_Atomic int busy;        /* the writer has a group at hand */

	struct weir_metric *bytes, *limit, *written, *damaged;
};

/* The input that source.c reads what is in the queue by; an instance is the queue. */
extern const struct weir_plugin disk_queue_plugin;

/* The writer; user is the queue. */
void *disk_queue_thread(void *user);
/* Moves what waits to the group. */
void disk_queue_take(struct disk_queue *queue);

#endif
