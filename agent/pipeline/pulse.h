// SPDX-License-Identifier: MIT
/*
 * Whether the agent moves: its loop answers, and no worker is at the same task for too long.
 *
 * A task is bounded work (a source's turn, a filter's timer), so one that does not end is a plugin or
 * a system call that hangs. A destination that is slow or gone holds back records and no task: it
 * never counts as stuck.
 */
#ifndef PIPELINE_PULSE_H
#define PIPELINE_PULSE_H

#include "base/loop.h"
#include "pipeline/scheduler.h"

/* Zeroed memory is a pulse that was never taken. Must outlive the loop. */
struct pulse {
	/* When the call was posted that the loop has not run yet; 0 = none. Relaxed: it orders
	 * nothing but itself. */
	_Atomic uint64_t posted_ns;
};

/* 1: it moves. 0: something is stuck for longer than limit_ns, and `why` says what. From one thread,
 * now and then. */
int pulse_take(struct pulse *pulse, struct loop *loop, const struct scheduler *scheduler,
	       uint64_t limit_ns, struct weir_error *why);

#endif
