// SPDX-License-Identifier: MIT
#include "pipeline/scheduler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/plugin.h>

#include "base/clock.h"

struct worker {
	pthread_t thread;
	/* When its task began; 0 = it has none. Relaxed: it is read for its value only. */
	_Atomic uint64_t busy_since_ns;
};

struct scheduler {
	pthread_mutex_t lock; /* guards first, last, sleeping, stopping */
	pthread_cond_t wake;
	struct task *first, *last;
	uint32_t sleeping;
	int stopping;
	_Atomic uint32_t queued; /* a hint, read without the lock */
	uint32_t count, started;
	struct worker workers[];
};

struct worker_start {
	struct scheduler *scheduler;
	uint32_t index;
};

static _Thread_local uint32_t current_worker;
static _Thread_local struct worker *current; /* the thread's own, or NULL */

static struct task *scheduler_take(struct scheduler *scheduler)
{
	struct task *task;

	pthread_mutex_lock(&scheduler->lock);
	while (!scheduler->first && !scheduler->stopping) {
		scheduler->sleeping++;
		pthread_cond_wait(&scheduler->wake, &scheduler->lock);
		scheduler->sleeping--;
	}
	task = scheduler->first;
	if (task) {
		scheduler->first = task->next;
		if (!scheduler->first)
			scheduler->last = NULL;
		atomic_fetch_sub_explicit(&scheduler->queued, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&scheduler->lock);
	return task;
}

static void *worker_main(void *argument)
{
	struct worker_start *start = argument;
	struct scheduler *scheduler = start->scheduler;
	struct worker *worker = &scheduler->workers[start->index];
	struct task *task;
	char name[16];

	/* By the thread itself: the name of another one is written into /proc, which the sandbox forbids. */
	snprintf(name, sizeof(name), "weir-work-%u", start->index % 1000);
	pthread_setname_np(pthread_self(), name);
	current_worker = start->index;
	current = worker;
	free(start);
	while ((task = scheduler_take(scheduler))) {
		atomic_store_explicit(&worker->busy_since_ns, clock_monotonic_ns(),
				      memory_order_relaxed);
		task->run(task);
		atomic_store_explicit(&worker->busy_since_ns, 0, memory_order_relaxed);
	}
	return NULL;
}

static int worker_spawn(struct scheduler *scheduler, uint32_t index)
{
	struct worker_start *start = malloc(sizeof(*start));

	if (!start)
		return WEIR_ERR_MEMORY;
	*start = (struct worker_start){scheduler, index};
	if (pthread_create(&scheduler->workers[index].thread, NULL, worker_main, start) != 0) {
		free(start);
		return WEIR_ERR_IO;
	}
	scheduler->started++;
	return 0;
}

int scheduler_create(uint32_t workers, struct scheduler **ret_scheduler, struct weir_error *error)
{
	struct scheduler *scheduler =
		calloc(1, sizeof(*scheduler) + workers * sizeof(struct worker));

	if (!scheduler)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for %u workers", workers);
	pthread_mutex_init(&scheduler->lock, NULL);
	pthread_cond_init(&scheduler->wake, NULL);
	scheduler->count = workers;
	for (uint32_t i = 0; i < workers; i++)
		if (worker_spawn(scheduler, i) < 0) {
			scheduler_destroy(scheduler);
			return weir_fail(error, WEIR_ERR_IO, "can't start worker thread %u of %u",
					 i + 1, workers);
		}
	*ret_scheduler = scheduler;
	return 0;
}

void scheduler_destroy(struct scheduler *scheduler)
{
	if (!scheduler)
		return;
	pthread_mutex_lock(&scheduler->lock);
	scheduler->stopping = 1;
	pthread_cond_broadcast(&scheduler->wake);
	pthread_mutex_unlock(&scheduler->lock);
	for (uint32_t i = 0; i < scheduler->started; i++)
		pthread_join(scheduler->workers[i].thread, NULL);
	pthread_cond_destroy(&scheduler->wake);
	pthread_mutex_destroy(&scheduler->lock);
	free(scheduler);
}

void scheduler_push(struct scheduler *scheduler, struct task *task)
{
	int wake;

	task->next = NULL;
	pthread_mutex_lock(&scheduler->lock);
	if (scheduler->last)
		scheduler->last->next = task;
	else
		scheduler->first = task;
	scheduler->last = task;
	atomic_fetch_add_explicit(&scheduler->queued, 1, memory_order_relaxed);
	wake = scheduler->sleeping > 0;
	pthread_mutex_unlock(&scheduler->lock);
	if (wake)
		pthread_cond_signal(&scheduler->wake);
}

uint32_t scheduler_workers(const struct scheduler *scheduler)
{
	return scheduler->count;
}

int scheduler_busy(const struct scheduler *scheduler)
{
	return atomic_load_explicit(&scheduler->queued, memory_order_relaxed) > 0;
}

uint64_t scheduler_longest_ns(const struct scheduler *scheduler)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t longest = 0;

	for (uint32_t i = 0; i < scheduler->count; i++) {
		uint64_t since = atomic_load_explicit(&scheduler->workers[i].busy_since_ns,
						      memory_order_relaxed);

		if (since && since < now && now - since > longest)
			longest = now - since;
	}
	return longest;
}

void scheduler_progress(void)
{
	if (current)
		atomic_store_explicit(&current->busy_since_ns, clock_monotonic_ns(),
				      memory_order_relaxed);
}

uint32_t scheduler_worker(void)
{
	return current_worker;
}
