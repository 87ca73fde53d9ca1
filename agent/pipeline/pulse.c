// SPDX-License-Identifier: MIT
#include "pipeline/pulse.h"

#include <stdatomic.h>
#include <weir/plugin.h>

#include "base/clock.h"

static void pulse_beat(void *user)
{
	struct pulse *pulse = user;

	atomic_store_explicit(&pulse->posted_ns, 0, memory_order_relaxed);
}

/* How long the loop owes an answer; asks it, when it owes none. */
static uint64_t pulse_loop_ns(struct pulse *pulse, struct loop *loop)
{
	uint64_t posted = atomic_load_explicit(&pulse->posted_ns, memory_order_relaxed);
	uint64_t now = clock_monotonic_ns();

	if (posted)
		return now - posted;
	atomic_store_explicit(&pulse->posted_ns, now, memory_order_relaxed);
	if (loop_post(loop, pulse_beat, pulse) < 0)
		pulse_beat(pulse);
	return 0;
}

int pulse_take(struct pulse *pulse, struct loop *loop, const struct scheduler *scheduler,
	       uint64_t limit_ns, struct weir_error *why)
{
	uint64_t loop_ns = pulse_loop_ns(pulse, loop);
	uint64_t task_ns = scheduler_longest_ns(scheduler);

	if (loop_ns <= limit_ns && task_ns <= limit_ns)
		return 1;
	if (loop_ns > limit_ns)
		weir_fail(why, WEIR_ERR_STATE, "the event loop has not answered for %llu s",
			  (unsigned long long)(loop_ns / NS_PER_SECOND));
	else
		weir_fail(why, WEIR_ERR_STATE, "a worker has been at one task for %llu s",
			  (unsigned long long)(task_ns / NS_PER_SECOND));
	return 0;
}
