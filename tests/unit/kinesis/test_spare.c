// SPDX-License-Identifier: MIT
/* Memory that is kept for the next shipment: which is, and what the bound on memory is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mock_host.h"
#include "output/kinesis/spare.h"

#define UNIT (UINT64_C(256) << 10)

static struct {
	struct mock_host host;
	struct spare spare;
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	mock_host_create(&t.host);
	spare_init(&t.spare, &t.host.services, mock_context(&t.host));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spare_done(&t.spare);
	assert_int_equal(t.host.memory, 0);
	mock_host_destroy(&t.host);
	return 0;
}

static void room_for_a_full_shipment_is_kept_for_the_next(void **state)
{
	struct room first = spare_take(&t.spare, 20 * UNIT - 5), next;
	char *data = first.data;

	(void)state;
	assert_int_equal(first.size, 20 * UNIT);
	assert_int_equal(t.host.memory, 20 * UNIT);
	spare_give(&t.spare, &first);
	assert_null(first.data);
	assert_int_equal(t.host.memory, 20 * UNIT);
	next = spare_take(&t.spare, 20 * UNIT);
	assert_ptr_equal(next.data, data);
	spare_give(&t.spare, &next);
	spare_clear(&t.spare);
	assert_int_equal(t.host.memory, 0);
}

static void only_one_is_kept(void **state)
{
	struct room one = spare_take(&t.spare, UNIT), other = spare_take(&t.spare, 2 * UNIT);

	(void)state;
	spare_give(&t.spare, &one);
	spare_give(&t.spare, &other);
	assert_int_equal(t.host.memory, 2 * UNIT);
}

static void what_is_too_small_goes(void **state)
{
	struct room room = spare_take(&t.spare, 2 * UNIT);

	(void)state;
	spare_give(&t.spare, &room);
	room = spare_take(&t.spare, 2 * UNIT + 1);
	assert_int_equal(room.size, 3 * UNIT);
	assert_int_equal(t.host.memory, 3 * UNIT);
	spare_give(&t.spare, &room);
}

static void little_is_not_kept_and_keeps_nothing(void **state)
{
	const uint64_t sizes[] = {0, 1, UNIT - 1};
	struct room kept = spare_take(&t.spare, UNIT);

	(void)state;
	spare_give(&t.spare, &kept);
	for (uint32_t i = 0; i < 3; i++) {
		struct room room = spare_take(&t.spare, sizes[i]);

		assert_non_null(room.data);
		assert_true(room.size >= sizes[i]);
		memset(room.data, 1, sizes[i]);
		spare_give(&t.spare, &room);
		assert_int_equal(t.host.memory, UNIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(room_for_a_full_shipment_is_kept_for_the_next,
						setup, teardown),
		cmocka_unit_test_setup_teardown(only_one_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_small_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(little_is_not_kept_and_keeps_nothing, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
