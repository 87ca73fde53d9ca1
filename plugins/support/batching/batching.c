// SPDX-License-Identifier: MIT
/* See batching.h. Lists are guarded by `lock`; bodies are built and sent without it. */
#include "support/batching/batching.h"

#include <stdlib.h>

#include "support/batching/batching_internal.h"

/*
 * More than this waits to be sent: no more need be read. It fills the places of several requests that
 * come back at once; a higher figure only costs memory, and the caches that the lines are in when they
 * are used soon. Below the lower one more is wanted.
 */
#define PLENTY_BYTES (UINT64_C(4) << 20)
#define SCARCE_BYTES (UINT64_C(2) << 20)

/* All records of a delivery were refused: it is gone. */
#define NOTHING_LEFT 1

/* ---- lists, under the lock ---- */

static void ready_append(struct batching *b, struct batching_request *request)
{
	request->next = NULL;
	*b->ready.end = request;
	b->ready.end = &request->next;
	b->ready_bytes += request->bytes;
}

void batching_ready_prepend(struct batching *b, struct batching_request *request)
{
	request->next = b->ready.first;
	b->ready.first = request;
	b->ready_bytes += request->bytes;
	if (!request->next)
		b->ready.end = &request->next;
}

static struct batching_request *ready_take(struct batching *b)
{
	struct batching_request *request = b->ready.first;

	if (!request)
		return NULL;
	b->ready.first = request->next;
	b->ready_bytes -= request->bytes;
	if (!b->ready.first)
		b->ready.end = &b->ready.first;
	return request;
}

static void sent_remove(struct batching *b, struct batching_request *request)
{
	struct batching_request **at = &b->sent;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	b->in_flight--;
}

static void waiting_append(struct batching *b, struct entry *entry)
{
	entry->next = NULL;
	*b->waiting_end = entry;
	b->waiting_end = &entry->next;
}

static void seal(struct batching *b)
{
	if (!b->open || b->open->records == 0)
		return;
	ready_append(b, b->open);
	b->open = NULL;
}

/* ---- gathering, under the lock ---- */

static int open_request(struct batching *b)
{
	if (!b->open)
		b->open = request_create();
	return b->open ? 0 : WEIR_ERR_MEMORY;
}

/* Whether the open request, with a part that is still to be added, has room for more. */
static int has_room(const struct batching *b, const struct batching_part *part, uint64_t part_bytes,
		    uint32_t records, uint64_t bytes)
{
	uint32_t have = b->open->records + part->count;

	return have == 0 || (have + records <= b->options.records_max &&
			     b->open->bytes + part_bytes + bytes <= b->options.bytes_max);
}

static int add_part(struct batching *b, const struct batching_part *part, uint64_t bytes)
{
	return part->count == 0 ? 0 : request_add(b->open, part, bytes);
}

/* Record by record, over as many requests as it takes. */
static int gather_pieces(struct batching *b, struct entry *entry)
{
	uint32_t record = entry_next(entry, entry->begin), end = entry->view.batch->record_count;
	struct batching_part part = {entry, record, record, 0};
	uint64_t bytes = 0;

	for (; record < end; record = entry_next(entry, record + 1)) {
		uint64_t size = entry_size(entry, record) + b->options.separator.size;

		if (!has_room(b, &part, bytes, 1, size)) {
			if (add_part(b, &part, bytes))
				return WEIR_ERR_MEMORY;
			seal(b);
			part = (struct batching_part){entry, record, record, 0};
			entry->begin = record;
			bytes = 0;
			if (open_request(b))
				return WEIR_ERR_MEMORY;
		}
		part.count++;
		part.end = record + 1;
		bytes += size;
	}
	return add_part(b, &part, bytes);
}

/* After a failure entry->begin says from which record on it is to be tried again. */
static int gather(struct batching *b, struct entry *entry)
{
	uint64_t bytes = entry->bytes + (uint64_t)entry->view.count * b->options.separator.size;
	struct batching_part all = {entry, 0, entry->view.batch->record_count, entry->view.count};
	const struct batching_part none = {0};

	if (open_request(b))
		return WEIR_ERR_MEMORY;
	if (entry->begin == 0 && entry->view.count <= b->options.records_max &&
	    bytes <= b->options.bytes_max && has_room(b, &none, 0, all.count, bytes))
		return add_part(b, &all, bytes);
	return gather_pieces(b, entry);
}

