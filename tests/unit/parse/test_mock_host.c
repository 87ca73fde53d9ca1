// SPDX-License-Identifier: MIT
/* The mock host keeps the promises that tests of plugins lean on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mock_host.h"

static void lines_become_records_with_their_positions(void **state)
{
	struct mock_host host;
	struct weir_batch *batch;

	(void)state;
	mock_host_create(&host);
	batch = mock_batch_lines(&host, weir_slice_of("one\n\nthree"), 0);
	assert_int_equal(batch->record_count, 3);
	assert_true(mock_field_is(batch, 0, "message", "one"));
	assert_true(mock_field_is(batch, 1, "message", ""));
	assert_true(mock_field_is(batch, 2, "message", "three"));
	assert_int_equal(batch->records[2].position, 5);
	assert_int_equal(batch->records[0].span, 4);
	assert_int_equal(batch->records[2].span, 5);
	mock_batch_free(batch);
	mock_host_destroy(&host);
}

static void a_reservation_gives_exactly_what_was_asked_for(void **state)
{
	struct mock_host host;
	struct weir_batch *batch;
	uint32_t row;

	(void)state;
	mock_host_create(&host);
	batch = mock_batch_lines(&host, weir_slice_of("x\n"), 0);
	assert_int_equal(host.services.batch_reserve(batch, 0, 2, 3), WEIR_OK);
	assert_non_null(weir_batch_row(batch, 2, &row));
	assert_null(weir_batch_row(batch, 1, &row));
	assert_non_null(weir_batch_text(batch, 3, NULL));
	assert_null(weir_batch_text(batch, 1, NULL));
	assert_null(weir_batch_record(batch));
	mock_batch_free(batch);
	mock_host_destroy(&host);
}

static void a_held_record_travels_by_its_claim(void **state)
{
	struct mock_host host;
	struct weir_batch *batch, *later;
	struct weir_claim *claim;

	(void)state;
	mock_host_create(&host);
	batch = mock_batch_lines(&host, weir_slice_of("x\n"), 0);
	claim = host.services.record_hold(mock_context(&host), batch, 0);
	assert_true(batch->records[0].flags & WEIR_RECORD_HELD);
	mock_batch_free(batch);
	assert_int_equal(host.services.batch_begin(mock_context(&host), &later), WEIR_OK);
	assert_int_equal(host.services.batch_source(later, claim), 0);
	host.services.batch_claim(later, claim);
	assert_int_equal(host.services.batch_emit(mock_context(&host), later), WEIR_OK);
	assert_int_equal(host.claims_live, 1);
	later = mock_take_emitted(&host);
	assert_true(weir_slice_equals(later->sources[0]->name, "/var/log/test.log"));
	mock_batch_free(later);
	assert_int_equal(host.claims_live, 0);
	mock_host_destroy(&host);
}

static void equal_keys_give_one_shape(void **state)
{
	struct mock_host host;
	struct weir_batch *batch;
	const struct weir_slice keys[] = {{"a", 1}, {"b", 1}};
	uint16_t first, second;

	(void)state;
	mock_host_create(&host);
	batch = mock_batch_lines(&host, weir_slice_of("x\n"), 0);
	assert_int_equal(host.services.batch_shape(batch, keys, 2, &first), WEIR_OK);
	assert_int_equal(host.services.batch_shape(batch, keys, 2, &second), WEIR_OK);
	assert_int_equal(first, second);
	assert_true(weir_slice_equals(batch->shapes[first]->keys[1]->json, "\"b\":"));
	mock_batch_free(batch);
	mock_host_destroy(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_records_with_their_positions),
		cmocka_unit_test(a_reservation_gives_exactly_what_was_asked_for),
		cmocka_unit_test(a_held_record_travels_by_its_claim),
		cmocka_unit_test(equal_keys_give_one_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
