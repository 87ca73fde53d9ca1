// SPDX-License-Identifier: MIT
#include "producer.h"

#include <stdlib.h>

#include "producer_options.h"

/* After a failure to encode, to make a body or to send: no memory, mostly. */
#define RETRY_NS UINT64_C(200000000)
#define NEVER UINT64_MAX

/* ---- lists, under the lock ---- */

static void waiting_append(struct producer *p, struct lot *lot)
{
	lot->waiting = NULL;
	*p->waiting_end = lot;
	p->waiting_end = &lot->waiting;
}

struct lot *producer_waiting_take(struct producer *p)
{
	struct lot *lot = p->waiting;

	p->waiting = lot->waiting;
	if (!p->waiting)
		p->waiting_end = &p->waiting;
	return lot;
}

void producer_ready_put(struct producer *p, struct shipment *shipment)
{
	shipment->next = p->ready;
	p->ready = shipment;
}

static void sent_put(struct producer *p, struct shipment *shipment)
{
	shipment->next = p->sent;
	p->sent = shipment;
	p->in_flight++;
}

void producer_sent_remove(struct producer *p, const struct shipment *shipment)
{
	struct shipment **at = &p->sent;

	while (*at != shipment)
		at = &(*at)->next;
	*at = shipment->next;
	p->in_flight--;
}

/* ---- when a lane may be cut, under the lock ---- */

static uint64_t deadline(const struct producer *p, const struct lane *lane)
{
	return lane->first->lot->arrived_ns + p->settings.linger_ns;
}

/* When the lane may be cut; 0 = at any time. */
static uint64_t blocked_until(const struct producer *p, struct lane *lane, uint64_t now)
{
	uint64_t wait;

	if ((p->settings.strict && lane->in_flight) || lane->is_suspect)
		return NEVER;
	if (lane->not_before_ns > now)
		return lane->not_before_ns;
	wait = bucket_wait_ns(&lane->bucket, now);
	return wait ? now + wait : 0;
}

static int is_due(const struct producer *p, const struct lane *lane, uint64_t now)
{
	/* Without linger records go at once as long as half of the places are free. */
	if (p->settings.linger_ns == 0)
		return p->in_flight <= p->settings.in_flight_max / 2;
	return lane->first->number < p->flush_number || deadline(p, lane) <= now;
}

/* ---- shipments, under the lock ---- */

struct lane *producer_lane_at(struct producer *p, uint32_t i)
{
	return i < p->lane_count ? p->lanes[(p->turn + i) % p->lane_count] : &p->loose;
}

static const struct lane_limits *limits_of(const struct producer *p)
{
	static const struct lane_limits single = {UINT64_MAX, 1};

	return p->placement == PLACEMENT_SINGLE ? &single : &p->settings.limits;
}

static int has_room(const struct producer *p, const struct shipment *shipment,
		    const struct lane *lane)
{
	uint64_t next = lane_next_bytes(lane, limits_of(p));

	return shipment->count == 0 || (shipment->count < p->settings.parcels_max &&
					shipment->bytes + next <= p->settings.bytes_max);
}

/* Cuts the lane into the shipment. 1; 0: nothing more to cut or no room; or WEIR_ERR_MEMORY. */
static int load(struct producer *p, struct shipment *shipment, struct lane *lane, uint64_t now)
{
	struct parcel *parcel;

	if (!lane->first || blocked_until(p, lane, now) || !has_room(p, shipment, lane) ||
	    (!is_due(p, lane, now) && !lane_full(lane, limits_of(p))))
		return 0;
	parcel = shipment_room(shipment);
	if (!parcel || lane_cut(lane, limits_of(p), parcel))
		return WEIR_ERR_MEMORY;
	lane->in_flight++;
	bucket_take(&lane->bucket, 1, (double)parcel->bytes);
	shipment_add(shipment);
	return 1;
}

/* Whether some lane is due, or what may be cut of all together fills a request: whole aggregates, since
 * the rest of a lane waits for more. */