/* ---- sending ---- */

static int send_one(struct batching *b, struct batching_request *request)
{
	int code = request_build(request, &b->options);

	return code ? code : b->options.send(b->options.user, request);
}

static struct batching_request *take_for_sending(struct batching *b)
{
	struct batching_request *request = NULL;

	pthread_mutex_lock(&b->lock);
	/* Without linger the open request goes as soon as half of the places are free. */
	if (b->open && b->options.linger_ns == 0 && !b->ready.first &&
	    b->in_flight <= b->options.in_flight_max / 2)
		seal(b);
	if (b->in_flight < b->options.in_flight_max)
		request = ready_take(b);
	if (request) {
		b->in_flight++;
		request->next = b->sent;
		b->sent = request;
	}
	pthread_mutex_unlock(&b->lock);
	return request;
}

static void retry_later(struct batching *b)
{
	b->options.host->timer_set(b->options.context, b->options.retry_timer, BATCHING_RETRY_NS);
}

/* Whoever changed what waits comes by here afterwards, so the last to tell knows the last state. */
static void tell_full(struct batching *b)
{
	uint32_t full;

	pthread_mutex_lock(&b->told_lock);
	pthread_mutex_lock(&b->lock);
	full = b->ready_bytes > (b->told ? SCARCE_BYTES : PLENTY_BYTES);
	pthread_mutex_unlock(&b->lock);
	if (full != b->told)
		b->options.host->output_full(b->options.context, full);
	b->told = full;
	pthread_mutex_unlock(&b->told_lock);
}

void batching_pump(struct batching *b)
{
	struct batching_request *request;

	while ((request = take_for_sending(b))) {
		if (send_one(b, request) == 0)
			continue;
		pthread_mutex_lock(&b->lock);
		sent_remove(b, request);
		batching_ready_prepend(b, request);
		pthread_mutex_unlock(&b->lock);
		retry_later(b);
		break;
	}
	tell_full(b);
}

/* ---- taking deliveries ---- */

static uint64_t total_size(const struct entry *entry)
{
	uint32_t record = entry_next(entry, 0), end = entry->view.batch->record_count;
	uint64_t bytes = 0;

	for (; record < end; record = entry_next(entry, record + 1))
		bytes += entry_size(entry, record);
	return bytes;
}

static void refuse_record(struct batching *b, struct entry *entry, uint32_t record,
			  const struct batching_refusal *refusal)
{
	entry->selected[record >> 6] &= ~(UINT64_C(1) << (record & 63));
	b->options.host->outcome(entry->view.handle, &record, 1, WEIR_OUTCOME_DEAD, refusal->reason,
				 weir_slice_of(refusal->text));
}

/* A size for each record; those that can never be sent leave. */
static int measure(struct batching *b, struct entry *entry)
{
	uint32_t count = entry->view.batch->record_count, words = (count + 63) / 64;
	uint32_t record = entry_next(entry, 0);

	if (!entry->sizes)
		entry->sizes = calloc(count, sizeof(*entry->sizes));
	if (!entry->selected)
		entry->selected = calloc(words, sizeof(*entry->selected));
	if (!entry->sizes || !entry->selected)
		return WEIR_ERR_MEMORY;
	memcpy(entry->selected, entry->view.selected, words * sizeof(*entry->selected));
	entry->view.selected = entry->selected;
	while (record < count) {
		struct batching_refusal refusal = {.reason = "refused"};
		struct batching_record what;

		entry_record(entry, record, &what);
		entry->sizes[record] =
			(uint32_t)b->options.measure(b->options.user, &what, &refusal);
		if (entry->sizes[record] == 0) {
			int last = --entry->view.count == 0;

			atomic_fetch_sub_explicit(&entry->left, 1, memory_order_relaxed);
			refuse_record(b, entry, record, &refusal);
			if (last) /* and the delivery is gone */
				return NOTHING_LEFT;
		}
		record = entry_next(entry, record + 1);
	}
	return 0;
}

