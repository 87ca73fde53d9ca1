// SPDX-License-Identifier: MIT
/*
 * A delivery that was taken, and its records with their keys, each to travel on its own.
 *
 * A record is borrowed from its lot, which is freed with the last record that has an outcome. Keys
 * are copied into the lot, once for records in a row that have the same.
 *
 * Threads: a lot is made by one thread; then each record belongs to whoever holds it, under the
 * producer's lock.
 */
#ifndef KINESIS_LOT_H
#define KINESIS_LOT_H

#include "keys.h"
#include "support/aggregate/aggregate.h"
#include "support/batching/request.h"

struct record {
	struct record *next;
	struct lot *lot;
	struct hash_key hash; /* which decides the shard */
	uint64_t number;      /* order of arrival at the producer */
	uint32_t index;       /* in the batch */
	uint32_t size;        /* of the data, with the newline if it gets one */
	uint32_t key_at;      /* into the lot's keys: the partition key, then the hash key */
	uint32_t key_size;
	uint32_t hash_size;                   /* 0: no hash key of its own */
	uint32_t partition_index, hash_index; /* places in the aggregate that it is in */
	uint32_t tries;
};

struct lot {
	struct entry entry; /* for reading records; entry.left counts those without an outcome */
	uint64_t arrived_ns;
	struct record *records; /* `count` of them */
	uint32_t count, refused;
	uint32_t next; /* index in the batch from which on none is made */
	char *keys;
	uint32_t keys_size, keys_capacity;
	int64_t charged; /* bytes, towards the bound on memory */
	struct lot *waiting;
};

/* What a record takes in an aggregate beside its data: tags, lengths and the place of its key. */
#define RECORD_OVERHEAD 8
/* What an aggregate takes beside its records when they share a made-up key: envelope, and the key in its
 * table. */
#define RUN_OVERHEAD (AGGREGATE_ENVELOPE + KEY_RANDOM_SIZE + 2)

/* Records with made-up keys get the same one in a run, as long as an aggregate: that spreads aggregates
 * evenly, fills them, and needs no map of the shards to be right. */
struct key_run {
	pthread_mutex_t lock; /* guards all below, and `random` keys as such */
	char key[KEY_RANDOM_SIZE];
	uint64_t bytes, seed, began_ns;
	uint32_t records;
};

struct lot_maker {
	const struct weir_services *host;
	struct weir_context *context;
	struct keys *keys;
	const struct weir_encode_spec *encode; /* NULL = raw lines */
	uint32_t newline;
	uint64_t record_max;        /* data and partition key */
	uint64_t run_bytes, run_ns; /* of a key's run, at most */
	uint32_t run_records;
	struct key_run run;
};

/* All records of a delivery were refused: it is gone. */
#define LOT_EMPTY 1

void lot_maker_init(struct lot_maker *maker);
void lot_maker_done(struct lot_maker *maker);

/* NULL without memory. */
struct lot *lot_create(const struct weir_delivery_view *delivery, uint64_t now_ns);
/* Encodes the batch and makes the records; those that can't be sent go to the dead letter. 0; LOT_EMPTY;
 * WEIR_ERR_MEMORY: call again later; or another failure. */
int32_t lot_fill(struct lot *lot, struct lot_maker *maker);
/* After `count` records have an outcome: frees it with the last. */
void lot_settle(struct lot *lot, uint32_t count, const struct lot_maker *maker);
void lot_free(struct lot *lot, const struct lot_maker *maker);

/* Valid as long as the record has no outcome. */
struct weir_slice record_partition_key(const struct record *record);
struct weir_slice record_hash_key(const struct record *record);
/* The data in at most two pieces; returns how many. */
uint32_t record_pieces(const struct record *record, uint32_t newline,
		       struct weir_slice *ret_pieces);

/* One outcome for a list of records, which are not read afterwards. */
void records_outcome(struct record *first, const struct lot_maker *maker, uint32_t outcome,
		     const char *reason, struct weir_slice text);

#endif
