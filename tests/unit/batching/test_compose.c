// SPDX-License-Identifier: MIT
/* Bodies that the output composes itself, and records that meet different fates. */
#include "batching_fixture.h"

static void a_composed_body_has_the_records_of_its_parts(void **state)
{
	struct batching_options options = composing(100, 1 << 20);

	(void)state;
	options.in_flight_max = 1;
	begin(&options);
	write_lines("x\n", NULL);
	write_lines("a\nb\nc\n", "+-+");
	write_lines("d\ne\n", "-+");
	assert_int_equal(t.host.memory, 1 << 16);
	batching_delivered(t.batching, t.requests[0]);
	assert_string_equal(body_of(t.requests[1]), "<a><c><e>");
	batching_delivered(t.batching, t.requests[1]);
	assert_int_equal(t.host.memory, 0);
}

static void measured_sizes_bound_a_request(void **state)
{
	struct batching_options options = composing(100, 6);

	(void)state;
	begin(&options);
	write_lines("aa\nbb\ncc\n", NULL);
	assert_int_equal(t.request_count, 2);
	assert_string_equal(body_of(t.requests[0]), "<aa><bb>");
	assert_string_equal(body_of(t.requests[1]), "<cc>");
}

static void a_refused_record_is_dead_before_it_is_sent(void **state)
{
	struct batching_options options = composing(100, 1 << 20);
	struct delivery *d, *whole;

	(void)state;
	begin(&options);
	d = write_lines("a\nmuch too long\nb\n", NULL);
	assert_int_equal(d->outcomes[1], WEIR_OUTCOME_DEAD);
	assert_string_equal(body_of(t.requests[0]), "<a><b>");
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(d->settled, 3);
	whole = write_lines("much too long\nand this\n", NULL);
	assert_int_equal(whole->settled, 2);
	assert_int_equal(t.request_count, 1);
}

static void exactly_the_failed_records_are_sent_again(void **state)
{
	struct batching_options options = composing(100, 1 << 20);
	const struct batching_fate fates[] = {{.outcome = WEIR_OUTCOME_DELIVERED},
					      {.outcome = 0},
					      {.outcome = 0},
					      {.outcome = WEIR_OUTCOME_DEAD, .reason = "no"},
					      {.outcome = 0}};
	struct delivery *d;

	(void)state;
	begin(&options);
	d = write_lines("a\nb\nc\nd\ne\n", NULL);
	assert_int_equal(batching_settle(t.batching, t.requests[0], fates), WEIR_HTTP_TRY_AGAIN);
	assert_string_equal(body_of(t.requests[0]), "<b><c><e>");
	assert_int_equal(t.requests[0]->http.record_count, 3);
	assert_int_equal(d->outcomes[0], WEIR_OUTCOME_DELIVERED);
	assert_int_equal(d->outcomes[3], WEIR_OUTCOME_DEAD);
	assert_int_equal(d->settled, 2);
	assert_int_equal(batching_settle(t.batching, t.requests[0], &fates[0]),
			 WEIR_HTTP_TRY_AGAIN);
	assert_string_equal(body_of(t.requests[0]), "<c><e>");
	batching_split(t.batching, t.requests[0]);
	assert_string_equal(body_of(t.requests[1]), "<c>");
	assert_string_equal(body_of(t.requests[2]), "<e>");
	assert_int_equal(batching_settle(t.batching, t.requests[1], &fates[0]), WEIR_HTTP_FINISHED);
	assert_int_equal(batching_settle(t.batching, t.requests[2], &fates[3]), WEIR_HTTP_FINISHED);
	assert_int_equal(d->settled, 5);
	assert_int_equal(d->outcomes[4], WEIR_OUTCOME_DEAD);
	assert_int_equal(t.host.memory, 0);
}

static uint64_t now_ns;

static uint64_t on_monotonic(void)
{
	return now_ns;
}

static void records_older_than_their_ttl_are_dead_at_the_next_failure(void **state)
{
	struct batching_options options = composing(100, 1 << 20);
	struct delivery *old, *young;

	(void)state;
	t.host.services.monotonic_ns = on_monotonic;
	now_ns = 1000;
	options.ttl_ns = 100;
	options.in_flight_max = 1;
	begin(&options);
	write_lines("x\n", NULL);
	old = write_lines("a\nb\n", NULL);
	now_ns = 1050;
	young = write_lines("c\n", NULL);
	batching_delivered(t.batching, t.requests[0]);
	assert_string_equal(body_of(t.requests[1]), "<a><b><c>");
	now_ns = 1100; /* not older than that */
	assert_int_equal(batching_again(t.batching, t.requests[1], WEIR_HTTP_TRY_SLOWLY),
			 WEIR_HTTP_TRY_SLOWLY);
	assert_int_equal(old->settled, 0);
	now_ns = 1101;
	assert_int_equal(batching_again(t.batching, t.requests[1], WEIR_HTTP_TRY_SLOWLY),
			 WEIR_HTTP_TRY_SLOWLY);
	assert_string_equal(body_of(t.requests[1]), "<c>");
	assert_int_equal(old->settled, 2);
	assert_int_equal(old->outcomes[1], WEIR_OUTCOME_DEAD);
	now_ns = 1151;
	assert_int_equal(batching_again(t.batching, t.requests[1], WEIR_HTTP_TRY_AGAIN),
			 WEIR_HTTP_FINISHED);
	assert_int_equal(young->outcomes[0], WEIR_OUTCOME_DEAD);
	assert_int_equal(t.host.memory, 0);
}

static void without_a_ttl_nothing_is_too_old(void **state)
{
	struct batching_options options = composing(100, 1 << 20);
	struct delivery *d;

	(void)state;
	begin(&options);
	d = write_lines("a\n", NULL);
	now_ns = UINT64_MAX;
	t.host.services.monotonic_ns = on_monotonic;
	assert_int_equal(batching_again(t.batching, t.requests[0], WEIR_HTTP_TRY_AGAIN),
			 WEIR_HTTP_TRY_AGAIN);
	assert_int_equal(d->settled, 0);
	batching_delivered(t.batching, t.requests[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCHING_TEST(a_composed_body_has_the_records_of_its_parts),
		BATCHING_TEST(measured_sizes_bound_a_request),
		BATCHING_TEST(a_refused_record_is_dead_before_it_is_sent),
		BATCHING_TEST(exactly_the_failed_records_are_sent_again),
		BATCHING_TEST(records_older_than_their_ttl_are_dead_at_the_next_failure),
		BATCHING_TEST(without_a_ttl_nothing_is_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