static int is_worth_it(struct producer *p, uint64_t now)
{
	const struct lane_limits *limits = limits_of(p);
	uint64_t bytes = 0, parcels = 0;

	for (uint32_t i = 0; i <= p->lane_count; i++) {
		struct lane *lane = producer_lane_at(p, i);

		if (!lane->first || blocked_until(p, lane, now))
			continue;
		parcels += lane_whole(lane, limits, &bytes);
		if (is_due(p, lane, now) || parcels >= p->settings.parcels_max ||
		    bytes + lane_next_bytes(lane, limits) > p->settings.bytes_max)
			return 1;
	}
	return 0;
}

/* Round by round one parcel of each lane, until there is no more or no room. */
static int load_all(struct producer *p, struct shipment *shipment, uint64_t now)
{
	uint32_t before;

	do {
		before = shipment->count;
		for (uint32_t i = 0; i <= p->lane_count; i++)
			if (load(p, shipment, producer_lane_at(p, i), now) < 0)
				return WEIR_ERR_MEMORY;
	} while (shipment->count > before);
	return 0;
}

/* A new shipment of what may go, or NULL. */
static struct shipment *make_shipment(struct producer *p, uint64_t now)
{
	struct shipment *shipment;

	if (!is_worth_it(p, now))
		return NULL;
	shipment = shipment_create(&p->put_records);
	if (!shipment || load_all(p, shipment, now))
		p->retry_ns = now + RETRY_NS;
	p->turn = p->lane_count ? (p->turn + 1) % p->lane_count : 0;
	if (shipment && shipment->count)
		return shipment;
	shipment_free(shipment, &p->shipments);
	return NULL;
}

static struct shipment *take_shipment(struct producer *p)
{
	uint64_t now = p->host->monotonic_ns();
	struct shipment *shipment = NULL;

	pthread_mutex_lock(&p->lock);
	producer_expire_lanes(p, now);
	producer_shards_settle(p, now);
	if (p->in_flight < p->settings.in_flight_max) {
		shipment = p->ready;
		if (shipment)
			p->ready = shipment->next;
		else if (p->placement != PLACEMENT_UNKNOWN && !p->has_pending)
			shipment = make_shipment(p, now);
	}
	if (shipment)
		sent_put(p, shipment);
	pthread_mutex_unlock(&p->lock);
	return shipment;
}

/* ---- the timer, under the lock ---- */

static uint64_t earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* When something is to be done for the lane; NEVER without the clock. */
static uint64_t lane_wake(const struct producer *p, struct lane *lane, uint64_t now)
{
	uint64_t blocked;

	if (!lane->first || p->in_flight >= p->settings.in_flight_max ||
	    p->placement == PLACEMENT_UNKNOWN || p->has_pending)
		return NEVER;
	blocked = blocked_until(p, lane, now);
	if (blocked)
		return blocked;
	return p->settings.linger_ns ? deadline(p, lane) : NEVER;
}

static uint64_t next_wake(struct producer *p, uint64_t now)
{
	uint64_t next = p->retry_ns ? p->retry_ns : NEVER;

	if (p->expiry_ns)
		next = earlier(next, p->expiry_ns);
	if (p->ask_ns && !p->query.is_under_way && !p->has_pending)
		next = earlier(next, p->ask_ns);
	for (uint32_t i = 0; i <= p->lane_count; i++)
		next = earlier(next, lane_wake(p, producer_lane_at(p, i), now));
	return next;
}

static void set_timer(struct producer *p)
{
	uint64_t now = p->host->monotonic_ns(), next = next_wake(p, now);

	if (next == NEVER || (p->armed_ns && p->armed_ns <= next))
		return;
	p->armed_ns = next;
	p->host->timer_set(p->context, PRODUCER_TIMER, next > now ? next - now : 0);
}

/* ---- how much waits, under the lock ---- */

