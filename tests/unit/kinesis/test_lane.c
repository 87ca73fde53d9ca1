// SPDX-License-Identifier: MIT
/* Lanes without a service: what is cut from them, and where what comes back goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "output/kinesis/lane.h"

#define RECORDS 64

static struct {
	struct lot lot;
	struct record records[RECORDS];
	struct lane lane;
	struct lane_limits limits;
} t;

static int setup(void **state)
{
	static const struct shard shard = {.id = "shardId-000000000000"};
	static char keys[] = "akbk";

	(void)state;
	memset(&t, 0, sizeof(t));
	t.lot.keys = keys;
	lane_init(&t.lane, &shard);
	t.limits = (struct lane_limits){.aggregate_bytes = 1000, .aggregate_records = 1000};
	for (uint32_t i = 0; i < RECORDS; i++)
		t.records[i] =
			(struct record){.lot = &t.lot, .number = i, .size = 10, .key_size = 2};
	return 0;
}

static void append(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		lane_append(&t.lane, &t.records[i]);
}

static void assert_numbers(const struct record *first, uint32_t from, uint32_t to)
{
	for (; first; first = first->next)
		assert_int_equal(first->number, from++);
	assert_int_equal(from, to);
}

static void what_comes_back_takes_its_place(void **state)
{
	struct parcel one, other;

	(void)state;
	append(0, 30);
	t.limits.aggregate_records = 10;
	assert_int_equal(lane_cut(&t.lane, &t.limits, &one), 0);
	assert_int_equal(lane_cut(&t.lane, &t.limits, &other), 0);
	assert_numbers(t.lane.first, 20, 30);
	lane_return(&t.lane, one.first);
	lane_return(&t.lane, other.first);
	assert_numbers(t.lane.first, 0, 30);
	assert_int_equal(t.lane.count, 30);
	append(30, 31);
	assert_numbers(t.lane.first, 0, 31);
	parcel_done(&one);
	parcel_done(&other);
}

static void a_lane_is_empty_after_its_last_record_and_takes_more(void **state)
{
	struct parcel parcel;

	(void)state;
	append(0, 3);
	assert_int_equal(lane_cut(&t.lane, &t.limits, &parcel), 0);
	assert_int_equal(parcel.count, 3);
	assert_true(t.lane.count == 0 && t.lane.bytes == 0 && !t.lane.first);
	parcel_done(&parcel);
	append(3, 5);
	assert_numbers(t.lane.first, 3, 5);
}

static void a_parcel_counts_what_the_service_counts(void **state)
{
	struct parcel parcel;

	(void)state;
	append(0, 1);
	assert_int_equal(lane_cut(&t.lane, &t.limits, &parcel), 0);
	assert_int_equal(parcel.bytes, 12); /* as it is, with its key */
	parcel_done(&parcel);
	append(1, 3);
	assert_int_equal(lane_cut(&t.lane, &t.limits, &parcel), 0);
	assert_int_equal(parcel.bytes, AGGREGATE_ENVELOPE + 4 + 2 * (2 + 2 + 2 + 10) + 1);
	parcel_done(&parcel);
}

static void without_a_shard_only_one_hash_key_goes_together(void **state)
{
	struct parcel parcel;

	(void)state;
	lane_init(&t.lane, NULL);
	for (uint32_t i = 0; i < 9; i++)
		t.records[i].hash.low = i / 3;
	append(0, 9);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(lane_cut(&t.lane, &t.limits, &parcel), 0);
		assert_numbers(parcel.first, 3 * i, 3 * i + 3);
		parcel_done(&parcel);
	}
}

static void a_record_that_no_aggregate_holds_is_cut_alone(void **state)
{
	struct parcel parcel;

	(void)state;
	t.records[1].size = 2000;
	append(0, 4);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(lane_cut(&t.lane, &t.limits, &parcel), 0);
		assert_int_equal(parcel.count, 1);
		parcel_done(&parcel);
	}
	assert_int_equal(parcel.bytes, 2002);
	assert_int_equal(lane_cut(&t.lane, &t.limits, &parcel), 0);
	assert_int_equal(parcel.count, 2);
	parcel_done(&parcel);
}

static void a_lane_is_full_with_a_whole_aggregate(void **state)
{
	(void)state;
	t.limits.aggregate_bytes = 10 * (10 + RECORD_OVERHEAD);
	append(0, 9);
	assert_false(lane_full(&t.lane, &t.limits));
	append(9, 10);
	assert_true(lane_full(&t.lane, &t.limits));
}

