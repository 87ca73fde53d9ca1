// SPDX-License-Identifier: MIT
/*
 * With record_ttl what could not be delivered for so long goes to the dead letter, whether or not
 * anything is answered: by the producer's timer, all that waits is looked at when the oldest of it is
 * too old. Without the option nothing is done.
 *
 *   - Records expire in their lanes, which are in order of arrival. So a shipment with something too
 *     old in it that is not being sent, recalled from the HTTP service, goes back to its lanes.
 *   - What is being sent is left alone, since it may be landing: it is judged when its try ends.
 *   - Aggregates that landed on an unexpected shard are judged by the map, not by their age.
 */
#include "producer_internal.h"

/* Between two looks, at least: no record is later than this. */
#define EXPIRY_STEP_NS UINT64_C(100000000)

#define EXPIRED "expired"
#define EXPIRED_TEXT "the record could not be delivered within record_ttl"

int producer_is_overdue(const struct producer *p, const struct lot *lot, uint64_t now)
{
	return p->settings.ttl_ns && now - lot->arrived_ns > p->settings.ttl_ns;
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* When the oldest of its records came. */
static uint64_t shipment_arrived(const struct shipment *shipment)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < shipment->count; i++)
		oldest = earlier(oldest, shipment->parcels[i].first->lot->arrived_ns);
	return oldest;
}

static uint64_t expire_lane(struct producer *p, struct lane *lane, uint64_t now)
{
	while (lane->first && producer_is_overdue(p, lane->first->lot, now)) {
		struct record *record = lane_take(lane);

		meter_add(&p->meters, &lane->meters.user_records_expired, 1);
		record->next = p->overdue;
		p->overdue = record;
	}
	return lane->first ? lane->first->lot->arrived_ns : UINT64_MAX;
}

uint64_t producer_expire_lanes(struct producer *p, uint64_t now)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i <= p->lane_count; i++)
		oldest = earlier(oldest, expire_lane(p, producer_lane_at(p, i), now));
	return oldest;
}

/* As that, for what is behind the lanes and before them. */
static uint64_t unload_ready(struct producer *p, uint64_t now)
{
	struct shipment **at = &p->ready;
	uint64_t oldest = UINT64_MAX, arrived;

	while (*at) {
		struct shipment *shipment = *at;

		arrived = shipment_arrived(shipment);
		if (now - arrived > p->settings.ttl_ns) {
			*at = shipment->next;
			producer_unload(p, shipment);
			continue;
		}
		oldest = earlier(oldest, arrived);
		at = &shipment->next;
	}
	return oldest;
}

static uint64_t recall_sent(struct producer *p, uint64_t now)
{
	struct shipment *shipment = p->sent, *next;
	uint64_t oldest = UINT64_MAX, arrived;

	for (; shipment; shipment = next) {
		next = shipment->next;
		arrived = shipment_arrived(shipment);
		if (now - arrived > p->settings.ttl_ns &&
		    aws_service_recall(p->service, &shipment->http) == WEIR_OK) {
			producer_sent_remove(p, shipment);
			producer_unload(p, shipment);
			continue;
		}
		oldest = earlier(oldest, arrived);
	}
	return oldest;
}

/* Deliveries that no records could be made of, for want of memory. */
static uint64_t expire_waiting(struct producer *p, uint64_t now)
{
	/* While one is being filled, it is the first. */
	while (p->waiting && !p->filling && producer_is_overdue(p, p->waiting, now)) {
		struct lot *lot = producer_waiting_take(p);

		lot->waiting = p->overdue_lots;
		p->overdue_lots = lot;
	}
	return p->waiting ? p->waiting->arrived_ns : UINT64_MAX;
}

void producer_expire(struct producer *p, uint64_t now)
{
	uint64_t oldest;

	if (!p->expiry_ns || p->expiry_ns > now)
		return;
	oldest = expire_waiting(p, now);
	oldest = earlier(oldest, unload_ready(p, now));
	oldest = earlier(oldest, recall_sent(p, now));
	oldest = earlier(oldest, producer_expire_lanes(p, now));
	p->expiry_ns = 0;
	if (oldest == UINT64_MAX)
		return;
	p->expiry_ns = oldest + p->settings.ttl_ns + 1;
	if (p->expiry_ns < now + EXPIRY_STEP_NS)
		p->expiry_ns = now + EXPIRY_STEP_NS;
}

void producer_report_overdue(struct producer *p)
{
	struct record *overdue;
	struct lot *lot, *next;

	pthread_mutex_lock(&p->lock);
	overdue = p->overdue;
	lot = p->overdue_lots;
	p->overdue = NULL;
	p->overdue_lots = NULL;
	pthread_mutex_unlock(&p->lock);
	producer_outcome(p, overdue, WEIR_OUTCOME_DEAD, EXPIRED, EXPIRED_TEXT);
	for (; lot; lot = next) {
		next = lot->waiting;
		p->host->outcome(lot->entry.view.handle, NULL, 0, WEIR_OUTCOME_DEAD, EXPIRED,
				 weir_slice_of(EXPIRED_TEXT));
		lot_free(lot, &p->lots);
	}
}
