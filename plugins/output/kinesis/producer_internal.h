// SPDX-License-Identifier: MIT
/* The producer's state, for producer.c (sending), producer_answer.c (what came of it),
 * producer_shards.c (where records go), producer_expiry.c (what is too old) and producer_life.c (its
 * beginning and end). */
#ifndef KINESIS_PRODUCER_INTERNAL_H
#define KINESIS_PRODUCER_INTERNAL_H

#include "producer.h"
#include "support/shards/shard_list.h"

struct producer_settings {
	struct lane_limits limits;
	uint32_t parcels_max; /* in a request */
	uint64_t bytes_max;   /* of a request */
	uint64_t linger_ns;
	uint64_t ttl_ns; /* 0 = none */
	uint64_t backoff_min_ns, backoff_max_ns;
	uint32_t in_flight_max;
	double rate; /* of what a shard takes; 0 = no limit */
	uint32_t strict;
};

/* Where records go. */
#define PLACEMENT_UNKNOWN 0 /* the shards have been asked for: nothing is sent */
#define PLACEMENT_SHARDS 1  /* each to the lane of its shard */
#define PLACEMENT_LOOSE 2   /* the shards can't be told: only records of one hash key go together */
#define PLACEMENT_SINGLE 3  /* the service spreads records as it likes: each goes alone */

/* The one request that is about the stream itself. Whoever has set `is_under_way` owns the rest. */
struct shard_query {
	struct weir_http_request http;
	struct aws_call call;
	struct aws_operation describe, list;
	struct text body, token;
	struct weir_slice slice;
	struct shard_map map;
	uint32_t distribution;
	int is_under_way; /* under the producer's lock */
	int was_denied;   /* the log knows that the stream can't be described */
};

/* An aggregate that was accepted on a shard for which it was not made. */
struct misplaced {
	struct misplaced *next;
	struct parcel parcel;
	char shard[SHARD_ID_MAX + 1];
	uint32_t tries; /* maps that did not have that shard */
};

struct producer {
	const struct weir_services *host;
	struct weir_context *context;
	struct producer_settings settings;
	struct lot_maker lots;
	struct shipment_maker shipments;
	struct spare spare;
	struct aws_service *service;
	struct aws_operation put_records;
	struct shard_query query;
	struct meters meters;

	pthread_mutex_t lock; /* guards all below */
	uint32_t placement;
	struct shard_map map; /* with PLACEMENT_SHARDS: lane i is that of its open shard i */
	struct lane **lanes;
	uint32_t lane_count, turn; /* which lane is first this time */
	struct lane loose;         /* for all other placements */
	struct lane *gone;         /* of shards that are no more, with something in flight */
	struct shard_map pending;  /* a new map that waits until nothing is in flight */
	uint32_t pending_distribution;
	int has_pending;
	struct misplaced *misplaced;
	uint32_t strikes;          /* misplaced against their own hash keys */
	uint64_t ask_ns, asked_ns; /* when to ask for the shards, 0 = not; when it was last done */
	uint32_t ask_failures;     /* in a row */
	uint64_t next_number;
	int64_t unsettled;      /* records that have come and are not settled */
	uint64_t flush_number;  /* records before it don't linger */
	struct shipment *ready; /* made already, to be sent before anything new */
	struct shipment *sent;
	uint32_t in_flight;
	struct lot *waiting, **waiting_end; /* could not be made yet, in order */
	uint32_t filling;                   /* a thread is making them */
	uint64_t retry_ns;      /* when to look at `waiting` and `ready` again; 0 = not */
	uint64_t armed_ns;      /* when the timer goes off; 0 = it is off */
	uint64_t expiry_ns;     /* when to look for what is older than record_ttl; 0 = not */
	struct record *overdue; /* older than that, for the dead letter */
	struct lot *overdue_lots;
	struct record *landed; /* delivered, as it turned out later */
	uint64_t seed;         /* of backoffs */
	uint32_t told_full;    /* the host knows that enough waits */

	struct weir_metric *retried, *refused, *repeated;
	struct weir_metric *maps, *misplaced_aggregates, *misplaced_records;
};

/* Under the lock. */
void producer_sent_remove(struct producer *producer, const struct shipment *shipment);
void producer_ready_put(struct producer *producer, struct shipment *shipment);
int producer_is_overdue(const struct producer *producer, const struct lot *lot, uint64_t now);
/* Takes out what is older than record_ttl, and returns when the oldest of what stays came. */
uint64_t producer_expire_lanes(struct producer *producer, uint64_t now);
/* If it is time, does so with all that is not being sent. Loop's thread. */
void producer_expire(struct producer *producer, uint64_t now);
/* The shipment's records go back to where they came from; it is freed. */
void producer_unload(struct producer *producer, struct shipment *shipment);
/* Of lanes that have records, the i-th of this turn; the loose one comes last. */
struct lane *producer_lane_at(struct producer *producer, uint32_t i);
/* The delivery that waited longest; there is one. */
struct lot *producer_waiting_take(struct producer *producer);
/* The lane for a hash key. */
struct lane *producer_lane(struct producer *producer, struct hash_key hash);
/* Puts records, in order, to their places in the lanes that they belong to now. */
void producer_return(struct producer *producer, struct record *first);
/* One parcel fewer is in flight; a lane that is gone may be freed by it. */
void producer_landed(struct producer *producer, struct lane *lane);
/* Something landed elsewhere than it should have: the shards are asked for. */
void producer_shards_doubt(struct producer *producer, struct lane *lane, uint64_t now);
/* The parcel, with its records, becomes a misplaced one. WEIR_ERR_MEMORY and nothing done. */
int32_t producer_misplace(struct producer *producer, struct parcel *parcel, const char *shard);
/* Takes the new map over once nothing is in flight. */
void producer_shards_settle(struct producer *producer, uint64_t now);

/* Not under the lock: one outcome for a list of records. */
void producer_outcome(struct producer *producer, struct record *first, uint32_t outcome,
		      const char *reason, const char *text);
/* What producer_expire() has found goes to the dead letter. */
void producer_report_overdue(struct producer *producer);
/* Asks for the shards if it is time. */
void producer_shards_ask(struct producer *producer);
uint32_t producer_shards_done(struct producer *producer, const struct weir_http_response *response);
int32_t producer_shards_create(struct producer *producer, struct weir_error *error);
void producer_shards_destroy(struct producer *producer);

/* Sends what may be sent, and sets the timer for what may not yet. */
void producer_pump(struct producer *producer);
/* Full jitter: anything up to the bound. */
uint64_t producer_jitter(struct producer *producer, uint64_t bound_ns);
uint32_t producer_answered(struct producer *producer, struct shipment *shipment,
			   const struct weir_http_response *response);

#endif
