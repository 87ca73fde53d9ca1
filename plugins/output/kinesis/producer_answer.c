// SPDX-License-Identifier: MIT
/* From an answer to what becomes of each parcel, and of each record in it. */
#include <stdlib.h>

#include "producer_internal.h"
#include "support/aws_put/failures.h"

#define FATE_DELIVERED 0
#define FATE_RETRY 1
#define FATE_DEAD 2
#define FATE_ELSEWHERE 3 /* taken by another shard than its own */
#define FATE_THROTTLED 4 /* as RETRY, and the shard gets less */

/* ---- waits, under the lock ---- */

static uint64_t next_random(struct producer *p)
{
	p->seed ^= p->seed >> 12; /* xorshift64*: spread matters here, not secrecy */
	p->seed ^= p->seed << 25;
	p->seed ^= p->seed >> 27;
	return p->seed * UINT64_C(2685821657736338717);
}

uint64_t producer_jitter(struct producer *p, uint64_t bound_ns)
{
	return next_random(p) % (bound_ns + 1);
}

static void failed(struct producer *p, struct lane *lane, int is_held, uint64_t now)
{
	const struct lane_backoff backoff = {p->settings.backoff_min_ns,
					     p->settings.backoff_max_ns};

	lane_failed(lane, &backoff, is_held, next_random(p), now);
}

/* ---- refused for what is in it ---- */

void producer_unload(struct producer *p, struct shipment *shipment)
{
	for (uint32_t i = 0; i < shipment->count; i++) {
		producer_return(p, shipment->parcels[i].first);
		producer_landed(p, shipment->parcels[i].lane);
	}
	shipment_free(shipment, &p->shipments);
}

/* As that, and their lanes wait. */
static void unload_failed(struct producer *p, struct shipment *shipment, uint64_t now)
{
	for (uint32_t i = 0; i < shipment->count; i++)
		failed(p, shipment->parcels[i].lane, 0, now);
	producer_unload(p, shipment);
}

/* Two halves of it are sent before anything else; its records are two or more. Halves of one lane that
 * keeps its order go one after the other: the second one waits in the lane. Under the lock. */
static void split(struct producer *p, struct shipment *shipment)
{
	int is_one_lane = shipment->count == 1;
	struct shipment *second = shipment_halve(shipment, &p->settings.limits, &p->shipments);

	if (!second) {
		unload_failed(p, shipment, p->host->monotonic_ns());
		return;
	}
	if (p->settings.strict && is_one_lane)
		producer_unload(p, second);
	else
		producer_ready_put(p, second);
	producer_ready_put(p, shipment);
}

/* An aggregate that is refused alone: its records are told apart. Under the lock. */
static void isolate(struct producer *p, struct parcel *parcel, uint64_t now)
{
	struct shipment *shipment = shipment_create(&p->put_records);
	struct parcel *room = shipment ? shipment_room(shipment) : NULL;

	if (!room) {
		shipment_free(shipment, &p->shipments);
		failed(p, parcel->lane, 0, now);
		producer_return(p, parcel->first);
		producer_landed(p, parcel->lane);
		return;
	}
	*room = *parcel;
	memset(&parcel->aggregate, 0, sizeof(parcel->aggregate));
	shipment_add(shipment);
	split(p, shipment);
}

static uint32_t refuse(struct producer *p, struct shipment *shipment,
		       const struct aws_error *failure)
{
	int is_one = shipment->records == 1;
	char text[PUT_REFUSAL_SIZE];
	const char *reason;

	pthread_mutex_lock(&p->lock);
	producer_sent_remove(p, shipment);
	if (is_one)
		producer_landed(p, shipment->parcels[0].lane);
	else
		split(p, shipment);
	pthread_mutex_unlock(&p->lock);
	if (is_one) {
		reason = put_refusal(failure, text);
		p->host->metric_add(p->refused, 1);
		producer_outcome(p, shipment->parcels[0].first, WEIR_OUTCOME_DEAD, reason, text);
		shipment_free(shipment, &p->shipments);
	}
	producer_pump(p);
	return WEIR_HTTP_FINISHED;
}

/* ---- the call as a whole ---- */

static int has_overdue(const struct producer *p, const struct shipment *shipment)
{
	uint64_t now = p->host->monotonic_ns();

	for (uint32_t i = 0; i < shipment->count; i++)
		if (producer_is_overdue(p, shipment->parcels[i].first->lot, now))
			return 1;
	return 0;
}

/* Tried again as it is, unless some of its records are too old by now: then all of them go back to
 * their lanes, where these are sorted out. */
static uint32_t again(struct producer *p, struct shipment *shipment, uint32_t answer)
{
	if (!has_overdue(p, shipment))
		return answer;
	pthread_mutex_lock(&p->lock);
	producer_sent_remove(p, shipment);
	unload_failed(p, shipment, p->host->monotonic_ns());
	pthread_mutex_unlock(&p->lock);
	producer_pump(p);
	return WEIR_HTTP_FINISHED;
}