/* 0, or WEIR_ERR_MEMORY when it is to be tried again; NOTHING_LEFT or any other failure ends the
 * delivery. */
static int encode(struct batching *b, struct entry *entry)
{
	int code = 0;

	if (b->options.encode && !entry->encoding)
		code = b->options.host->encode(entry->view.handle, b->options.encode,
					       &entry->encoding);
	if (code == 0 && b->options.measure && entry->bytes == 0)
		code = measure(b, entry);
	if (code == 0)
		entry->bytes = total_size(entry);
	return code;
}

static void refuse(struct batching *b, struct weir_delivery *delivery)
{
	b->options.host->outcome(delivery, NULL, 0, WEIR_OUTCOME_DEAD, "encode_failed",
				 weir_slice_of("the batch cannot be encoded"));
}

/* Under the lock. Says whether the linger timer must be set. */
static int take_up(struct batching *b, struct entry *entry, int *ret_set_linger)
{
	const struct batching_request *before = b->open;
	uint32_t records = before ? before->records : 0;
	int code = gather(b, entry);

	if (b->options.linger_ns != 0 && b->open && b->open->records > 0 &&
	    (b->open != before || records == 0))
		*ret_set_linger = 1;
	return code;
}

static void set_linger(struct batching *b)
{
	b->options.host->timer_set(b->options.context, b->options.linger_timer,
				   b->options.linger_ns);
}

/* The entry is first among the waiting and stays there meanwhile: who writes goes behind it. */
static int retry_entry(struct batching *b, struct entry *entry, int *ret_set_linger)
{
	int code = encode(b, entry);

	pthread_mutex_lock(&b->lock);
	if (code == 0)
		code = take_up(b, entry, ret_set_linger);
	if (code != WEIR_ERR_MEMORY) {
		b->waiting = entry->next;
		if (!b->waiting)
			b->waiting_end = &b->waiting;
	}
	pthread_mutex_unlock(&b->lock);
	if (code && code != WEIR_ERR_MEMORY) {
		if (code != NOTHING_LEFT)
			refuse(b, entry->view.handle);
		entry_free(entry);
	}
	return code;
}

/* Takes up what had to wait, in order; one thread at a time. */
static void retry_waiting(struct batching *b)
{
	int code = 0, linger = 0, busy;
	struct entry *entry;

	pthread_mutex_lock(&b->lock);
	busy = b->retrying;
	b->retrying = 1;
	entry = b->waiting;
	pthread_mutex_unlock(&b->lock);
	if (busy)
		return;
	while (entry && code != WEIR_ERR_MEMORY) {
		code = retry_entry(b, entry, &linger);
		pthread_mutex_lock(&b->lock);
		entry = b->waiting;
		pthread_mutex_unlock(&b->lock);
	}
	pthread_mutex_lock(&b->lock);
	b->retrying = 0;
	pthread_mutex_unlock(&b->lock);
	if (entry)
		retry_later(b);
	if (linger)
		set_linger(b);
}

void batching_write(struct batching *b, const struct weir_delivery_view *delivery)
{
	uint64_t arrived_ns = b->options.ttl_ns ? b->options.host->monotonic_ns() : 0;
	struct entry *entry;
	int code, waits, linger = 0, expiry = 0;

	if (delivery->count == 0)
		return;
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		refuse(b, delivery->handle);
		return;
	}
	entry->view = *delivery;
	entry->arrived_ns = arrived_ns;
	atomic_init(&entry->left, delivery->count);
	code = encode(b, entry);
	if (code && code != WEIR_ERR_MEMORY) {
		entry_free(entry);
		if (code != NOTHING_LEFT)
			refuse(b, delivery->handle);
		return;
	}
	pthread_mutex_lock(&b->lock);
	waits = code || b->waiting || take_up(b, entry, &linger);
	if (waits)
		waiting_append(b, entry);
	if (arrived_ns)
		expiry = expiry_note(b, arrived_ns);
	pthread_mutex_unlock(&b->lock);
	if (expiry)
		expiry_set(b, arrived_ns);
	if (waits)
		retry_later(b);
	if (linger)
		set_linger(b);
	batching_pump(b);
}

