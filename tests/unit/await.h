// SPDX-License-Identifier: MIT
/* What another thread or process makes true, and time that passes on purpose. Include cmocka.h first. */
#ifndef AWAIT_H
#define AWAIT_H

#include <time.h>

#include "base/clock.h"

#define AWAIT_DEADLINE_S 20 /* only a failure takes so long */
#define AWAIT_LOOK_NS (NS_PER_MS / 2)

/* Lets time pass that is itself what the test is about; for all else there is AWAIT(). */
static inline void watch_for_ns(uint64_t ns)
{
	const struct timespec time = {(time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND)};

	nanosleep(&time, NULL);
}

/* Looks again and again until the condition holds; fails after the deadline. */
#define AWAIT(condition)                                                                       \
	do {                                                                                   \
		uint64_t until =                                                               \
			clock_monotonic_ns() + AWAIT_DEADLINE_S * (uint64_t)NS_PER_SECOND;     \
		while (!(condition)) {                                                         \
			if (clock_monotonic_ns() > until)                                      \
				fail_msg("not within %d s: %s", AWAIT_DEADLINE_S, #condition); \
			watch_for_ns(AWAIT_LOOK_NS);                                           \
		}                                                                              \
	} while (0)

#endif
