// SPDX-License-Identifier: MIT
/*
 * The workers: a fixed number of threads that take tasks from one queue, first in, first out.
 *
 * A task is embedded in its owner, is in the queue at most once, and must not be pushed again before
 * its run() has begun. FIFO makes sources take turns. An empty queue costs nothing: workers sleep.
 */
#ifndef PIPELINE_SCHEDULER_H
#define PIPELINE_SCHEDULER_H

#include <stdint.h>
#include <weir/abi.h>

struct scheduler;

struct task {
	struct task *next;
	void (*run)(struct task *task);
};

int scheduler_create(uint32_t workers, struct scheduler **ret_scheduler, struct weir_error *error);
/* Lets the workers finish what is queued, and joins them. */
void scheduler_destroy(struct scheduler *scheduler);
void scheduler_push(struct scheduler *scheduler, struct task *task);
uint32_t scheduler_workers(const struct scheduler *scheduler);
/* True when other tasks wait: time to give way. */
int scheduler_busy(const struct scheduler *scheduler);
/* How long the task has been running that was begun first of those that run; 0 when none does. */
uint64_t scheduler_longest_ns(const struct scheduler *scheduler);
/* The number of the calling worker; 0 on other threads. */
uint32_t scheduler_worker(void);
/* The calling worker's task gets on: its time for scheduler_longest_ns() begins anew. */
void scheduler_progress(void);

#endif
