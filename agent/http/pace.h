// SPDX-License-Identifier: MIT
/*
 * How many requests may be in flight, and how long to wait after a failure.
 *
 * Additive increase, multiplicative decrease: one more after as many successes as are allowed now,
 * if requests were waiting; half after a failure, once for all that were in flight then. Waits have
 * full jitter: anything between 0 and the bound, so that many agents never come back together.
 */
#ifndef HTTP_PACE_H
#define HTTP_PACE_H

#include <stdint.h>

struct pace {
	uint32_t limit, limit_max;
	uint32_t successes; /* since the limit changed */
	uint32_t failing;   /* failures since the last success */
	uint64_t failing_since_ns;
	uint64_t cut_ns; /* when the limit was last halved */
	uint64_t wait_min_ns, wait_max_ns;
	uint64_t random;
};

void pace_start(struct pace *pace, uint32_t limit_max, uint64_t wait_min_ns, uint64_t wait_max_ns);
/* Requests allowed at this moment: one, while nothing gets through. */
uint32_t pace_limit(const struct pace *pace);
void pace_success(struct pace *pace, int were_waiting);
void pace_failure(struct pace *pace, uint64_t started_ns, uint64_t now_ns);
/* Half as many, though the destination works: it throttles some of what it is sent. */
void pace_cut(struct pace *pace, uint64_t started_ns, uint64_t now_ns);
/* Between 0 and min(wait_max, wait_min * 2^(tries - 1)); tries is at least 1. */
uint64_t pace_wait_ns(struct pace *pace, uint32_t tries);
/* Between half of the longest wait and all of it. */
uint64_t pace_slow_wait_ns(struct pace *pace);
/* What a server asked for, and up to a tenth more. */
uint64_t pace_asked_wait_ns(struct pace *pace, uint64_t seconds);

#endif
