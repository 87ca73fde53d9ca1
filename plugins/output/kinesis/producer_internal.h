// SPDX-License-Identifier: MIT
/* The producer's state, for producer.c (sending) and producer_answer.c (what came of it). */
#ifndef KINESIS_PRODUCER_INTERNAL_H
#define KINESIS_PRODUCER_INTERNAL_H

#include "producer.h"

struct producer_settings {
	struct lane_limits limits;
	uint32_t parcels_max; /* in a request */
	uint64_t bytes_max;   /* of a request */
	uint64_t linger_ns;
	uint64_t ttl_ns; /* 0 = none */
	uint64_t backoff_min_ns, backoff_max_ns;
	uint32_t in_flight_max;
	uint32_t strict;
};

struct producer {
	const struct weir_services *host;
	struct weir_context *context;
	struct producer_settings settings;
	struct lot_maker lots;
	struct shipment_maker shipments;
	struct aws_service *service;
	struct aws_operation put_records;

	pthread_mutex_t lock; /* guards all below */
	struct lane lane;
	uint64_t next_number;
	uint64_t flush_number;  /* records before it don't linger */
	struct shipment *ready; /* made already, to be sent before anything new */
	struct shipment *sent;
	uint32_t in_flight;
	struct lot *waiting, **waiting_end; /* could not be made yet, in order */
	uint32_t filling;                   /* a thread is making them */
	uint64_t retry_ns;      /* when to look at `waiting` and `ready` again; 0 = not */
	uint64_t armed_ns;      /* when the timer goes off; 0 = it is off */
	struct record *overdue; /* older than record_ttl, for the dead letter */
	uint64_t seed;          /* of backoffs */

	struct weir_metric *retried, *refused, *expired, *repeated;
};

/* Under the lock. */
void producer_sent_remove(struct producer *producer, const struct shipment *shipment);
void producer_ready_put(struct producer *producer, struct shipment *shipment);
int producer_is_overdue(const struct producer *producer, const struct record *record, uint64_t now);
/* Sends what may be sent, and sets the timer for what may not yet. */
void producer_pump(struct producer *producer);
uint32_t producer_answered(struct producer *producer, struct shipment *shipment,
			   const struct weir_http_response *response);

#endif
