// SPDX-License-Identifier: MIT
/*
 * The event loop: one thread on epoll that runs timers, descriptors and posted calls.
 *
 * loop_post() and the timer functions may be called from any thread; descriptor functions on the
 * loop's own thread, or before it starts. Without timers it sleeps for ever.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <weir/abi.h>

struct loop;

#define LOOP_READ 1
#define LOOP_WRITE 2

typedef void loop_call(void *user);
typedef void loop_fd_call(void *user, int fd, uint32_t events);

/* Embedded in its owner. Zeroed memory is a stopped timer. */
struct loop_timer {
	loop_call *call;
	void *user;
	uint64_t due_ns;     /* of the monotonic clock */
	uint32_t heap_index; /* 1-based; 0 = stopped */
};

int loop_create(struct loop **ret_loop, struct weir_error *error);
int loop_start(struct loop *loop, struct weir_error *error);
/* Stops and joins the thread; calls posted before are run. */
void loop_stop(struct loop *loop);
void loop_destroy(struct loop *loop);
int loop_is_current(const struct loop *loop);
/* From loop_start() until loop_stop(): posted calls will run. */
int loop_is_running(const struct loop *loop);
/* Runs call(user) on the loop's thread and returns when it has: at once on that thread, or where
 * the loop does not run. */
int loop_run(struct loop *loop, loop_call *call, void *user);

/* Runs call(user) on the loop's thread, in the order posted. */
int loop_post(struct loop *loop, loop_call *call, void *user);
/* Sets or moves a timer. After loop_timer_stop() the call does not start any more, but may be
 * running, unless stopped on the loop's thread. */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);
/* Watches a descriptor for LOOP_READ | LOOP_WRITE; 0 ends it. */
int loop_fd(struct loop *loop, int fd, uint32_t events, loop_fd_call *call, void *user);

#endif
