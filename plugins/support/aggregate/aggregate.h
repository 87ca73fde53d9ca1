// SPDX-License-Identifier: MIT
/*
 * Many records in one, in the format of the Kinesis Producer Library: a magic number, a protobuf
 * message (proto2), and its MD5.
 *
 *     AggregatedRecord { repeated string partition_key_table = 1;
 *                        repeated string explicit_hash_key_table = 2;
 *                        repeated Record records = 3; }
 *     Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
 *              required bytes data = 3; }
 *
 * Two steps: adding counts the exact size and gives each key its place in the tables, where it stands
 * once; writing then needs no more than the places. Data is not looked at before it is written.
 */
#ifndef AGGREGATE_H
#define AGGREGATE_H

#include "support/aggregate/hash_key.h"

/* Magic number and digest. */
#define AGGREGATE_MAGIC_SIZE 4
#define AGGREGATE_ENVELOPE (AGGREGATE_MAGIC_SIZE + HASHER_MD5_SIZE)
/* Of a record's place among the explicit hash keys: it has none. */
#define AGGREGATE_NO_KEY UINT32_MAX

struct aggregate_table {
	struct weir_slice *keys; /* borrowed texts */
	uint32_t count, capacity;
	uint32_t *slots; /* 1 + a key's place, by its hash; only while records are added */
	uint32_t slot_count;
};

/* Zeroed memory is an empty one. */
struct aggregate {
	struct aggregate_table partition, hash;
	uint64_t message_size;
	uint32_t records;
};

struct aggregate_record {
	struct weir_slice partition_key, hash_key; /* hash_key empty: none of its own */
	uint64_t data_size;
	uint32_t partition_index, hash_index; /* aggregate_add()'s, for writing */
};

/* Adds a record if the whole stays within size_max. 1; 0: it has no room, and nothing has changed; or
 * WEIR_ERR_MEMORY. Keys must stay where they are until all is written. */
int aggregate_add(struct aggregate *aggregate, struct aggregate_record *record, uint64_t size_max);
/* No more will be added: lets go of what only adding needs. */
void aggregate_seal(struct aggregate *aggregate);
void aggregate_done(struct aggregate *aggregate);
/* Bytes of the whole, envelope included. */
uint64_t aggregate_size(const struct aggregate *aggregate);

/* Each writes and returns the end: magic number and tables; a record up to its data, which the caller
 * copies behind it; and the digest of all from `start`, or NULL when there is no MD5. */
char *aggregate_write_head(const struct aggregate *aggregate, char *to);
char *aggregate_write_record(const struct aggregate_record *record, char *to);
char *aggregate_write_digest(struct hasher *hasher, char *start, char *to);

/* From the magic number up to where the digest belongs. */
struct aggregate_text {
	char *start, *end;
};

/* The digests of several at once, HASHER_TOGETHER at most. 0, or WEIR_ERR_INTERNAL. */
int32_t aggregate_write_digests(struct hasher *hasher, const struct aggregate_text *texts,
				uint32_t count);

#endif
