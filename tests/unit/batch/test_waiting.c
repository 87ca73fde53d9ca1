// SPDX-License-Identifier: MIT
/* Readers that wait for memory: whoever was refused is told when there is room again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>

#define BATCH_BYTES 100
#define BATCHES 8 /* for which there is room; nine tenths of the bound are for readers */

static void (*between_looks)(void);
static int reliefs;

/* What another thread does after the first look of an admission and before the second. */
static void intervene(void)
{
	void (*call)(void) = between_looks;

	between_looks = NULL;
	if (call)
		call();
}

#undef atomic_store
#define atomic_store(object, value)  \
	do {                         \
		*(object) = (value); \
		intervene();         \
	} while (0)
#include "batch/budget.c"

static struct budget budget;

static void on_relief(void *user)
{
	(void)user;
	reliefs++;
}

static int setup(void **state)
{
	(void)state;
	reliefs = 0;
	between_looks = NULL;
	budget_init(&budget, (BATCHES + 1) * BATCH_BYTES * 10 / 9, BATCH_BYTES, on_relief, NULL);
	budget_charge(&budget, (BATCHES + 1) * BATCH_BYTES);
	return 0;
}

static void give_back(void)
{
	budget_charge(&budget, -BATCH_BYTES);
}

static void give_back_all(void)
{
	while (budget.used)
		give_back();
}

static void who_was_refused_is_told_when_there_is_much_room(void **state)
{
	(void)state;
	assert_false(budget_admit(&budget));
	give_back();
	assert_int_equal(reliefs, 0);
	give_back_all();
	assert_int_equal(reliefs, 1);
}

static void room_that_came_between_the_looks_is_seen(void **state)
{
	(void)state;
	between_looks = give_back;
	assert_true(budget_admit(&budget));
}

/* The first waits already when another one is admitted at its second look. */
static void who_is_admitted_leaves_those_who_wait_their_turn(void **state)
{
	(void)state;
	assert_false(budget_admit(&budget));
	between_looks = give_back;
	assert_true(budget_admit(&budget));
	budget_charge(&budget, BATCH_BYTES);
	give_back_all();
	assert_int_equal(reliefs, 1);
}

/* What came back just then has told it, or it finds the room itself. */
static void all_that_comes_between_the_looks_is_not_missed(void **state)
{
	(void)state;
	between_looks = give_back_all;
	assert_true(budget_admit(&budget) || reliefs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_was_refused_is_told_when_there_is_much_room, setup),
		cmocka_unit_test_setup(room_that_came_between_the_looks_is_seen, setup),
		cmocka_unit_test_setup(who_is_admitted_leaves_those_who_wait_their_turn, setup),
		cmocka_unit_test_setup(all_that_comes_between_the_looks_is_not_missed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
