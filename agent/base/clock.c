// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

/* Where the wall clock stands; 0 = it goes. Plugins ask for the time without saying who they are, so it
 * can only be one for all. */
static _Atomic int64_t held_ns;

void clock_wall_hold(int64_t ns)
{
	atomic_store_explicit(&held_ns, ns, memory_order_relaxed);
}

int64_t clock_wall_ns(void)
{
	int64_t held = atomic_load_explicit(&held_ns, memory_order_relaxed);
	struct timespec now;

	if (held)
		return held;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * (uint64_t)NS_PER_SECOND + (uint64_t)now.tv_nsec;
}
