// SPDX-License-Identifier: MIT
/* A token bucket by a clock of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/rate/bucket.h"

#define SECOND UINT64_C(1000000000)

/* Items of `bytes` that go in a time of so many seconds, each as soon as it may. */
static uint32_t count_items(struct bucket *b, uint64_t from_ns, uint64_t seconds, double bytes)
{
	uint64_t now = from_ns, wait;
	uint32_t count = 0;

	for (;;) {
		wait = bucket_wait_ns(b, now);
		if (now + wait >= from_ns + seconds * SECOND)
			return count;
		now += wait;
		if (wait)
			continue;
		bucket_take(b, 1, bytes);
		count++;
	}
}

static void no_more_goes_than_the_rate_and_a_burst_of_a_second(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 100, 1000000, 0, SECOND);
	assert_in_range(count_items(&b, SECOND, 10, 1), 1090, 1101);
	bucket_init(&b, 1000, 10000, 0, SECOND);
	assert_in_range(count_items(&b, SECOND, 10, 100), 1080, 1102);
}

static void an_item_larger_than_the_bucket_goes_and_leaves_a_debt(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 100, 1000, 0, SECOND);
	assert_int_equal(bucket_wait_ns(&b, SECOND), 0);
	bucket_take(&b, 1, 5000);
	assert_in_range(bucket_wait_ns(&b, SECOND), 4 * SECOND, 4 * SECOND + SECOND / 100);
	assert_int_equal(bucket_wait_ns(&b, 5 * SECOND + SECOND / 100), 0);
}

static void a_throttle_halves_the_rate_once_for_what_was_sent_before(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 100, 1000000, 0, SECOND);
	bucket_throttled(&b, SECOND, 2 * SECOND);
	bucket_throttled(&b, SECOND + 1, 2 * SECOND + 1); /* sent before the cut */
	assert_true(b.share > 0.49 && b.share < 0.51);
	bucket_throttled(&b, 2 * SECOND + 2, 2 * SECOND + 3);
	assert_true(b.share > 0.24 && b.share < 0.26);
	assert_in_range(count_items(&b, 2 * SECOND + 3, 1, 1), 20, 30);
}

static void after_a_debt_a_reserve_gathers_first(void **state)
{
	struct bucket b;
	uint64_t now = SECOND;

	(void)state;
	bucket_init(&b, 100, 1000000, 0.2, now);
	bucket_take(&b, 100, 1);
	assert_in_range(bucket_wait_ns(&b, now), SECOND / 5, SECOND / 5 + SECOND / 100);
	now += SECOND / 5 + SECOND / 100;
	for (int i = 0; i < 20; i++, bucket_take(&b, 1, 1))
		assert_int_equal(bucket_wait_ns(&b, now), 0);
	assert_true(bucket_wait_ns(&b, now) == 0 || b.in_debt);
	bucket_take(&b, 2, 1);
	assert_true(bucket_wait_ns(&b, now) > SECOND / 5);
}

static void the_rate_grows_back_and_never_falls_to_nothing(void **state)
{
	struct bucket b;
	uint64_t now = SECOND;

	(void)state;
	bucket_init(&b, 100, 1000000, 0, now);
	for (int i = 0; i < 50; i++, now += 2)
		bucket_throttled(&b, now, now + 1);
	assert_true(b.share >= BUCKET_SHARE_MIN && b.share < BUCKET_SHARE_MIN * 1.01);
	(void)bucket_wait_ns(&b, now + BUCKET_RECOVERY_NS / 2);
	assert_true(b.share > 0.5 && b.share < 0.53);
	(void)bucket_wait_ns(&b, now + BUCKET_RECOVERY_NS);
	assert_true(b.share == 1);
}

static void without_a_rate_all_goes(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 0, 0, 0, SECOND);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(bucket_wait_ns(&b, SECOND), 0);
		bucket_take(&b, 1, 1e9);
	}
	bucket_throttled(&b, SECOND, SECOND);
	assert_int_equal(bucket_wait_ns(&b, SECOND), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_goes_than_the_rate_and_a_burst_of_a_second),
		cmocka_unit_test(an_item_larger_than_the_bucket_goes_and_leaves_a_debt),
		cmocka_unit_test(a_throttle_halves_the_rate_once_for_what_was_sent_before),
		cmocka_unit_test(after_a_debt_a_reserve_gathers_first),
		cmocka_unit_test(the_rate_grows_back_and_never_falls_to_nothing),
		cmocka_unit_test(without_a_rate_all_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
