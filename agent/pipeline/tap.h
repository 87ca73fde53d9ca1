// SPDX-License-Identifier: MIT
/*
 * Taps: copies of live records for who wants to look at them, taken where they pass a stage.
 *
 * A tap never slows its pipeline. It may use a hundredth of the time that passes (TAP_SHARE), and beyond
 * that batches pass unseen; where another worker is at the tap just now, the batch passes as well; and
 * what its reader does not fetch is left out. So what it shows is a sample, and it counts what it left
 * out. Nobody taps: one relaxed load per batch, for the number of taps (relaxed, because a tap that is
 * seen a batch later is as good).
 *
 * A tap names its pipeline and stage: it outlives reloads, and sees whatever generation runs.
 */
#ifndef PIPELINE_TAP_H
#define PIPELINE_TAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <weir/services.h>

#include "base/buffer.h"

/* At a time: each costs its share of a core. */
#define TAPS_MAX 8
#define TAP_SHARE 100
/* What a tap may have saved up, so that a rare batch is seen whole. */
#define TAP_CREDIT_NS (5 * NS_PER_MS)
/* What waits for its reader. */
#define TAP_PENDING_MAX (1u << 20)

struct tap;
struct batch;

struct taps {
	_Atomic uint32_t count;
	pthread_mutex_t lock; /* guards the list; tried, never waited for, by workers */
	struct tap *first;
};

/* Where records are looked at. */
#define TAP_INPUT 1  /* as an input read them */
#define TAP_FILTER 2 /* as a filter left them */
#define TAP_ROUTED 3 /* as they came through all filters */
#define TAP_OUTPUT 4 /* those that an output wants */
#define TAP_DEAD 5   /* dead letters */

struct tap_request {
	const char *pipeline;
	uint32_t at;       /* TAP_* */
	const char *stage; /* its name; NULL for ROUTED and DEAD */
	const char *where; /* an expression, or NULL */
	uint64_t limit;    /* records; 0 = no end */
};

void taps_init(struct taps *taps);
void taps_done(struct taps *taps);
/* WEIR_ERR_REFUSED: there are too many. error->offset points into `where`. Any thread. */
int tap_open(struct taps *taps, const struct tap_request *request, struct tap **ret_tap,
	     struct weir_error *error);
/* Appends the records that came since, as JSON lines, and how many were left out since. Returns 1 once
 * the limit has been reached and nothing more comes. Any thread, one at a time. */
int tap_read(struct tap *tap, struct buffer *out, uint64_t *ret_left_out);
void tap_close(struct taps *taps, struct tap *tap);

/* Offers the batch's records, or the selected ones of them. On the worker that has the batch. */
void tap_offer(struct taps *taps, const char *pipeline, uint32_t at, const char *stage,
	       const struct weir_batch *batch, const uint64_t *selected, struct weir_slice host);

static inline int tap_any(const struct taps *taps)
{
	return atomic_load_explicit(&taps->count, memory_order_relaxed) != 0;
}

#endif
