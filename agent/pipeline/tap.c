// SPDX-License-Identifier: MIT
#include "pipeline/tap.h"

#include <stdlib.h>
#include <string.h>

#include <weir/plugin.h>

#include "base/clock.h"
#include "batch/json.h"
#include "expr/expr.h"

struct tap {
	struct tap *next;
	char *pipeline, *stage;
	uint32_t at;
	struct weir_expr *where; /* used under the lock of the list */

	pthread_mutex_t lock; /* guards what follows */
	struct buffer pending;
	uint64_t left; /* records that may still come */
	uint64_t left_out;
	int64_t credit_ns; /* below 0: a look cost more than there was */
	uint64_t credited_ns;
};

void taps_init(struct taps *taps)
{
	memset(taps, 0, sizeof(*taps));
	pthread_mutex_init(&taps->lock, NULL);
}

void taps_done(struct taps *taps)
{
	pthread_mutex_destroy(&taps->lock);
}

static void tap_free(struct tap *tap)
{
	expr_free(tap->where);
	buffer_done(&tap->pending);
	pthread_mutex_destroy(&tap->lock);
	free(tap->pipeline);
	free(tap->stage);
	free(tap);
}

static struct tap *tap_create(const struct tap_request *request)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap)
		return NULL;
	pthread_mutex_init(&tap->lock, NULL);
	tap->pipeline = strdup(request->pipeline);
	tap->stage = strdup(request->stage ? request->stage : "");
	tap->at = request->at;
	tap->left = request->limit ? request->limit : UINT64_MAX;
	tap->credit_ns = TAP_CREDIT_NS;
	tap->credited_ns = clock_monotonic_ns();
	if (tap->pipeline && tap->stage)
		return tap;
	tap_free(tap);
	return NULL;
}

int tap_open(struct taps *taps, const struct tap_request *request, struct tap **ret_tap,
	     struct weir_error *error)
{
	struct tap *tap = tap_create(request);
	int status = 0, full;

	if (!tap)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a tap");
	if (request->where)
		status = expr_compile(weir_slice_of(request->where), &tap->where, error);
	if (status < 0) {
		tap->where = NULL;
		tap_free(tap);
		return status;
	}
	pthread_mutex_lock(&taps->lock);
	full = atomic_load(&taps->count) >= TAPS_MAX;
	if (!full) {
		tap->next = taps->first;
		taps->first = tap;
		atomic_fetch_add(&taps->count, 1);
	}
	pthread_mutex_unlock(&taps->lock);
	if (full) {
		tap_free(tap);
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "there are %d taps already, which is the most; end one of them",
				 TAPS_MAX);
	}
	*ret_tap = tap;
	return 0;
}

void tap_close(struct taps *taps, struct tap *tap)
{
	struct tap **link = &taps->first;

	if (!tap)
		return;
	pthread_mutex_lock(&taps->lock);
	while (*link != tap)
		link = &(*link)->next;
	*link = tap->next;
	atomic_fetch_sub(&taps->count, 1);
	pthread_mutex_unlock(&taps->lock);
	tap_free(tap);
}

int tap_read(struct tap *tap, struct buffer *out, uint64_t *ret_left_out)
{
	int over;

	pthread_mutex_lock(&tap->lock);
	if (tap->pending.size)
		buffer_append(out, tap->pending.data, tap->pending.size);
	buffer_clear(&tap->pending);
	*ret_left_out = tap->left_out;
	tap->left_out = 0;
	over = tap->left == 0;
	pthread_mutex_unlock(&tap->lock);
	return over;
}

/* ---- on workers ---- */

/* What time has earned since. */
static int tap_may(struct tap *tap, uint64_t now_ns)
{
	uint64_t earned_ns = (now_ns - tap->credited_ns) / TAP_SHARE;

	tap->credit_ns += (int64_t)earned_ns;
	tap->credited_ns += earned_ns * TAP_SHARE;
	if (tap->credit_ns > TAP_CREDIT_NS)
		tap->credit_ns = TAP_CREDIT_NS;
	return tap->credit_ns > 0;
}

static void tap_spend(struct tap *tap, uint64_t began_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	/* Time that was spent is no time that passed. */
	tap->credited_ns = now_ns;
	tap->credit_ns -= (int64_t)(now_ns - began_ns);
}

static int tap_put(struct tap *tap, const struct weir_batch *batch, uint32_t record,
		   struct weir_slice host)
{
	static const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
						     .format = WEIR_ENCODE_JSON,
						     .meta = WEIR_META_TIMESTAMP |
							     WEIR_META_SOURCE | WEIR_META_POSITION};
	size_t before = tap->pending.size;

	if (tap->left == 0 || before > TAP_PENDING_MAX)
		return 0;
	if (json_append_record(&tap->pending, batch, &batch->records[record], &spec, host) < 0 ||
	    buffer_text(&tap->pending, "\n") < 0 || tap->pending.size > 2 * TAP_PENDING_MAX) {
		tap->pending.size = before;
		return 0;
	}
	tap->left--;
	return 1;
}

static int is_selected(const uint64_t *bits, uint32_t record)
{
	return (int)(bits[record >> 6] >> (record & 63) & 1);
}

/* Within the credit; the clock is asked now and then. */
static void tap_take(struct tap *tap, const struct weir_batch *batch, const uint64_t *selected,
		     struct weir_slice host)
{
	uint64_t began_ns = clock_monotonic_ns();
	uint64_t *wanted = NULL;
	uint32_t i;

	if (!tap_may(tap, began_ns)) {
		tap->left_out += batch->record_count;
		return;
	}
	if (tap->where) {
		wanted = calloc(batch->record_count / 64 + 1, sizeof(*wanted));
		if (wanted)
			expr_select(tap->where, batch, wanted);
	}
	for (i = 0; i < batch->record_count && tap->left; i++) {
		if ((batch->records[i].flags & WEIR_RECORD_GONE) ||
		    (selected && !is_selected(selected, i)) ||
		    (tap->where && (!wanted || !is_selected(wanted, i))))
			continue;
		tap->left_out += !tap_put(tap, batch, i, host);
		if (i % 16 == 0 && (int64_t)(clock_monotonic_ns() - began_ns) > tap->credit_ns)
			break;
	}
	if (tap->left && i < batch->record_count)
		tap->left_out += batch->record_count - i;
	free(wanted);
	tap_spend(tap, began_ns);
}

void tap_offer(struct taps *taps, const char *pipeline, uint32_t at, const char *stage,
	       const struct weir_batch *batch, const uint64_t *selected, struct weir_slice host)
{
	if (batch->record_count == 0 || pthread_mutex_trylock(&taps->lock) != 0)
		return;
	for (struct tap *tap = taps->first; tap; tap = tap->next) {
		if (tap->at != at || strcmp(tap->pipeline, pipeline) != 0 ||
		    (stage && strcmp(tap->stage, stage) != 0) ||
		    pthread_mutex_trylock(&tap->lock) != 0)
			continue;
		tap_take(tap, batch, selected, host);
		pthread_mutex_unlock(&tap->lock);
	}
	pthread_mutex_unlock(&taps->lock);
}
