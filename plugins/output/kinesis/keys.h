// SPDX-License-Identifier: MIT
/*
 * Partition keys and explicit hash keys of records.
 *
 * Expressions are evaluated one thread at a time, under a lock of the keys' own; what they give is
 * copied. Keys that Kinesis would refuse are found here, before they are sent.
 */
#ifndef KINESIS_KEYS_H
#define KINESIS_KEYS_H

#include <pthread.h>

#include "limits.h"
#include "support/batching/batching.h"

#define KEY_BYTES_MAX (4 * KINESIS_KEY_MAX) /* in UTF-8 */
#define HASH_KEY_BYTES_MAX 40
/* Sizes of the keys that are made up: hex digits. Random ones need only be as many as spread well: each costs
 * bytes in every request. */
#define KEY_RANDOM_SIZE 8
#define KEY_HASH_SIZE 32

#define KEY_RANDOM 0
#define KEY_HASH 1
#define KEY_EXPRESSION 2

struct keys {
	const struct weir_services *host;
	uint32_t kind;                      /* KEY_* */
	struct weir_expr *partition, *hash; /* or NULL */
	const struct weir_node *partition_written, *hash_written;
	pthread_mutex_t lock; /* guards the expressions */
};

struct record_keys {
	char partition[KEY_BYTES_MAX + 1], hash[HASH_KEY_BYTES_MAX + 1];
	uint32_t partition_size, hash_size; /* hash 0 = none */
};

int32_t keys_create(struct keys *keys, const struct weir_services *host,
		    const struct weir_node *options, struct weir_error *error);
void keys_done(struct keys *keys);
/* Says what the expressions read. */
void keys_fields(const struct keys *keys, struct weir_fields *fields);

/* A made-up key of KEY_RANDOM_SIZE; moves the seed on. */
void keys_random(uint64_t *seed, char *ret_key);
/* `seed` is for random keys: one a request, moved on by each call; NULL: the caller has filled them in
 * already. 0, or WEIR_ERR_INVALID and why. */
int32_t keys_of(struct keys *keys, const struct batching_record *record, uint64_t *seed,
		struct record_keys *ret_keys, struct batching_refusal *ret_refusal);
/* The size of the partition key alone, or 0 and why. */
uint32_t keys_size(struct keys *keys, const struct batching_record *record,
		   struct batching_refusal *ret_refusal);

/* Pure checks. */
int key_is_utf8(struct weir_slice key, uint32_t *ret_characters);
int hash_key_is_valid(struct weir_slice key);

#endif
