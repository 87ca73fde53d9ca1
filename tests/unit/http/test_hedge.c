// SPDX-License-Identifier: MIT
/* What counts as late, and how many copies that is worth. Compiled in: it is not part of a library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/hedge.c"

#define MS UINT64_C(1000000)

static struct hedge hedge_after(uint32_t answers, uint64_t each_ns)
{
	struct hedge hedge;

	hedge_init(&hedge, 1);
	for (uint32_t i = 0; i < answers; i++)
		hedge_answered(&hedge, each_ns);
	return hedge;
}

static void nothing_is_late_before_enough_is_known_or_when_it_is_off(void **state)
{
	struct hedge hedge = hedge_after(HEDGE_WINDOW - 1, 50 * MS);

	(void)state;
	assert_int_equal(hedge.late_ns, 0);
	hedge_answered(&hedge, 50 * MS);
	assert_int_equal(hedge.late_ns, 50 * MS);
	hedge_init(&hedge, 0);
	for (uint32_t i = 0; i < 10 * HEDGE_WINDOW; i++)
		hedge_answered(&hedge, 50 * MS);
	assert_int_equal(hedge.late_ns, 0);
}

static void late_is_what_99_of_100_are_not(void **state)
{
	struct hedge hedge = hedge_after(0, 0);

	(void)state;
	for (uint64_t i = 1; i <= HEDGE_WINDOW; i++) /* in no order */
		hedge_answered(&hedge, 100 * MS * (i * 37 % HEDGE_WINDOW + 1));
	assert_int_equal(hedge.late_ns, 100 * MS * (HEDGE_WINDOW - 1));
	for (uint64_t i = 0; i < 5 * HEDGE_WINDOW; i++) /* what it was like before is forgotten */
		hedge_answered(&hedge, 20 * MS);
	assert_int_equal(hedge.late_ns, 20 * MS);
	hedge = hedge_after(HEDGE_WINDOW, 1);
	assert_int_equal(hedge.late_ns, HEDGE_MIN_NS);
}

static void copies_are_a_small_share(void **state)
{
	struct hedge hedge = hedge_after(0, 0);
	uint32_t copies = 0;

	(void)state;
	assert_int_equal(hedge_take(&hedge), 0);
	for (uint32_t i = 0; i < 1000 * HEDGE_SHARE; i++) {
		hedge_started(&hedge);
		copies += (uint32_t)hedge_take(&hedge);
	}
	assert_int_equal(copies, 1000);
	for (uint32_t i = 0; i < 1000 * HEDGE_SHARE;
	     i++) /* quiet times are not saved up for ever */
		hedge_started(&hedge);
	for (copies = 0; hedge_take(&hedge);)
		copies++;
	assert_int_equal(copies, HEDGE_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_late_before_enough_is_known_or_when_it_is_off),
		cmocka_unit_test(late_is_what_99_of_100_are_not),
		cmocka_unit_test(copies_are_a_small_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
