// SPDX-License-Identifier: MIT
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* Nanoseconds since 1970. */
int64_t clock_wall_ns(void);
/* From now on the wall clock of this process stands at `ns`, for `weir test`; 0 lets it go again. Before
 * other threads are started. */
void clock_wall_hold(int64_t ns);
/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_monotonic_ns(void);

#endif
