// SPDX-License-Identifier: MIT
#include "http/hedge.h"

#include <stdlib.h>
#include <string.h>

void hedge_init(struct hedge *hedge, int is_on)
{
	*hedge = (struct hedge){.is_on = is_on};
}

void hedge_started(struct hedge *hedge)
{
	if (hedge->credit < HEDGE_BURST * HEDGE_SHARE)
		hedge->credit++;
}

static int by_size(const void *one, const void *other)
{
	const uint64_t *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

void hedge_answered(struct hedge *hedge, uint64_t elapsed_ns)
{
	uint64_t sorted[HEDGE_WINDOW];

	if (!hedge->is_on)
		return;
	hedge->times_ns[hedge->count++ % HEDGE_WINDOW] = elapsed_ns;
	if (hedge->count % (HEDGE_WINDOW / 2) || hedge->count < HEDGE_WINDOW)
		return;
	if (hedge->count == 2 * HEDGE_WINDOW)
		hedge->count = HEDGE_WINDOW;
	memcpy(sorted, hedge->times_ns, sizeof(sorted));
	qsort(sorted, HEDGE_WINDOW, sizeof(*sorted), by_size);
	hedge->late_ns = sorted[HEDGE_WINDOW * HEDGE_LATE_PERCENT / 100];
	if (hedge->late_ns < HEDGE_MIN_NS)
		hedge->late_ns = HEDGE_MIN_NS;
}

int hedge_take(struct hedge *hedge)
{
	if (hedge->credit < HEDGE_SHARE)
		return 0;
	hedge->credit -= HEDGE_SHARE;
	return 1;
}
