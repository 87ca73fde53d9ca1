// SPDX-License-Identifier: MIT
/*
 * Records that have been tried for longer than the ttl go to the dead letter, whether or not anything
 * is answered: one timer, set for the oldest delivery, looks at all that waits. Nothing is done for a
 * record, and without a ttl nothing at all.
 *
 *   - A request that is being sent is left alone: its records may be landing. They are judged when its
 *     try ends, see batching_again(). One that waits in the HTTP service is recalled.
 *   - Age is that of a delivery, so whole parts of requests go.
 *   - Without memory nothing expires; it is tried again.
 */
#include "support/batching/batching_internal.h"

/* Between two looks, at least: no record is later than this. */
#define EXPIRY_STEP_NS UINT64_C(100000000)

static const char expired_text[] = "the record could not be delivered within record_ttl";

struct sweep {
	struct batching_request *gone; /* what is too old, to be reported without the lock */
	uint64_t now_ns, ttl_ns;
	uint64_t oldest_ns; /* arrival of what stays */
};

static int is_overdue(const struct sweep *sweep, const struct entry *entry)
{
	return sweep->now_ns - entry->arrived_ns > sweep->ttl_ns;
}

static void note_kept(struct sweep *sweep, const struct entry *entry)
{
	if (entry->arrived_ns < sweep->oldest_ns)
		sweep->oldest_ns = entry->arrived_ns;
}

static int sweep_begin(const struct batching *b, struct sweep *sweep)
{
	*sweep = (struct sweep){.gone = request_create(),
				.now_ns = b->options.host->monotonic_ns(),
				.ttl_ns = b->options.ttl_ns,
				.oldest_ns = UINT64_MAX};
	return sweep->gone ? 0 : WEIR_ERR_MEMORY;
}

static void sweep_report(const struct batching *b, struct sweep *sweep)
{
	request_outcome(sweep->gone, b->options.host, WEIR_OUTCOME_DEAD, "expired",
			(struct weir_slice){expired_text, sizeof(expired_text) - 1});
	request_free(sweep->gone);
}

/* Moves the parts that are too old out of a request that is not being sent. Its body is stale then. */
static void sweep_request(struct sweep *sweep, struct batching_request *request)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < request->part_count; i++) {
		struct batching_part part = request->parts[i];
		uint64_t bytes;

		if (is_overdue(sweep, part.entry)) {
			bytes = request_part_bytes(&part);
			if (request_add(sweep->gone, &part, bytes) == 0) {
				request->records -= part.count;
				request->bytes -= bytes < request->bytes ? bytes : request->bytes;
				continue;
			}
		}
		note_kept(sweep, part.entry);
		request->parts[kept++] = part;
	}
	request->part_count = kept;
}

static int has_overdue(const struct sweep *sweep, const struct batching_request *request)
{
	for (uint32_t i = 0; i < request->part_count; i++)
		if (is_overdue(sweep, request->parts[i].entry))
			return 1;
	return 0;
}

/* ---- all that waits, under the lock ---- */

/* Could not be encoded yet, or only in part. */
static void sweep_waiting(struct batching *b, struct sweep *sweep)
{
	struct entry **at = &b->waiting;

	if (b->retrying) { /* the first is in use */
		if (b->waiting)
			note_kept(sweep, b->waiting);
		return;
	}
	while (*at) {
		struct entry *entry = *at;
		struct batching_part rest = {entry, entry->begin, entry->view.batch->record_count,
					     0};

		for (uint32_t i = entry_next(entry, rest.begin); i < rest.end;
		     i = entry_next(entry, i + 1))
			rest.count++;
		if (is_overdue(sweep, entry) && request_add(sweep->gone, &rest, 0) == 0) {
			*at = entry->next;
			continue;
		}
		note_kept(sweep, entry);
		at = &entry->next;
	}
	b->waiting_end = at;
}

static void sweep_ready(struct batching *b, struct sweep *sweep)
{
	struct batching_request **at = &b->ready.first;

	b->ready_bytes = 0;
	while (*at) {
		struct batching_request *request = *at;

		sweep_request(sweep, request);
		if (request->records == 0) {
			*at = request->next;
			request_free(request);
			continue;
		}
		b->ready_bytes += request->bytes;
		at = &request->next;
	}
	b->ready.end = at;
}

/* What can be had goes to the ready ones, to be looked at there. */
static void recall_overdue(struct batching *b, struct sweep *sweep)
{
	struct batching_request **at = &b->sent;

	while (*at) {
		struct batching_request *request = *at;

		if (!has_overdue(sweep, request) ||
		    b->options.recall(b->options.user, request) != WEIR_OK) {
			for (uint32_t i = 0; i < request->part_count; i++)
				note_kept(sweep, request->parts[i].entry);
			at = &request->next;
			continue;
		}
		*at = request->next;
		b->in_flight--;
		batching_ready_prepend(b, request);
	}
}

/* ---- the timer ---- */

static uint64_t next_look(const struct batching *b, const struct sweep *sweep)
{
	uint64_t soonest = sweep->now_ns + EXPIRY_STEP_NS, at;

	if (sweep->oldest_ns == UINT64_MAX)
		return 0;
	at = sweep->oldest_ns + b->options.ttl_ns + 1;
	return at > soonest ? at : soonest;
}

int expiry_note(struct batching *b, uint64_t arrived_ns)
{
	if (b->expiry_ns)
		return 0;
	b->expiry_ns = arrived_ns + b->options.ttl_ns + 1;
	return 1;
}

void expiry_set(struct batching *b, uint64_t now_ns)
{
	uint64_t at;

	pthread_mutex_lock(&b->lock);
	at = b->expiry_ns;
	pthread_mutex_unlock(&b->lock);
	if (at)
		b->options.host->timer_set(b->options.context, b->options.expiry_timer,
					   at > now_ns ? at - now_ns : 0);
}

void expiry_sweep(struct batching *b)
{
	struct sweep sweep;

	if (sweep_begin(b, &sweep)) {
		b->options.host->timer_set(b->options.context, b->options.expiry_timer,
					   BATCHING_RETRY_NS);
		return;
	}
	pthread_mutex_lock(&b->lock);
	sweep_waiting(b, &sweep);
	if (b->open)
		sweep_request(&sweep, b->open);
	recall_overdue(b, &sweep);
	sweep_ready(b, &sweep);
	b->expiry_ns = next_look(b, &sweep);
	pthread_mutex_unlock(&b->lock);
	sweep_report(b, &sweep);
	expiry_set(b, sweep.now_ns);
	batching_pump(b);
}

uint32_t batching_again(struct batching *b, struct batching_request *request, uint32_t answer)
{
	struct sweep sweep;
	uint32_t overdue;

	if (!b->options.ttl_ns || answer == WEIR_HTTP_FINISHED || sweep_begin(b, &sweep))
		return answer;
	pthread_mutex_lock(&b->lock);
	sweep_request(&sweep, request);
	pthread_mutex_unlock(&b->lock);
	overdue = sweep.gone->records;
	sweep_report(b, &sweep);
	return overdue ? batching_resume(b, request, answer) : answer;
}
