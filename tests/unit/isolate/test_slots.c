// SPDX-License-Identifier: MIT
/* Memory for deliveries that is used again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "batch/batch.h"
#include "isolate/slots.h"

#define SMALL 1000
#define MANY (3 * BATCH_KEEP)

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct slots));
	return *state == NULL;
}

static int teardown(void **state)
{
	slots_done(*state);
	free(*state);
	return 0;
}

static struct slot *take(struct slots *slots, uint64_t size)
{
	struct weir_error error;
	struct slot *slot = slots_take(slots, size, &error);

	assert_non_null(slot);
	assert_true(slot->shared.area.size >= size);
	assert_int_equal(slot->shared.area.used, 0);
	return slot;
}

/* Bytes that the slot has pages for. */
static int64_t pages_of(const struct slot *slot)
{
	struct stat about;

	assert_int_equal(fstat(slot->shared.fd, &about), 0);
	return (int64_t)about.st_blocks * 512;
}

static void what_is_given_back_is_used_again(void **state)
{
	struct slots *slots = *state;
	struct slot *first = take(slots, SMALL), *second = take(slots, SMALL);

	assert_ptr_not_equal(first, second);
	assert_int_not_equal(first->number, second->number);
	first->shared.area.used = SMALL;
	slots_give(slots, first);
	assert_ptr_equal(take(slots, SMALL), first);
	slots_give(slots, second);
	slots_give(slots, first);
	assert_int_equal(slots->count, 2);
}

static void one_that_is_too_small_is_not_taken(void **state)
{
	struct slots *slots = *state;
	struct slot *small = take(slots, SMALL), *large;

	slots_give(slots, small);
	large = take(slots, small->shared.area.size + 1);
	assert_ptr_not_equal(large, small);
	assert_ptr_equal(take(slots, SMALL), small);
	slots_give(slots, large);
	slots_give(slots, small);
}

static void another_process_knows_none(void **state)
{
	struct slots *slots = *state;
	struct slot *slot = take(slots, SMALL);

	assert_false(slot->is_known);
	slot->is_known = 1;
	slots_give(slots, slot);
	assert_true(take(slots, SMALL)->is_known);
	slots_forget(slots);
	assert_false(slot->is_known);
	slots_give(slots, slot);
}

static void the_pages_of_a_burst_go_back_to_the_kernel(void **state)
{
	struct slots *slots = *state;
	struct slot *taken[MANY];
	int64_t pages = 0;

	for (int i = 0; i < MANY; i++) {
		taken[i] = take(slots, SMALL);
		memset(taken[i]->shared.area.data, 1, SMALL);
	}
	for (int i = 0; i < MANY; i++) {
		assert_true(pages_of(taken[i]) > 0);
		slots_give(slots, taken[i]);
	}
	for (int i = 0; i < MANY; i++)
		pages += pages_of(taken[i]) > 0;
	assert_int_equal(pages, BATCH_KEEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_given_back_is_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_is_too_small_is_not_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_process_knows_none, setup, teardown),
		cmocka_unit_test_setup_teardown(the_pages_of_a_burst_go_back_to_the_kernel, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