static uint32_t call_failed(struct producer *p, struct shipment *shipment,
			    const struct weir_http_response *response)
{
	struct aws_error failure;

	aws_error_read(response, &failure);
	meters_error(&p->meters, failure.code, &p->loose.meters, NULL);
	if (put_class_is_final(failure.class))
		return refuse(p, shipment, &failure);
	if (http_may_repeat(response))
		p->host->metric_add(p->repeated, shipment->records);
	return again(p, shipment, aws_service_refused(p->service, response, &failure));
}

/* ---- parcel by parcel ---- */

struct reading {
	struct producer *producer;
	struct shipment *shipment;
	uint8_t *fates;                      /* FATE_* of the parcels */
	char (*elsewhere)[SHARD_ID_MAX + 1]; /* of parcels: the shard that took it, if another */
	struct put_failures failures;
};

/* A shard, or the key that encrypts the stream, has been asked for too much. */
static int is_throttle(const char *code)
{
	return strstr(code, "Throttling") || strstr(code, "ThroughputExceeded") ||
	       strstr(code, "LimitExceeded");
}

/* Lanes that have a parcel in flight stay what they are, without the lock too. */
static void on_taken(struct reading *r, const struct put_outcome *outcome)
{
	const struct lane *lane = r->shipment->parcels[outcome->index].lane;

	if (lane_has_shard(lane) && outcome->shard.size &&
	    !weir_slice_equals(outcome->shard, lane->shard.id)) {
		r->fates[outcome->index] = FATE_ELSEWHERE;
		snprintf(r->elsewhere[outcome->index], SHARD_ID_MAX + 1, "%.*s",
			 (int)(outcome->shard.size < SHARD_ID_MAX ? outcome->shard.size
								  : SHARD_ID_MAX),
			 outcome->shard.data);
	}
}

static void on_outcome(void *user, const struct put_outcome *outcome)
{
	struct reading *r = user;
	struct producer *p = r->producer;
	const struct parcel *parcel = &r->shipment->parcels[outcome->index];
	char code[PUT_CODE_SIZE];
	uint32_t class;

	if (outcome->index >= r->shipment->count)
		return; /* the count will tell */
	if (outcome->code.size == 0) {
		on_taken(r, outcome);
		return;
	}
	class = put_failures_note(&r->failures, outcome, parcel->count, code);
	meters_error(&p->meters, code, &parcel->lane->meters,
		     lane_has_shard(parcel->lane) ? parcel->lane->shard.id : NULL);
	if (put_class_is_final(class))
		r->fates[outcome->index] = FATE_DEAD;
	else
		r->fates[outcome->index] = is_throttle(code) ? FATE_THROTTLED : FATE_RETRY;
}

static void tell(struct producer *p, const struct reading *r)
{
	const struct put_failures *f = &r->failures;

	if (!f->retried && !f->refused)
		return;
	p->host->metric_add(p->retried, f->retried);
	weir_logf(p->host, p->context, f->held ? WEIR_LOG_ERROR : WEIR_LOG_WARNING,
		  f->held ? "kinesis_hold" : "aws_partial",
		  "kinesis took only a part: %u of %u records are sent again, %u refused (%s: %s)",
		  f->retried, r->shipment->records, f->refused, f->code, f->text);
}

/* Single records are good wherever they are; of an aggregate it depends on the shard. */
static void sort_elsewhere(struct reading *r, uint32_t i, uint64_t now)
{
	struct parcel *parcel = &r->shipment->parcels[i];
	struct lane *lane = parcel->lane;

	producer_shards_doubt(r->producer, lane, now);
	if (parcel->count > 1 && producer_misplace(r->producer, parcel, r->elsewhere[i]) == 0) {
		parcel->first = NULL;
		return;
	}
	if (parcel->count > 1) { /* no memory to remember it: rather twice than not at all */
		producer_return(r->producer, parcel->first);
		parcel->first = NULL;
	}
	r->fates[i] = FATE_DELIVERED;
	producer_landed(r->producer, lane);
}

static void sort_failed(struct reading *r, uint32_t i, uint64_t now)
{
	struct parcel *parcel = &r->shipment->parcels[i];
	struct producer *p = r->producer;

	if (r->fates[i] == FATE_DEAD && parcel->count > 1) {
		isolate(p, parcel, now);
		parcel->first = NULL;
		return;
	}
	if (r->fates[i] == FATE_THROTTLED)
		bucket_throttled(&parcel->lane->bucket, r->shipment->sent_ns, now);
	if (r->fates[i] == FATE_RETRY || r->fates[i] == FATE_THROTTLED) {
		for (struct record *record = parcel->first; record; record = record->next)
			record->tries++;
		failed(p, parcel->lane, r->failures.held > 0, now);
		producer_return(p, parcel->first);
		parcel->first = NULL;
	}
	producer_landed(p, parcel->lane);
}

