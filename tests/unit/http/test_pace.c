// SPDX-License-Identifier: MIT
/* The arithmetic of concurrency and waits. Compiled in: it is not part of a library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/pace.c"

static void the_limit_grows_by_one_after_a_run_of_successes(void **state)
{
	struct pace pace;

	(void)state;
	pace_start(&pace, 16, 1, 1);
	assert_int_equal(pace_limit(&pace), 2);
	pace_success(&pace, 1);
	assert_int_equal(pace_limit(&pace), 2);
	pace_success(&pace, 1);
	assert_int_equal(pace_limit(&pace), 3);
	for (int i = 0; i < 1000; i++)
		pace_success(&pace, 1);
	assert_int_equal(pace_limit(&pace), 16);
}

static void the_limit_does_not_grow_where_nothing_waits(void **state)
{
	struct pace pace;

	(void)state;
	pace_start(&pace, 16, 1, 1);
	for (int i = 0; i < 100; i++)
		pace_success(&pace, 0);
	assert_int_equal(pace_limit(&pace), 2);
}

static void one_burst_of_failures_halves_once(void **state)
{
	struct pace pace;

	(void)state;
	pace_start(&pace, 16, 1, 1);
	pace.limit = 16;
	for (uint64_t i = 0; i < 16; i++)
		pace_failure(&pace, 100 + i, 200 + i); /* all had started before the first failed */
	pace_success(&pace, 0);
	assert_int_equal(pace_limit(&pace), 8);
	pace_failure(&pace, 300, 400);
	assert_int_equal(pace_limit(&pace), 4);
}

static void failures_in_a_row_leave_one_probe_at_a_time(void **state)
{
	struct pace pace;

	(void)state;
	pace_start(&pace, 16, 1, 1);
	pace.limit = 16;
	for (int i = 0; i < PACE_PROBE; i++)
		pace_failure(&pace, 1, 2);
	assert_int_equal(pace_limit(&pace), 1);
	pace_success(&pace, 0);
	assert_int_equal(pace_limit(&pace), 8);
}

static void waits_are_spread_below_a_doubling_bound(void **state)
{
	struct pace pace;
	uint64_t bounds[] = {100, 200, 400, 800, 1000, 1000};

	(void)state;
	pace_start(&pace, 16, 100, 1000);
	for (uint32_t tries = 1; tries <= 6; tries++) {
		uint64_t most = 0, sum = 0;

		for (int i = 0; i < 4000; i++) {
			uint64_t wait = pace_wait_ns(&pace, tries);

			assert_true(wait <= bounds[tries - 1]);
			most = wait > most ? wait : most;
			sum += wait;
		}
		assert_true(most > bounds[tries - 1] * 9 / 10);
		assert_in_range(sum / 4000, bounds[tries - 1] * 4 / 10, bounds[tries - 1] * 6 / 10);
	}
	assert_true(pace_wait_ns(&pace, UINT32_MAX) <= 1000);
}

static void a_success_ends_what_failures_have_lengthened(void **state)
{
	struct pace pace;

	(void)state;
	pace_start(&pace, 16, 100, 1000);
	for (int i = 0; i < 10; i++)
		pace_failure(&pace, 1, 2);
	assert_int_equal(pace.failing, 10);
	pace_success(&pace, 0);
	pace_failure(&pace, 3, 4);
	assert_int_equal(pace.failing, 1); /* which is what the client's own waits go by */
	for (int i = 0; i < 1000; i++)
		assert_true(pace_wait_ns(&pace, pace.failing) <= 100);
}

static void a_server_is_obeyed_within_bounds(void **state)
{
	struct pace pace;

	(void)state;
	pace_start(&pace, 16, 100, 1000);
	assert_in_range(pace_asked_wait_ns(&pace, 2), 2000000000, 2200000000);
	assert_true(pace_asked_wait_ns(&pace, UINT64_MAX) <= UINT64_C(330000000000));
	assert_in_range(pace_slow_wait_ns(&pace), 500, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_grows_by_one_after_a_run_of_successes),
		cmocka_unit_test(the_limit_does_not_grow_where_nothing_waits),
		cmocka_unit_test(one_burst_of_failures_halves_once),
		cmocka_unit_test(failures_in_a_row_leave_one_probe_at_a_time),
		cmocka_unit_test(waits_are_spread_below_a_doubling_bound),
		cmocka_unit_test(a_success_ends_what_failures_have_lengthened),
		cmocka_unit_test(a_server_is_obeyed_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
