// SPDX-License-Identifier: MIT
/* Aggregates byte by byte, their sizes on both sides of a limit, and hash keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/aggregate/aggregate.h"

#define ANY_SIZE UINT64_MAX

static struct aggregate_record record(const char *partition, const char *hash, uint64_t size)
{
	return (struct aggregate_record){.partition_key = weir_slice_of(partition),
					 .hash_key = weir_slice_of(hash),
					 .data_size = size};
}

/* The whole, with the texts as data; returns its size. */
static uint64_t write(const struct aggregate *a, const struct aggregate_record *records,
		      const char *const *texts, char *to)
{
	struct hasher *hasher = hasher_create();
	char *at = aggregate_write_head(a, to);

	for (uint32_t i = 0; i < a->records; i++) {
		at = aggregate_write_record(&records[i], at);
		memcpy(at, texts[i], records[i].data_size);
		at += records[i].data_size;
	}
	at = aggregate_write_digest(hasher, to, at);
	hasher_destroy(hasher);
	return (uint64_t)(at - to);
}

static void an_aggregate_has_each_key_once(void **state)
{
	static const char expected[] = "\xf3\x89\x9a\xc2"
				       "\x0a\x01"
				       "a"
				       "\x0a\x02"
				       "bb"
				       "\x12\x01"
				       "7"
				       "\x1a\x06\x08\x00\x1a\x02"
				       "xy"
				       "\x1a\x07\x08\x01\x10\x00\x1a\x01"
				       "z"
				       "\x1a\x04\x08\x00\x1a\x00";
	static const char *const texts[] = {"xy", "z", ""};
	struct aggregate_record records[] = {record("a", NULL, 2), record("bb", "7", 1),
					     record("a", NULL, 0)};
	struct aggregate a = {0};
	char whole[128];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(aggregate_add(&a, &records[i], ANY_SIZE), 1);
	aggregate_seal(&a);
	assert_int_equal(write(&a, records, texts, whole), aggregate_size(&a));
	assert_int_equal(aggregate_size(&a), sizeof(expected) - 1 + HASHER_MD5_SIZE);
	assert_memory_equal(whole, expected, sizeof(expected) - 1);
	aggregate_done(&a);
}

static void the_limit_is_exact_and_a_record_without_room_changes_nothing(void **state)
{
	struct aggregate a = {0}, before;
	struct aggregate_record first = record("key", NULL, 100),
				second = record("other", "1", 300);
	uint64_t size;

	(void)state;
	assert_int_equal(aggregate_add(&a, &first, ANY_SIZE), 1);
	size = aggregate_size(&a) + (1 + 1 + 5) + (1 + 1 + 1) + 3 + (2 + 2 + 3 + 300);
	before = a;
	assert_int_equal(aggregate_add(&a, &second, size - 1), 0);
	assert_int_equal(aggregate_size(&a), aggregate_size(&before));
	assert_int_equal(a.partition.count, 1);
	assert_int_equal(a.records, 1);
	assert_int_equal(aggregate_add(&a, &second, size), 1);
	assert_int_equal(aggregate_size(&a), size);
	aggregate_done(&a);
}

/* More keys than the first tables hold: places grow to two bytes, and stay those of their keys. */
static void thousands_of_keys_are_told_apart(void **state)
{
	enum { KEYS = 5000 };
	static char texts[KEYS][8];
	struct aggregate a = {0};
	uint64_t size;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < KEYS; i++) {
			struct aggregate_record r;

			snprintf(texts[i], sizeof(texts[i]), "k%d", i);
			r = record(texts[i], NULL, 1);
			assert_int_equal(aggregate_add(&a, &r, ANY_SIZE), 1);
			assert_int_equal(r.partition_index, i);
		}
	assert_int_equal(a.partition.count, KEYS);
	size = aggregate_size(&a);
	aggregate_seal(&a);
	assert_int_equal(aggregate_size(&a), size);
	aggregate_done(&a);
}

static void a_hash_key_is_read_and_written(void **state)
{
	static const char *const good[] = {"0",
					   "7",
					   "10000000000000000000",
					   "18446744073709551616",
					   "100000000000000000000000000000000000000",
					   "340282366920938463463374607431768211455"};
	static const char *const bad[] = {"",
					  "00",
					  "-1",
					  "1x",
					  "340282366920938463463374607431768211456",
					  "1000000000000000000000000000000000000000"};
	char text[HASH_KEY_TEXT];
	struct hash_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(hash_key_read(weir_slice_of(good[i]), &key), 0);
		assert_int_equal(hash_key_write(key, text), strlen(good[i]));
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hash_key_read(weir_slice_of(bad[i]), &key), WEIR_ERR_INVALID);
}

static void the_hash_key_of_a_partition_key_is_its_md5(void **state)
{
	struct hasher *hasher = hasher_create();
	struct hash_key key;
	char text[HASH_KEY_TEXT];

	(void)state;
	assert_int_equal(hasher_key(hasher, weir_slice_of("hello"), &key), 0);
	assert_true(key.high == UINT64_C(0x5d41402abc4b2a76) &&
		    key.low == UINT64_C(0xb9719d911017c592));
	hash_key_write(key, text);
	assert_string_equal(text, "123957004363873451094272536567338222994");
	hasher_destroy(hasher);
}

/* Against libcrypto's, at all lengths around the ends of blocks, in all lanes, with gaps between. */
static void texts_hashed_together_have_the_digests_of_each_alone(void **state)
{
	enum { COUNT = 3 * HASHER_TOGETHER + 1, LONGEST = 1000 };
	struct hasher *hasher = hasher_create();
	uint8_t digests[COUNT][HASHER_MD5_SIZE], alone[HASHER_MD5_SIZE];
	struct weir_slice texts[COUNT];
	char bytes[LONGEST + COUNT];

	(void)state;
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 + i / 7);
	for (uint32_t length = 0; length < LONGEST - 2 * COUNT; length++) {
		uint32_t count = 1 + length % COUNT;

		for (uint32_t i = 0; i < count; i++)
			texts[i] = (struct weir_slice){bytes + i, i % 3 ? length + 2 * i : 5 * i};
		assert_int_equal(hasher_md5_all(hasher, texts, count, digests), 0);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(hasher_md5(hasher, texts[i].data, texts[i].size, alone),
					 0);
			assert_memory_equal(digests[i], alone, HASHER_MD5_SIZE);
		}
	}
	hasher_destroy(hasher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_aggregate_has_each_key_once),
		cmocka_unit_test(the_limit_is_exact_and_a_record_without_room_changes_nothing),
		cmocka_unit_test(thousands_of_keys_are_told_apart),
		cmocka_unit_test(a_hash_key_is_read_and_written),
		cmocka_unit_test(the_hash_key_of_a_partition_key_is_its_md5),
		cmocka_unit_test(texts_hashed_together_have_the_digests_of_each_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