void batching_flush(struct batching *b)
{
	retry_waiting(b);
	pthread_mutex_lock(&b->lock);
	seal(b);
	pthread_mutex_unlock(&b->lock);
	batching_pump(b);
}

void batching_timer(struct batching *b, uint32_t id)
{
	if (id == b->options.linger_timer) {
		batching_flush(b);
	} else if (id == b->options.retry_timer) {
		retry_waiting(b);
		batching_pump(b);
	} else if (b->options.ttl_ns && id == b->options.expiry_timer) {
		expiry_sweep(b);
	}
}

/* ---- what became of a request ---- */

static void finished(struct batching *b, struct batching_request *request)
{
	pthread_mutex_lock(&b->lock);
	sent_remove(b, request);
	pthread_mutex_unlock(&b->lock);
}

void batching_delivered(struct batching *b, struct batching_request *request)
{
	static const struct weir_slice none;

	finished(b, request);
	request_outcome(request, b->options.host, WEIR_OUTCOME_DELIVERED, NULL, none);
	request_free(request);
	batching_pump(b);
}

void batching_dead(struct batching *b, struct batching_request *request, const char *reason,
		   struct weir_slice text)
{
	finished(b, request);
	request_outcome(request, b->options.host, WEIR_OUTCOME_DEAD, reason, text);
	request_free(request);
	batching_pump(b);
}

static void send_again(struct batching *b, struct batching_request *request)
{
	pthread_mutex_lock(&b->lock);
	sent_remove(b, request);
	batching_ready_prepend(b, request);
	pthread_mutex_unlock(&b->lock);
	retry_later(b);
}

uint32_t batching_resume(struct batching *b, struct batching_request *request, uint32_t answer)
{
	if (request->records == 0) {
		finished(b, request);
		request_free(request);
		batching_pump(b);
		return WEIR_HTTP_FINISHED;
	}
	if (request_build(request, &b->options) == 0)
		return answer;
	send_again(b, request);
	return WEIR_HTTP_FINISHED;
}

uint32_t batching_settle(struct batching *b, struct batching_request *request,
			 const struct batching_fate *fates)
{
	if (request_settle(request, b->options.host, fates)) /* rather twice than not at all */
		return WEIR_HTTP_TRY_AGAIN;
	return batching_resume(b, request, WEIR_HTTP_TRY_AGAIN);
}

void batching_split(struct batching *b, struct batching_request *request)
{
	struct batching_request *second = NULL;

	pthread_mutex_lock(&b->lock);
	sent_remove(b, request);
	if (request_halve(request, &second) == 0)
		batching_ready_prepend(b, second);
	batching_ready_prepend(b, request);
	pthread_mutex_unlock(&b->lock);
	batching_pump(b);
}

/* ---- life ---- */

int32_t batching_create(const struct batching_options *options, struct batching **ret_batching,
			struct weir_error *error)
{
	struct batching *b = calloc(1, sizeof(*b));

	if (!b)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for batching requests");
	b->options = *options;
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->told_lock, NULL);
	b->ready.end = &b->ready.first;
	b->waiting_end = &b->waiting;
	*ret_batching = b;
	return 0;
}

static void abandon(struct batching_request *request)
{
	while (request) {
		struct batching_request *next = request->next;

		for (uint32_t i = 0; i < request->part_count; i++)
			entry_settle(request->parts[i].entry, request->parts[i].count);
		request_free(request);
		request = next;
	}
}

void batching_destroy(struct batching *b)
{
	if (!b)
		return;
	abandon(b->open);
	abandon(b->ready.first);
	abandon(b->sent);
	while (b->waiting) {
		struct entry *entry = b->waiting;

		b->waiting = entry->next;
		entry_free(entry);
	}
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->told_lock);
	free(b);
}
