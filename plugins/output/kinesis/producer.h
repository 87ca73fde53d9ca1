// SPDX-License-Identifier: MIT
/*
 * The producer: puts records into a stream as aggregates, as the Kinesis Producer Library does.
 *
 *   write() ──▶ lot ──▶ lanes ──▶ shipment ──▶ answer ──▶ delivered, dead
 *                         ▲    cut when full,     │
 *                         │    or lingered        │
 *                         └────────── back ◀──────┘ throttled, not there
 *
 *   - A lane is cut when it holds a whole aggregate or its oldest record has lingered; a request goes
 *     when it is full, or with the first lane that has lingered. Nothing waits for more than that.
 *   - What the service turns down goes back to its place in its lane, with backoff for that lane
 *     alone; a call that fails as a whole is tried again as it is, by the HTTP service.
 *   - Records are refused for good one by one: a request that is refused for what is in it is halved
 *     until the one record is alone, which goes to the dead letter.
 *   - Nothing expires unless record_ttl is set; then to the dead letter.
 *
 * Threads: write() on several workers, timer and done as the host calls them. `lock` guards lanes and
 * lists; bodies are made without it, and the host is called without it but for timers and figures.
 */
#ifndef KINESIS_PRODUCER_H
#define KINESIS_PRODUCER_H

#include "shipment.h"

struct producer;

/* Timers 0 to 2 of the instance belong to it. */
#define PRODUCER_TIMER 0
#define PRODUCER_TIMER_CREDENTIALS 1
#define PRODUCER_TIMER_CLOUDWATCH 2

struct producer_options {
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *node; /* of the output */
	const char *stream;
	struct keys *keys;
	const struct weir_encode_spec *encode; /* NULL = raw lines */
	const struct wire *wire;
	uint32_t newline;
	uint64_t record_max;
};

int32_t producer_create(const struct producer_options *options, struct producer **ret_producer,
			struct weir_error *error);
int32_t producer_start(struct producer *producer, struct weir_error *error);
void producer_stop(struct producer *producer);
void producer_destroy(struct producer *producer);

/* The functions of an output's table. */
void producer_write(struct producer *producer, const struct weir_delivery_view *delivery);
void producer_flush(struct producer *producer, uint32_t why);
void producer_timer(struct producer *producer, uint32_t id);
int32_t producer_begin(struct producer *producer, struct weir_http_request *request);
uint32_t producer_done(struct producer *producer, struct weir_http_request *request,
		       const struct weir_http_response *response);

#endif
