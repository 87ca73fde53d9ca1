// SPDX-License-Identifier: MIT
/*
 * When a second copy of a late request is worth it: the first answer of the two counts, so one slow
 * connection or server does not hold records up. Off unless asked for, since both copies may land.
 *
 *   - Late is what takes longer than HEDGE_LATE_PERCENT of the last answers did, and HEDGE_MIN_NS.
 *   - Of HEDGE_SHARE requests at most one is sent twice; what is not used is kept for HEDGE_BURST.
 *     So a destination that is slow as a whole does not get twice the work.
 *
 * Arithmetic only: no clock, no lock; the loop's thread owns it.
 */
#ifndef HTTP_HEDGE_H
#define HTTP_HEDGE_H

#include <stdint.h>

#define HEDGE_LATE_PERCENT 99
#define HEDGE_MIN_NS UINT64_C(10000000)
#define HEDGE_SHARE 50
#define HEDGE_BURST 5
/* Answers that are looked back on; so many must be there before anything counts as late. */
#define HEDGE_WINDOW 128

struct hedge {
	int is_on;
	uint64_t times_ns[HEDGE_WINDOW];
	uint32_t count;   /* of answers, in all; wraps to HEDGE_WINDOW */
	uint64_t late_ns; /* 0 = not known yet */
	uint32_t credit;  /* HEDGE_SHARE buys a copy */
};

void hedge_init(struct hedge *hedge, int is_on);
void hedge_started(struct hedge *hedge);
void hedge_answered(struct hedge *hedge, uint64_t elapsed_ns);
/* Whether one more copy may be sent; it is taken for sent. */
int hedge_take(struct hedge *hedge);

#endif
