// SPDX-License-Identifier: MIT
/* Arithmetic only: no clock, no lock; the loop's thread owns it. */
#include "http/pace.h"

#include <sys/random.h>

#define PACE_START 2
/* From so many failures without a success between them, requests go one at a time. */
#define PACE_PROBE 3
/* A server that asks for more patience is asked again after this. */
#define PACE_ASKED_MAX_S 300

/* xorshift64*: spread matters here, not secrecy. */
static uint64_t next_random(struct pace *pace)
{
	pace->random ^= pace->random >> 12;
	pace->random ^= pace->random << 25;
	pace->random ^= pace->random >> 27;
	return pace->random * UINT64_C(2685821657736338717);
}

static uint64_t up_to(struct pace *pace, uint64_t bound)
{
	return bound == UINT64_MAX ? next_random(pace) : next_random(pace) % (bound + 1);
}

void pace_start(struct pace *pace, uint32_t limit_max, uint64_t wait_min_ns, uint64_t wait_max_ns)
{
	*pace = (struct pace){.limit_max = limit_max, .wait_max_ns = wait_max_ns};
	pace->limit = limit_max < PACE_START ? limit_max : PACE_START;
	pace->wait_min_ns = wait_min_ns < wait_max_ns ? wait_min_ns : wait_max_ns;
	if (getrandom(&pace->random, sizeof(pace->random), GRND_NONBLOCK) < 0 || !pace->random)
		pace->random = (uint64_t)(uintptr_t)pace | 1;
}

uint32_t pace_limit(const struct pace *pace)
{
	return pace->failing >= PACE_PROBE ? 1 : pace->limit;
}

void pace_success(struct pace *pace, int were_waiting)
{
	pace->failing = 0;
	if (!were_waiting || pace->limit == pace->limit_max)
		return;
	if (++pace->successes < pace->limit)
		return;
	pace->successes = 0;
	pace->limit++;
}

void pace_failure(struct pace *pace, uint64_t started_ns, uint64_t now_ns)
{
	if (pace->failing == 0)
		pace->failing_since_ns = now_ns;
	if (pace->failing < UINT32_MAX)
		pace->failing++;
	pace_cut(pace, started_ns, now_ns);
}

void pace_cut(struct pace *pace, uint64_t started_ns, uint64_t now_ns)
{
	if (started_ns < pace->cut_ns)
		return;
	pace->cut_ns = now_ns;
	pace->successes = 0;
	pace->limit = pace->limit > 1 ? pace->limit / 2 : 1;
}

uint64_t pace_wait_ns(struct pace *pace, uint32_t tries)
{
	uint64_t bound = pace->wait_min_ns;

	for (uint32_t i = 1; i < tries && bound < pace->wait_max_ns; i++)
		bound = bound > pace->wait_max_ns / 2 ? pace->wait_max_ns : bound * 2;
	return up_to(pace, bound);
}

uint64_t pace_slow_wait_ns(struct pace *pace)
{
	return pace->wait_max_ns / 2 + up_to(pace, pace->wait_max_ns / 2);
}

uint64_t pace_asked_wait_ns(struct pace *pace, uint64_t seconds)
{
	uint64_t wait_ns =
		(seconds < PACE_ASKED_MAX_S ? seconds : PACE_ASKED_MAX_S) * UINT64_C(1000000000);

	return wait_ns + up_to(pace, wait_ns / 10);
}
