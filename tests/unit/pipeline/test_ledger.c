// SPDX-License-Identifier: MIT
/* The ledger commits, per output, the contiguous prefix of what has an outcome, and nothing more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pipeline/ledger.h"

static const uint64_t nothing[2] = {0, 0};

static int release(struct ledger *ledger, struct claim *claim, int32_t output)
{
	int empty;

	return (int)ledger_release(ledger, claim, output, &empty);
}

static void a_later_claim_waits_for_an_earlier_one(void **state)
{
	struct ledger ledger;
	struct claim *first, *second;

	(void)state;
	assert_int_equal(ledger_init(&ledger, 1, nothing), 0);
	first = ledger_add(&ledger, NULL, 100);
	second = ledger_add(&ledger, NULL, 250);
	assert_int_equal(release(&ledger, second, 0), 0);
	assert_int_equal(ledger.committed[0], 0);
	assert_int_equal(release(&ledger, first, 0), 250);
	assert_int_equal(ledger.committed[0], 250);
	assert_true(ledger_is_empty(&ledger));
	ledger_done(&ledger);
}

static void outputs_advance_independently(void **state)
{
	struct ledger ledger;
	struct claim *claim;

	(void)state;
	assert_int_equal(ledger_init(&ledger, 2, nothing), 0);
	claim = ledger_add(&ledger, NULL, 100);
	assert_int_equal(release(&ledger, claim, 1), 100);
	assert_int_equal(ledger.committed[1], 100);
	assert_int_equal(ledger.committed[0], 0);
	assert_int_equal(ledger_acked(&ledger), 0);
	assert_false(ledger_is_empty(&ledger));
	assert_int_equal(release(&ledger, claim, 0), 100);
	assert_int_equal(ledger_acked(&ledger), 100);
	ledger_done(&ledger);
}

static void a_held_claim_is_not_committed(void **state)
{
	struct ledger ledger;
	struct claim *claim;

	(void)state;
	assert_int_equal(ledger_init(&ledger, 2, nothing), 0);
	claim = ledger_add(&ledger, NULL, 100);
	ledger_hold(&ledger, claim, -1);
	ledger_hold(&ledger, claim, 1);
	assert_int_equal(release(&ledger, claim, -1), 0);
	assert_int_equal(release(&ledger, claim, 0), 100);
	assert_int_equal(release(&ledger, claim, 1), 0);
	assert_int_equal(ledger.committed[1], 0);
	assert_int_equal(release(&ledger, claim, 1), 100);
	assert_int_equal(ledger.committed[1], 100);
	ledger_done(&ledger);
}

static void an_output_ahead_never_goes_back(void **state)
{
	static const uint64_t positions[2] = {100, 500};
	struct ledger ledger;
	struct claim *claim;

	(void)state;
	assert_int_equal(ledger_init(&ledger, 2, positions), 0);
	claim = ledger_add(&ledger, NULL, 300);
	assert_int_equal(release(&ledger, claim, 1), 0);
	assert_int_equal(ledger.committed[1], 500);
	assert_int_equal(release(&ledger, claim, 0), 200);
	assert_int_equal(ledger.committed[0], 300);
	ledger_done(&ledger);
}

/* Any order of 1,000 releases ends at the last position, and is at every step the prefix. */
static void random_orders_commit_exactly_the_prefix(void **state)
{
	enum { COUNT = 1000 };
	struct ledger ledger;
	struct claim *claims[COUNT];
	int order[COUNT];
	int done[COUNT] = {0};
	int prefix = 0;

	(void)state;
	srand(7);
	assert_int_equal(ledger_init(&ledger, 1, nothing), 0);
	for (int i = 0; i < COUNT; i++) {
		claims[i] = ledger_add(&ledger, NULL, (uint64_t)(i + 1) * 10);
		order[i] = i;
	}
	for (int i = COUNT - 1; i > 0; i--) {
		int other = rand() % (i + 1);
		int swap = order[i];

		order[i] = order[other];
		order[other] = swap;
	}
	for (int i = 0; i < COUNT; i++) {
		release(&ledger, claims[order[i]], 0);
		done[order[i]] = 1;
		while (prefix < COUNT && done[prefix])
			prefix++;
		assert_int_equal(ledger.committed[0], prefix * 10);
	}
	assert_true(ledger_is_empty(&ledger));
	ledger_done(&ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_claim_waits_for_an_earlier_one),
		cmocka_unit_test(outputs_advance_independently),
		cmocka_unit_test(a_held_claim_is_not_committed),
		cmocka_unit_test(an_output_ahead_never_goes_back),
		cmocka_unit_test(random_orders_commit_exactly_the_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