/* Of the records that only wait for a place. Those that a shard's rate or backoff holds don't count: they
 * should not keep the records of other shards from being read. */
static uint64_t waiting_bytes(struct producer *p)
{
	uint64_t now = p->host->monotonic_ns(), bytes = 0;

	for (uint32_t i = 0; i <= p->lane_count; i++) {
		struct lane *lane = producer_lane_at(p, i);

		if (lane->first && !blocked_until(p, lane, now))
			bytes += lane->bytes;
	}
	return bytes;
}

/* With two whole requests waiting no more need be read. Below one more is wanted, or else that one would
 * never be filled. */
static void tell_full(struct producer *p)
{
	uint64_t request = p->settings.bytes_max;
	uint32_t full = waiting_bytes(p) > (p->told_full ? request : 2 * request);

	if (full != p->told_full)
		p->host->output_full(p->context, full);
	p->told_full = full;
}

/* ---- sending ---- */

static int32_t send_shipment(struct producer *p, struct shipment *shipment)
{
	int32_t code = shipment->slices ? 0 : shipment_compose(shipment, &p->shipments);

	if (code)
		return code;
	if (!shipment->sent_ns)
		shipment->sent_ns = p->host->monotonic_ns();
	return aws_service_send(p->service, &shipment->http, &shipment->call);
}

void producer_outcome(struct producer *p, struct record *first, uint32_t outcome,
		      const char *reason, const char *text)
{
	int64_t count = 0;

	if (!first)
		return;
	for (const struct record *record = first; record; record = record->next)
		count++;
	records_outcome(first, &p->lots, outcome, reason, weir_slice_of(text));
	pthread_mutex_lock(&p->lock);
	p->unsettled -= count;
	/* Under the lock, or an older figure might be the last. */
	meter_add(&p->meters, &p->meters.user_records_pending, p->unsettled);
	pthread_mutex_unlock(&p->lock);
}

/* What has got its outcome elsewhere than in an answer. */
static void report(struct producer *p)
{
	struct record *landed;

	pthread_mutex_lock(&p->lock);
	landed = p->landed;
	p->landed = NULL;
	pthread_mutex_unlock(&p->lock);
	producer_outcome(p, landed, WEIR_OUTCOME_DELIVERED, NULL, "");
	producer_report_overdue(p);
}

void producer_pump(struct producer *p)
{
	struct shipment *shipment;
	int is_idle;

	producer_shards_ask(p);
	while ((shipment = take_shipment(p)) && send_shipment(p, shipment) == 0)
		;
	report(p);
	pthread_mutex_lock(&p->lock);
	if (shipment) {
		producer_sent_remove(p, shipment);
		producer_ready_put(p, shipment);
		p->retry_ns = p->host->monotonic_ns() + RETRY_NS;
	}
	set_timer(p);
	tell_full(p);
	is_idle = p->unsettled == 0;
	pthread_mutex_unlock(&p->lock);
	if (is_idle)
		spare_clear(&p->spare);
}

/* ---- taking deliveries ---- */

static void refuse(struct producer *p, struct weir_delivery *delivery)
{
	p->host->outcome(delivery, NULL, 0, WEIR_OUTCOME_DEAD, "encode_failed",
			 weir_slice_of("the batch cannot be encoded"));
}

/* Under the lock. */
static void enqueue(struct producer *p, struct lot *lot)
{
	p->unsettled += lot->count;
	meter_add(&p->meters, &p->meters.user_records_received, lot->count);
	meter_add(&p->meters, &p->meters.user_records_pending, p->unsettled);
	for (uint32_t i = 0; i < lot->count; i++) {
		struct record *record = &lot->records[i];

		record->number = p->next_number++;
		lane_append(producer_lane(p, record->hash), record);
	}
}

/* A lot that cannot be filled, for another reason than memory. */
static void give_up(struct producer *p, struct lot *lot, int32_t code)
{
	if (code != LOT_EMPTY)
		refuse(p, lot->entry.view.handle);
	lot_free(lot, &p->lots);
}

