// SPDX-License-Identifier: MIT
#include "support/rate/bucket.h"

#define SECOND 1e9
/* Less than what a bucket holds. */
#define RESERVE_MAX_S 0.5

void bucket_init(struct bucket *bucket, double items_per_s, double bytes_per_s, double reserve_s,
		 uint64_t now_ns)
{
	*bucket =
		(struct bucket){.items_per_s = items_per_s,
				.bytes_per_s = bytes_per_s,
				.share = 1,
				.items = items_per_s,
				.bytes = bytes_per_s,
				.reserve_s = reserve_s < RESERVE_MAX_S ? reserve_s : RESERVE_MAX_S,
				.filled_ns = now_ns};
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static void fill(struct bucket *b, uint64_t now_ns)
{
	double seconds = now_ns > b->filled_ns ? (double)(now_ns - b->filled_ns) / SECOND : 0;
	double growth = seconds * SECOND / (double)BUCKET_RECOVERY_NS;

	if (now_ns > b->filled_ns)
		b->filled_ns = now_ns;
	b->share = least(1, b->share + growth);
	/* No more than a second's worth at the rate of now: a throttled shard gets no bursts. */
	b->items = least(b->items_per_s * b->share, b->items + seconds * b->items_per_s * b->share);
	b->bytes = least(b->bytes_per_s * b->share, b->bytes + seconds * b->bytes_per_s * b->share);
}

/* How long until there are more tokens than `wanted`; a little more, so that there surely are. */
static double wait_s(double tokens, double wanted, double per_s)
{
	return tokens > wanted ? 0 : (wanted - tokens) / per_s + 0.0001;
}

uint64_t bucket_wait_ns(struct bucket *b, uint64_t now_ns)
{
	double items_per_s, bytes_per_s, reserve, items, bytes;

	if (b->items_per_s <= 0)
		return 0;
	fill(b, now_ns);
	items_per_s = b->items_per_s * b->share;
	bytes_per_s = b->bytes_per_s * b->share;
	if (b->items <= 0 || b->bytes <= 0)
		b->in_debt = 1;
	reserve = b->in_debt ? b->reserve_s : 0;
	items = wait_s(b->items, reserve * items_per_s, items_per_s);
	bytes = wait_s(b->bytes, reserve * bytes_per_s, bytes_per_s);
	if (items <= 0 && bytes <= 0)
		b->in_debt = 0;
	return (uint64_t)((items > bytes ? items : bytes) * SECOND);
}

void bucket_take(struct bucket *b, double items, double bytes)
{
	b->items -= items;
	b->bytes -= bytes;
}

void bucket_throttled(struct bucket *b, uint64_t sent_ns, uint64_t now_ns)
{
	fill(b, now_ns);
	if (sent_ns < b->cut_ns)
		return; /* sent at the rate of before */
	b->cut_ns = now_ns;
	b->share = b->share / 2 > BUCKET_SHARE_MIN ? b->share / 2 : BUCKET_SHARE_MIN;
	b->items = least(b->items, 0);
	b->bytes = least(b->bytes, 0);
}