/* Takes the parcels that have no outcome yet from the shipment. Under the lock. */
static void sort(struct reading *r, uint64_t now)
{
	struct parcel *parcels = r->shipment->parcels;

	for (uint32_t i = 0; i < r->shipment->count; i++)
		if (r->fates[i] == FATE_DELIVERED || r->fates[i] == FATE_ELSEWHERE)
			lane_worked(parcels[i].lane);
	for (uint32_t i = 0; i < r->shipment->count; i++) {
		if (r->fates[i] == FATE_ELSEWHERE)
			sort_elsewhere(r, i, now);
		else if (r->fates[i] != FATE_DELIVERED)
			sort_failed(r, i, now);
		else
			producer_landed(r->producer, parcels[i].lane);
	}
}

/* Of the parcels that were taken, wherever that was. */
static void meter(const struct reading *r)
{
	const struct shipment *shipment = r->shipment;
	struct producer *p = r->producer;
	uint32_t taken = 0, records = 0;

	for (uint32_t i = 0; i < shipment->count; i++) {
		const struct parcel *parcel = &shipment->parcels[i];
		const struct shard_meters *meters = &parcel->lane->meters;
		struct statistics retries = {0};
		uint64_t data = 0;

		if (r->fates[i] != FATE_DELIVERED && r->fates[i] != FATE_ELSEWHERE)
			continue;
		meter_add(&p->meters, &meters->buffering_time,
			  (int64_t)(shipment->sent_ns - parcel->first->lot->arrived_ns));
		for (const struct record *record = parcel->first; record; record = record->next) {
			data += record->size;
			statistics_add(&retries, record->tries);
		}
		taken++;
		records += parcel->count;
		meter_add(&p->meters, &meters->user_records_put, parcel->count);
		meter_add(&p->meters, &meters->user_records_data_put, (int64_t)data);
		meter_add(&p->meters, &meters->kinesis_records_put, 1);
		meter_add(&p->meters, &meters->kinesis_records_data_put, (int64_t)parcel->bytes);
		meter_add_all(&p->meters, &meters->retries, &retries);
		cloudwatch_add(p->meters.cloudwatch, meters->user_records_per_kinesis_record,
			       parcel->count);
	}
	if (taken)
		meters_request(&p->meters, records, taken);
}

static void settle(struct producer *p, struct reading *r)
{
	struct shipment *shipment = r->shipment;

	tell(p, r);
	meter(r);
	pthread_mutex_lock(&p->lock);
	producer_sent_remove(p, shipment);
	sort(r, p->host->monotonic_ns());
	pthread_mutex_unlock(&p->lock);
	for (uint32_t i = 0; i < shipment->count; i++) {
		struct record *first = shipment->parcels[i].first;

		if (r->fates[i] == FATE_DELIVERED) {
			producer_outcome(p, first, WEIR_OUTCOME_DELIVERED, NULL, "");
		} else if (first) {
			p->host->metric_add(p->refused, 1);
			producer_outcome(p, first, WEIR_OUTCOME_DEAD, "refused",
					 r->failures.dead_text);
		}
	}
	shipment_free(shipment, &p->shipments);
	producer_pump(p);
}

uint32_t producer_answered(struct producer *p, struct shipment *shipment,
			   const struct weir_http_response *response)
{
	struct reading r = {.producer = p, .shipment = shipment};
	uint32_t answer = WEIR_HTTP_FINISHED;

	meter_add(&p->meters, &p->meters.request_time, (int64_t)response->elapsed_ns);
	if (response->advice != WEIR_HTTP_OK)
		return call_failed(p, shipment, response);
	if (http_may_repeat(response))
		p->host->metric_add(p->repeated, shipment->records);
	r.fates = calloc(shipment->count, sizeof(*r.fates));
	r.elsewhere = calloc(shipment->count, sizeof(*r.elsewhere));
	if (r.fates && r.elsewhere &&
	    put_answer_walk(response->body, "Records", on_outcome, &r) ==
		    (int32_t)shipment->count) {
		settle(p, &r);
	} else {
		weir_logf(p->host, p->context, WEIR_LOG_WARNING, "aws_answer",
			  "kinesis gave an answer that does not tell of %u records; they are sent "
			  "again and may arrive twice",
			  shipment->count);
		p->host->metric_add(p->repeated, shipment->records);
		answer = again(p, shipment, WEIR_HTTP_TRY_AGAIN);
	}
	free(r.fates);
	free(r.elsewhere);
	return answer;
}