/* Fills what had to wait, in order; one thread at a time. The first stays in the list meanwhile: who
 * writes goes behind it. */
static void fill_waiting(struct producer *p)
{
	int32_t code = 0;

	pthread_mutex_lock(&p->lock);
	if (p->filling) {
		pthread_mutex_unlock(&p->lock);
		return;
	}
	p->filling = 1;
	while (p->waiting && code != WEIR_ERR_MEMORY) {
		struct lot *lot = p->waiting;

		pthread_mutex_unlock(&p->lock);
		code = lot_fill(lot, &p->lots);
		pthread_mutex_lock(&p->lock);
		if (code == WEIR_ERR_MEMORY)
			break;
		producer_waiting_take(p);
		if (code == 0) {
			enqueue(p, lot);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		give_up(p, lot, code);
		pthread_mutex_lock(&p->lock);
	}
	if (p->waiting)
		p->retry_ns = p->host->monotonic_ns() + RETRY_NS;
	p->filling = 0;
	pthread_mutex_unlock(&p->lock);
}

void producer_write(struct producer *p, const struct weir_delivery_view *delivery)
{
	struct lot *lot;
	int32_t code;

	if (delivery->count == 0)
		return;
	lot = lot_create(delivery, p->host->monotonic_ns());
	if (!lot) {
		refuse(p, delivery->handle);
		return;
	}
	code = lot_fill(lot, &p->lots);
	if (code && code != WEIR_ERR_MEMORY) {
		give_up(p, lot, code);
		return;
	}
	pthread_mutex_lock(&p->lock);
	if (p->settings.ttl_ns && !p->expiry_ns)
		p->expiry_ns = lot->arrived_ns + p->settings.ttl_ns + 1;
	if (code || p->waiting) {
		waiting_append(p, lot);
		p->retry_ns = p->host->monotonic_ns() + RETRY_NS;
	} else {
		enqueue(p, lot);
	}
	pthread_mutex_unlock(&p->lock);
	producer_pump(p);
}

void producer_flush(struct producer *p, uint32_t why)
{
	if (why == WEIR_FLUSH_MEMORY)
		spare_clear(&p->spare);
	fill_waiting(p);
	pthread_mutex_lock(&p->lock);
	p->flush_number = p->next_number;
	pthread_mutex_unlock(&p->lock);
	producer_pump(p);
	cloudwatch_flush(p->meters.cloudwatch, why);
}

void producer_timer(struct producer *p, uint32_t id)
{
	if (id != PRODUCER_TIMER) {
		aws_service_timer(p->service, id);
		cloudwatch_timer(p->meters.cloudwatch, id);
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->armed_ns = 0;
	if (p->retry_ns && p->retry_ns <= p->host->monotonic_ns())
		p->retry_ns = 0;
	producer_expire(p, p->host->monotonic_ns());
	pthread_mutex_unlock(&p->lock);
	fill_waiting(p);
	producer_pump(p);
}

int32_t producer_begin(struct producer *p, struct weir_http_request *request)
{
	struct shipment *shipment = request->user;

	if (aws_service_owns(p->service, request))
		return 0;
	if (request == &p->query.http)
		return aws_service_begin(p->service, request, &p->query.call);
	if (cloudwatch_owns(p->meters.cloudwatch, request))
		return cloudwatch_begin(p->meters.cloudwatch, request);
	return aws_service_begin(p->service, request, &shipment->call);
}

uint32_t producer_done(struct producer *p, struct weir_http_request *request,
		       const struct weir_http_response *response)
{
	if (aws_service_owns(p->service, request))
		return aws_service_done(p->service, request, response);
	if (request == &p->query.http)
		return producer_shards_done(p, response);
	if (cloudwatch_owns(p->meters.cloudwatch, request))
		return cloudwatch_done(p->meters.cloudwatch, response);
	return producer_answered(p, request->user, response);
}