static void whole_parcels_are_counted_with_their_bytes(void **state)
{
	uint64_t bytes = 5;

	(void)state;
	t.limits.aggregate_bytes = 10 * (10 + RECORD_OVERHEAD);
	append(0, 29);
	assert_int_equal(lane_whole(&t.lane, &t.limits, &bytes), 2);
	assert_int_equal(bytes, 5 + 2 * t.limits.aggregate_bytes);
	t.limits.aggregate_records = 4;
	assert_int_equal(lane_whole(&t.lane, &t.limits, &bytes), 7);
	t.limits = (struct lane_limits){UINT64_MAX, 1};
	bytes = 0;
	assert_int_equal(lane_whole(&t.lane, &t.limits, &bytes), 29);
	assert_int_equal(bytes, t.lane.bytes);
}

#define LANE_TEST(name) cmocka_unit_test_setup(name, setup)

/* ---- waits ---- */

#define TRIES 4000

static const struct lane_backoff backoff = {100, 1000};

static uint64_t any_number(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A lane that has failed `before` times in a row fails once more, at `now`. */
static uint64_t wait_after(uint32_t before, int is_held, uint64_t now)
{
	t.lane.failures = before;
	t.lane.not_before_ns = now;
	lane_failed(&t.lane, &backoff, is_held, any_number(), now);
	assert_int_equal(t.lane.failures, before + (before < UINT32_MAX));
	assert_true(t.lane.not_before_ns >= now);
	return t.lane.not_before_ns - now;
}

static void assert_spread(uint32_t before, int is_held, uint64_t least, uint64_t most)
{
	uint64_t shortest = UINT64_MAX, longest = 0, sum = 0, tenth = (most - least) / 10;

	for (int i = 0; i < TRIES; i++) {
		uint64_t wait = wait_after(before, is_held, 5000);

		assert_in_range(wait, least, most);
		shortest = wait < shortest ? wait : shortest;
		longest = wait > longest ? wait : longest;
		sum += wait;
	}
	assert_true(shortest < least + tenth);
	assert_true(longest > most - tenth);
	assert_in_range(sum / TRIES, (least + most) / 2 - tenth, (least + most) / 2 + tenth);
}

static void waits_have_full_jitter_below_a_bound_that_doubles_up_to_the_longest(void **state)
{
	const uint64_t bounds[] = {100, 200, 400, 800, 1000, 1000};

	(void)state;
	for (uint32_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		assert_spread(i, 0, 0, bounds[i]);
	assert_true(wait_after(UINT32_MAX, 0, 0) <= 1000);
}

static void waits_for_an_operator_are_of_the_long_ones(void **state)
{
	(void)state;
	assert_spread(0, 1, 500, 1000);
	assert_spread(9, 1, 500, 1000);
}

static void what_fails_together_counts_once_and_a_success_starts_anew(void **state)
{
	uint64_t until;

	(void)state;
	lane_failed(&t.lane, &backoff, 0, 99, 5000);
	until = t.lane.not_before_ns;
	assert_int_equal(until, 5099);
	lane_failed(&t.lane, &backoff, 0, 3, until - 1);
	assert_int_equal(t.lane.failures, 1);
	assert_int_equal(t.lane.not_before_ns, until);
	lane_failed(&t.lane, &backoff, 0, 200, until);
	assert_int_equal(t.lane.failures, 2);
	assert_int_equal(t.lane.not_before_ns, until + 200);
	lane_worked(&t.lane);
	lane_failed(&t.lane, &backoff, 0, 200, 9000); /* modulo 101 */
	assert_int_equal(t.lane.not_before_ns, 9099);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(what_comes_back_takes_its_place),
		LANE_TEST(a_lane_is_empty_after_its_last_record_and_takes_more),
		LANE_TEST(a_parcel_counts_what_the_service_counts),
		LANE_TEST(without_a_shard_only_one_hash_key_goes_together),
		LANE_TEST(a_record_that_no_aggregate_holds_is_cut_alone),
		LANE_TEST(a_lane_is_full_with_a_whole_aggregate),
		LANE_TEST(whole_parcels_are_counted_with_their_bytes),
		LANE_TEST(waits_have_full_jitter_below_a_bound_that_doubles_up_to_the_longest),
		LANE_TEST(waits_for_an_operator_are_of_the_long_ones),
		LANE_TEST(what_fails_together_counts_once_and_a_success_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
