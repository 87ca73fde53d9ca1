// SPDX-License-Identifier: MIT
/*
 * A token bucket of two kinds of tokens, items and bytes, whose rate adapts.
 *
 *   - Something may go while there are tokens of both kinds; what it takes may leave a debt. So an
 *     item larger than the bucket waits no longer than it must. After a debt nothing goes until a
 *     reserve has gathered: so what is limited goes in few large portions, not in many small ones.
 *   - Additive increase, multiplicative decrease: a throttle halves the rate, once for all that was
 *     sent before it; it grows back to the full rate within BUCKET_RECOVERY_NS.
 *
 * Pure: the caller has the clock and the lock.
 */
#ifndef RATE_BUCKET_H
#define RATE_BUCKET_H

#include <stdint.h>

/* From the least rate to the full one without a throttle. */
#define BUCKET_RECOVERY_NS UINT64_C(20000000000)
/* The least share of the full rate: a 64th. */
#define BUCKET_SHARE_MIN (1.0 / 64)

struct bucket {
	double items_per_s, bytes_per_s; /* at the full rate; 0 = no limit at all */
	double share;                    /* of the full rate, now */
	double items, bytes;             /* tokens; negative is debt */
	double reserve_s;                /* what must gather after a debt, in seconds at the rate */
	int in_debt;
	uint64_t filled_ns; /* up to when tokens have been counted */
	uint64_t cut_ns;    /* of the last decrease */
};

/* Full, at the full rate: tokens of one second. */
void bucket_init(struct bucket *bucket, double items_per_s, double bytes_per_s, double reserve_s,
		 uint64_t now_ns);
/* 0 when something may go now, else how many nanoseconds to wait for that. */
uint64_t bucket_wait_ns(struct bucket *bucket, uint64_t now_ns);
void bucket_take(struct bucket *bucket, double items, double bytes);
/* What was sent at sent_ns has been throttled. */
void bucket_throttled(struct bucket *bucket, uint64_t sent_ns, uint64_t now_ns);

#endif
