// SPDX-License-Identifier: MIT
/*
 * Hash keys: the 128-bit numbers by which Kinesis finds the shard of a record. A record has the one
 * that it was given, in decimal, or else the MD5 of its partition key, big-endian.
 */
#ifndef AGGREGATE_HASH_KEY_H
#define AGGREGATE_HASH_KEY_H

#include <weir/abi.h>

struct hash_key {
	uint64_t high, low;
};

/* Digits of 2^128 - 1, and a NUL. */
#define HASH_KEY_TEXT 40

/* Decimal, as hash_key_is_valid() of keys has it: no sign, no leading zero, below 2^128. Returns 0, or
 * WEIR_ERR_INVALID. */
int32_t hash_key_read(struct weir_slice text, struct hash_key *ret_key);
/* Returns the count of digits; a NUL follows them. */
uint32_t hash_key_write(struct hash_key key, char ret_text[HASH_KEY_TEXT]);

static inline int hash_key_compare(struct hash_key a, struct hash_key b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

/* MD5, its algorithm looked up once. One thread at a time. */
struct hasher;

#define HASHER_MD5_SIZE 16

/* NULL without memory, or where MD5 is not to be had (FIPS). */
struct hasher *hasher_create(void);
void hasher_destroy(struct hasher *hasher);
int32_t hasher_md5(struct hasher *hasher, const void *data, uint64_t size,
		   uint8_t ret_digest[HASHER_MD5_SIZE]);
/* Of several texts, which is faster than one by one: best HASHER_TOGETHER at a time. */
#define HASHER_TOGETHER 8
int32_t hasher_md5_all(struct hasher *hasher, const struct weir_slice *texts, uint32_t count,
		       uint8_t (*ret_digests)[HASHER_MD5_SIZE]);
int32_t hasher_key(struct hasher *hasher, struct weir_slice partition_key,
		   struct hash_key *ret_key);

#endif
