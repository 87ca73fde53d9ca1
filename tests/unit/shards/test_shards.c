// SPDX-License-Identifier: MIT
/* Maps of shards, and the answers that they are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "support/shards/shard_list.h"

#define HALF "170141183460469231731687303715884105728"
#define BELOW_HALF "170141183460469231731687303715884105727"
#define LAST "340282366920938463463374607431768211455"

#define SHARD(id, begin, end, closed)                                            \
	"{\"ShardId\":\"" id "\",\"HashKeyRange\":{\"StartingHashKey\":\"" begin \
	"\",\"EndingHashKey\":\"" end                                            \
	"\"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"" closed "}}"
#define CLOSED ",\"EndingSequenceNumber\":\"9\""

static int32_t read_one(const char *text, struct shard_map *map)
{
	struct text token = {0};
	int32_t code = shard_list_read(weir_slice_of(text), map, &token);

	text_done(&token);
	return code;
}

static void a_key_is_found_on_both_sides_of_each_edge(void **state)
{
	struct shard_map map = {0};
	const struct hash_key below = {UINT64_MAX >> 1, UINT64_MAX}, half = {UINT64_C(1) << 63, 0};

	(void)state;
	assert_int_equal(
		read_one("{\"Shards\":[" SHARD("b", HALF, LAST, "") "," SHARD(
				 "p", "0", LAST, CLOSED) "," SHARD("a", "0", BELOW_HALF, "") "]}",
			 &map),
		0);
	assert_int_equal(shard_map_seal(&map), 0);
	assert_int_equal(map.open_count, 2);
	assert_int_equal(shard_map_find(&map, (struct hash_key){0, 0}), 0);
	assert_int_equal(shard_map_find(&map, below), 0);
	assert_int_equal(shard_map_find(&map, half), 1);
	assert_int_equal(shard_map_find(&map, (struct hash_key){UINT64_MAX, UINT64_MAX}), 1);
	assert_string_equal(map.shards[0].id, "a");
	assert_true(shard_holds(shard_map_named(&map, weir_slice_of("p")), half));
	assert_false(shard_holds(shard_map_named(&map, weir_slice_of("a")), half));
	assert_null(shard_map_named(&map, weir_slice_of("c")));
	shard_map_done(&map);
}

static void pages_make_one_map(void **state)
{
	struct shard_map map = {0};
	struct text token = {0};

	(void)state;
	assert_int_equal(shard_list_read(weir_slice_of("{\"NextToken\":\"t=\",\"Shards\":[" SHARD(
						 "a", "0", BELOW_HALF, "") "]}"),
					 &map, &token),
			 0);
	assert_true(weir_slice_equals(text_slice(&token), "t="));
	assert_int_equal(shard_list_read(weir_slice_of("{\"Shards\":[" SHARD(
						 "b", HALF, LAST, "") "],"
								      "\"NextToken\":null}"),
					 &map, &token),
			 0);
	assert_int_equal(token.size, 0);
	assert_int_equal(shard_map_seal(&map), 0);
	text_done(&token);
	shard_map_done(&map);
}

static void a_map_with_a_gap_or_an_overlap_is_refused(void **state)
{
	static const char *const lists[] = {
		"{\"Shards\":[]}",
		"{\"Shards\":[" SHARD("a", "1", LAST, "") "]}",
		"{\"Shards\":[" SHARD("a", "0", BELOW_HALF, "") "]}",
		"{\"Shards\":[" SHARD("a", "0", LAST, CLOSED) "]}",
		"{\"Shards\":[" SHARD("a", "0", "5", "") "," SHARD("b", "7", LAST, "") "]}",
		"{\"Shards\":[" SHARD("a", "0", "7", "") "," SHARD("b", "7", LAST, "") "]}",
		"{\"Shards\":[" SHARD("a", "0", LAST, "") "," SHARD("b", "0", LAST, "") "]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct shard_map map = {0};

		assert_int_equal(read_one(lists[i], &map), 0);
		assert_int_equal(shard_map_seal(&map), WEIR_ERR_INVALID);
		shard_map_done(&map);
	}
}

static void what_is_no_list_of_shards_is_refused(void **state)
{
	static const char *const answers[] = {"",
					      "{}",
					      "[]",
					      "{\"Shards\":[",
					      "{\"Shards\":[{}]}",
					      "{\"Shards\":[{\"ShardId\":\"a\"}]}",
					      "{\"Shards\":[" SHARD("", "0", LAST, "") "]}",
					      "{\"Shards\":[" SHARD("a", "-1", LAST, "") "]}",
					      "{\"Shards\":[" SHARD("a", "0", LAST "0", "") "]}",
					      "{\"FailedRecordCount\":0,\"Records\":[]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct shard_map map = {0};

		assert_int_equal(read_one(answers[i], &map), WEIR_ERR_INVALID);
		shard_map_done(&map);
	}
}

static void a_summary_tells_whether_keys_count(void **state)
{
	static const struct {
		const char *answer;
		uint32_t distribution;
	} cases[] = {
		{"{\"StreamDescriptionSummary\":{\"RecordDistributionStrategy\":\"AUTO\"}}",
		 DISTRIBUTION_AUTO},
		{"{\"StreamDescriptionSummary\":{\"RecordDistributionStrategy\":\"USER_PARTITION_"
		 "KEY\"}}",
		 DISTRIBUTION_BY_KEY},
		{"{\"StreamDescriptionSummary\":{\"StreamName\":\"AUTO\"}}", DISTRIBUTION_BY_KEY},
		{"{\"RecordDistributionStrategy\":\"AUTO\"}", DISTRIBUTION_BY_KEY},
		{"{}", DISTRIBUTION_BY_KEY}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t distribution = 7;

		assert_int_equal(stream_summary_read(weir_slice_of(cases[i].answer), &distribution),
				 0);
		assert_int_equal(distribution, cases[i].distribution);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_found_on_both_sides_of_each_edge),
		cmocka_unit_test(pages_make_one_map),
		cmocka_unit_test(a_map_with_a_gap_or_an_overlap_is_refused),
		cmocka_unit_test(what_is_no_list_of_shards_is_refused),
		cmocka_unit_test(a_summary_tells_whether_keys_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
