// SPDX-License-Identifier: MIT
/* One lock guards all members but the thread's handle, which belongs to the main thread. */
#include "support/delivery_queue/delivery_queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define QUEUE_FIRST 64 /* deliveries; a queue that is drained in time never grows beyond */

struct delivery_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;  /* something to take, or stopping */
	pthread_cond_t emptied; /* a push may go on */
	struct delivery_group waiting;
	int stopping;

	int started;
	pthread_t thread;
	void (*run)(void *user);
	void *user;
};

static int group_room(struct delivery_group *group)
{
	size_t capacity = group->capacity ? group->capacity * 2 : QUEUE_FIRST;
	struct delivery *items;

	if (group->count < group->capacity)
		return 1;
	items = realloc(group->items, capacity * sizeof(*items));
	if (!items)
		return 0;
	group->items = items;
	group->capacity = capacity;
	return 1;
}

int32_t delivery_queue_create(struct delivery_queue **ret_queue, struct weir_error *error)
{
	struct delivery_queue *queue = calloc(1, sizeof(*queue));
	pthread_condattr_t monotonic;

	if (!queue || !group_room(&queue->waiting)) {
		free(queue);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the queue of deliveries");
	}
	pthread_mutex_init(&queue->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->filled, &monotonic);
	pthread_cond_init(&queue->emptied, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret_queue = queue;
	return WEIR_OK;
}

void delivery_queue_destroy(struct delivery_queue *queue)
{
	if (!queue)
		return;
	pthread_cond_destroy(&queue->emptied);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	free(queue->waiting.items);
	free(queue);
}

static void *queue_thread(void *arg)
{
	struct delivery_queue *queue = arg;

	queue->run(queue->user);
	return NULL;
}

int32_t delivery_queue_start(struct delivery_queue *queue, void (*run)(void *user), void *user,
			     struct weir_error *error)
{
	sigset_t all, before;
	int status;

	queue->run = run;
	queue->user = user;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	status = pthread_create(&queue->thread, NULL, queue_thread, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "can't start the output's thread: %s",
				 strerror(status));
	queue->started = 1;
	return WEIR_OK;
}

void delivery_queue_stop(struct delivery_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->stopping = 1;
	pthread_cond_broadcast(&queue->filled);
	pthread_cond_broadcast(&queue->emptied);
	pthread_mutex_unlock(&queue->lock);
	if (queue->started)
		pthread_join(queue->thread, NULL);
	queue->started = 0;
}

void delivery_queue_push(struct delivery_queue *queue, const struct weir_delivery_view *view,
			 const struct weir_encoding *encoding)
{
	struct delivery delivery = {view, encoding};

	pthread_mutex_lock(&queue->lock);
	while (!group_room(&queue->waiting) && !queue->stopping)
		pthread_cond_wait(&queue->emptied, &queue->lock);
	if (!queue->stopping)
		queue->waiting.items[queue->waiting.count++] = delivery;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

int delivery_queue_take(struct delivery_queue *queue, struct delivery_group *group)
{
	struct delivery_group taken;
	int stopping;

	group->count = 0;
	pthread_mutex_lock(&queue->lock);
	while (queue->waiting.count == 0 && !queue->stopping)
		pthread_cond_wait(&queue->filled, &queue->lock);
	taken = queue->waiting;
	queue->waiting = *group;
	*group = taken;
	stopping = queue->stopping;
	pthread_cond_broadcast(&queue->emptied);
	pthread_mutex_unlock(&queue->lock);
	return !stopping;
}

int delivery_queue_pause(struct delivery_queue *queue, uint64_t ms)
{
	struct timespec until;
	int stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&queue->lock);
	while (!queue->stopping &&
	       pthread_cond_timedwait(&queue->filled, &queue->lock, &until) == 0)
		;
	stopping = queue->stopping;
	pthread_mutex_unlock(&queue->lock);
	return !stopping;
}

int delivery_queue_stopping(struct delivery_queue *queue)
{
	int stopping;

	pthread_mutex_lock(&queue->lock);
	stopping = queue->stopping;
	pthread_mutex_unlock(&queue->lock);
	return stopping;
}
