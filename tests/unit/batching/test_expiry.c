// SPDX-License-Identifier: MIT
/* Records that are tried for too long expire by a timer, wherever they wait; but not on the wire. */
#include "batching_fixture.h"

#define TTL 1000000000
#define EXPIRY_TIMER 2

static uint64_t now_ns;
static int recall_works;

static uint64_t on_monotonic(void)
{
	return now_ns;
}

static int32_t on_recall(void *user, struct batching_request *request)
{
	(void)user;
	(void)request;
	return recall_works ? WEIR_OK : WEIR_ERR_STATE;
}

static struct batching_options expiring(uint32_t records, uint64_t linger_ns)
{
	struct batching_options options = options_of(records, 1 << 20, linger_ns);

	t.host.services.monotonic_ns = on_monotonic;
	now_ns = 5000;
	recall_works = 0;
	options.in_flight_max = 1;
	options.ttl_ns = TTL;
	options.expiry_timer = EXPIRY_TIMER;
	options.recall = on_recall;
	return options;
}

static void expiry_at(uint64_t at_ns)
{
	now_ns = at_ns;
	t.host.timers[EXPIRY_TIMER] = WEIR_TIMER_OFF;
	batching_timer(t.batching, EXPIRY_TIMER);
}

static uint32_t dead(const struct delivery *d)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < d->batch->record_count; i++)
		count += d->outcomes[i] == WEIR_OUTCOME_DEAD;
	return count;
}

static void the_timer_is_set_for_the_oldest_and_again_for_the_next(void **state)
{
	struct batching_options options = expiring(1, 0);
	struct delivery *sent, *a, *b;

	(void)state;
	begin(&options);
	sent = write_lines("sent\n", NULL);
	assert_int_equal(t.host.timers[EXPIRY_TIMER], TTL + 1);
	a = write_lines("a\n", NULL);
	t.host.timers[EXPIRY_TIMER] = 0;
	now_ns += TTL / 2;
	b = write_lines("b\n", NULL);
	assert_int_equal(t.host.timers[EXPIRY_TIMER], 0); /* a's time counts */
	batching_delivered(t.batching, t.requests[0]);    /* and a goes */
	expiry_at(5000 + TTL + 1);
	assert_int_equal(dead(sent) + dead(a) + dead(b), 0);
	recall_works = 1;
	expiry_at(5000 + TTL + 2);
	assert_int_equal(dead(a), 1);
	assert_int_equal(dead(b), 0);
	assert_int_equal(t.request_count, 3); /* b goes in its place */
	assert_int_equal(t.host.timers[EXPIRY_TIMER], TTL / 2 - 1);
	batching_delivered(t.batching, t.requests[2]);
	expiry_at(5000 + 2 * (uint64_t)TTL);
	assert_int_equal(t.host.timers[EXPIRY_TIMER], WEIR_TIMER_OFF); /* nothing waits */
	write_lines("c\n", NULL);
	assert_int_equal(t.host.timers[EXPIRY_TIMER], TTL + 1);
	batching_delivered(t.batching, t.requests[3]);
}

static void what_gathers_or_is_ready_expires_and_what_is_sent_is_left_alone(void **state)
{
	struct batching_options options = expiring(2, 60 * (uint64_t)TTL);
	struct delivery *old, *young;

	(void)state;
	begin(&options);
	old = write_lines("a\nb\nc\nd\ne\n", "+-"); /* one request sent, one ready; one gathers */
	now_ns += TTL / 2;
	young = write_lines("f\n", NULL);
	batching_flush(t.batching);
	assert_int_equal(t.request_count, 1);
	expiry_at(5000 + TTL + 1);
	assert_int_equal(dead(old), 2);
	assert_int_equal(dead(young), 0);
	assert_string_equal(body_of(t.requests[0]), "a\nc\n");
	batching_delivered(t.batching, t.requests[0]);
	assert_string_equal(body_of(t.requests[1]), "f\n");
	assert_int_equal(old->settled, 4);
	batching_delivered(t.batching, t.requests[1]);
	assert_int_equal(young->settled, 1);
}

static void a_recalled_request_keeps_its_younger_records(void **state)
{
	struct batching_options options = expiring(100, 60 * (uint64_t)TTL);
	struct delivery *old, *young;

	(void)state;
	recall_works = 1;
	begin(&options);
	old = write_lines("a\nb\n", NULL);
	now_ns += TTL / 2;
	young = write_lines("c\nd\n", NULL);
	batching_flush(t.batching);
	assert_string_equal(body_of(t.requests[0]), "a\nb\nc\nd\n");
	expiry_at(5000 + TTL + 1);
	assert_int_equal(dead(old), 2);
	assert_int_equal(t.request_count, 2);
	assert_string_equal(body_of(t.requests[1]), "c\nd\n");
	batching_delivered(t.batching, t.requests[1]);
	assert_int_equal(young->settled, 2);
}

static void what_waits_for_memory_expires(void **state)
{
	static const struct weir_encode_spec json = {.struct_size = sizeof(json),
						     .format = WEIR_ENCODE_JSON};
	struct batching_options options = expiring(100, 0);
	struct delivery *old, *young;

	(void)state;
	options.encode = &json;
	begin(&options);
	t.encode_fails = 1;
	old = write_lines("a\nb\n", NULL);
	now_ns += TTL / 2;
	young = write_lines("c\n", NULL);
	expiry_at(5000 + TTL + 1);
	assert_int_equal(dead(old), 2);
	assert_int_equal(young->settled, 0);
	t.encode_fails = 0;
	batching_timer(t.batching, 1);
	assert_string_equal(body_of(t.requests[0]), "{\"m\":\"c\"}\n");
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(young->settled, 1);
}

static void without_a_ttl_there_is_no_timer(void **state)
{
	struct batching_options options = options_of(1, 1 << 20, 0);

	(void)state;
	options.expiry_timer = EXPIRY_TIMER;
	begin(&options);
	write_lines("a\nb\n", NULL);
	assert_int_equal(t.host.timers[EXPIRY_TIMER], WEIR_TIMER_OFF);
	batching_delivered(t.batching, t.requests[0]);
	batching_delivered(t.batching, t.requests[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCHING_TEST(the_timer_is_set_for_the_oldest_and_again_for_the_next),
		BATCHING_TEST(what_gathers_or_is_ready_expires_and_what_is_sent_is_left_alone),
		BATCHING_TEST(a_recalled_request_keeps_its_younger_records),
		BATCHING_TEST(what_waits_for_memory_expires),
		BATCHING_TEST(without_a_ttl_there_is_no_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
