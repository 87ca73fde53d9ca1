// SPDX-License-Identifier: MIT
/*
 * Deliveries on their way from write() to an output's own thread.
 *
 * write() pushes and returns; the thread takes everything that has come in since, as one group, so
 * that it can be written and synced together while the next group gathers. The thread runs with all
 * signals blocked: a broken pipe or a file size limit is an errno there, never the agent's death.
 */
#ifndef DELIVERY_QUEUE_H
#define DELIVERY_QUEUE_H

#include <weir/plugin.h>

struct delivery_queue;

struct delivery {
	const struct weir_delivery_view *view;
	const struct weir_encoding *encoding; /* NULL when there was no memory for it yet */
};

struct delivery_group {
	struct delivery *items;
	size_t count;
	size_t capacity;
};

int32_t delivery_queue_create(struct delivery_queue **ret_queue, struct weir_error *error);
void delivery_queue_destroy(struct delivery_queue *queue);
/* Starts the thread that runs run(user) until delivery_queue_take() says that it is over. */
int32_t delivery_queue_start(struct delivery_queue *queue, void (*run)(void *user), void *user,
			     struct weir_error *error);
/* Wakes the thread wherever it waits, and joins it. */
void delivery_queue_stop(struct delivery_queue *queue);

/* Any thread. Waits for the thread only when there is no memory to queue one more. */
void delivery_queue_push(struct delivery_queue *queue, const struct weir_delivery_view *view,
			 const struct weir_encoding *encoding);
/* Waits for deliveries and exchanges them for the emptied group; 0 = stop. */
int delivery_queue_take(struct delivery_queue *queue, struct delivery_group *group);
/* Waits this long, or until the stop; 0 = stop. */
int delivery_queue_pause(struct delivery_queue *queue, uint64_t ms);
int delivery_queue_stopping(struct delivery_queue *queue);

#endif
