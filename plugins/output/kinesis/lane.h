// SPDX-License-Identifier: MIT
/*
 * Lanes: the records that wait for one shard, and the Kinesis records that are cut from them.
 *
 * A lane holds single records until a request is made; only then as many as fit become an aggregate.
 * So a retry or a new map of shards moves records, never aggregates, and what is cut is always cut by
 * what is known now.
 *
 *   - A lane is in order of arrival; records that come back go to their places.
 *   - A lane without a shard aggregates only records of one hash key: these belong together wherever
 *     the service puts them.
 *
 * Everything here is under the producer's lock.
 */
#ifndef KINESIS_LANE_H
#define KINESIS_LANE_H

#include "lot.h"
#include "meters.h"
#include "support/rate/bucket.h"
#include "support/shards/shard_map.h"

/* How Kinesis records are cut. */
struct lane_limits {
	uint64_t aggregate_bytes; /* of an aggregate; its partition key comes on top, as with KPL */
	uint32_t aggregate_records; /* in an aggregate */
};

struct lane {
	struct record *first, **end;
	uint32_t count;
	uint64_t bytes;     /* of the records; about what they take in aggregates, keys aside */
	uint32_t in_flight; /* parcels whose place is not settled */
	uint32_t failures;  /* in a row */
	struct shard_meters meters;
	struct bucket bucket; /* without a shard there is no limit */
	uint64_t not_before_ns;
	struct shard shard;              /* an empty id: none */
	uint32_t is_suspect;             /* something landed elsewhere: a new map is on its way */
	uint32_t is_kept, is_gone;       /* by a new map; a gone one stays while in flight */
	struct record *back, **back_end; /* while records come back */
	struct lane *next_gone;
};

/* One Kinesis record: a single record as it is, or an aggregate. */
struct parcel {
	struct lane *lane;
	struct record *first; /* `count` of them, in order */
	uint32_t count;
	uint64_t bytes;             /* data and partition key, as Kinesis counts them */
	struct aggregate aggregate; /* of two records and more */
};

/* Partition key of aggregates, as KPL's. Their explicit hash key decides. */
#define PARCEL_KEY "a"
#define PARCEL_KEY_SIZE 1

/* shard NULL: none. */
void lane_init(struct lane *lane, const struct shard *shard);
static inline int lane_has_shard(const struct lane *lane)
{
	return lane->shard.id[0] != '\0';
}

void lane_append(struct lane *lane, struct record *record);
/* Puts records, which are in order, to their places. */
void lane_return(struct lane *lane, struct record *first);
/* Takes the first of the lane's records; there is one. */
struct record *lane_take(struct lane *lane);
/* Whether there is enough for a whole aggregate. */
int lane_full(const struct lane *lane, const struct lane_limits *limits);
/* How many whole parcels it has, and adds their bytes, about. */
uint64_t lane_whole(const struct lane *lane, const struct lane_limits *limits, uint64_t *add_bytes);
/* How much the next parcel may take, at most. */
uint64_t lane_next_bytes(const struct lane *lane, const struct lane_limits *limits);
/* Cuts one parcel off the lane, which has records. 0, or WEIR_ERR_MEMORY. */
int32_t lane_cut(struct lane *lane, const struct lane_limits *limits, struct parcel *ret_parcel);
void parcel_done(struct parcel *parcel);

/* Bounds of a lane's waits. */
struct lane_backoff {
	uint64_t min_ns, max_ns;
};

/* Something of the lane was turned down at `now`: it waits by full jitter, anything up to min_ns, doubled
 * with each failure in a row up to max_ns, once for all that failed before that is over; or, when an
 * operator must act, between half of max_ns and all of it. `random` is any number. */
void lane_failed(struct lane *lane, const struct lane_backoff *backoff, int is_held,
		 uint64_t random, uint64_t now);
/* Something was taken: the next wait is of the shortest again. */
void lane_worked(struct lane *lane);

#endif
