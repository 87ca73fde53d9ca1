// SPDX-License-Identifier: MIT
/* Batching: what is in each request, when it goes, and that every record gets one outcome. */
#include "batching_fixture.h"

/* ---- bodies ---- */

static void a_block_of_lines_is_one_slice(void **state)
{
	struct batching_options options = options_of(1000, 1 << 20, 0);
	struct delivery *d;

	(void)state;
	begin(&options);
	d = write_lines("one\ntwo\nthree\n", NULL);
	assert_int_equal(t.request_count, 1);
	assert_int_equal(t.requests[0]->http.body_count, 1);
	assert_ptr_equal(t.requests[0]->http.body[0].data, d->batch->blocks[0].data);
	assert_int_equal(t.requests[0]->http.record_count, 3);
	assert_string_equal(body_of(t.requests[0]), "one\ntwo\nthree\n");
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(d->settled, 3);
}

static void every_line_ends_in_one_newline(void **state)
{
	struct batching_options options = options_of(1000, 1 << 20, 0);
	struct delivery *d;

	(void)state;
	begin(&options);
	d = write_lines("a\nb", NULL); /* the last one has none of its own */
	assert_string_equal(body_of(t.requests[0]), "a\nb\n");
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(d->settled, 2);
	d = write_lines("cr\r\nlf\r\n", NULL);
	d->batch->records[0].line_length--; /* the input took the CR off */
	d->batch->records[1].line_length--;
	request_build(t.requests[1], &options);
	assert_string_equal(body_of(t.requests[1]), "cr\nlf\n");
	batching_delivered(t.batching, t.requests[1]);
}

static void records_for_others_are_left_out(void **state)
{
	struct batching_options options = options_of(1000, 1 << 20, 0);
	struct delivery *d;

	(void)state;
	begin(&options);
	d = write_lines("a\nb\nc\nd\ne\n", "-++-+");
	assert_string_equal(body_of(t.requests[0]), "b\nc\ne\n");
	assert_int_equal(t.requests[0]->http.body_count, 2);
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(d->settled, 3);
}

static void json_is_the_hosts_encoding(void **state)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON};
	struct batching_options options = options_of(1000, 1 << 20, 0);

	(void)state;
	options.encode = &spec;
	begin(&options);
	write_lines("a\nb\nc\n", "+-+");
	assert_string_equal(body_of(t.requests[0]), "{\"m\":\"a\"}\n{\"m\":\"c\"}\n");
	assert_int_equal(t.requests[0]->http.body_count, 1);
	batching_delivered(t.batching, t.requests[0]);
}

static void an_array_has_brackets_and_commas(void **state)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON};
	struct batching_options options = options_of(2, 1 << 20, 0);

	(void)state;
	options.encode = &spec;
	options.prefix = weir_slice_of("[");
	options.separator = weir_slice_of(",");
	options.suffix = weir_slice_of("]");
	begin(&options);
	write_lines("a\nb\nc\n", NULL);
	assert_int_equal(t.request_count, 2);
	assert_string_equal(body_of(t.requests[0]), "[{\"m\":\"a\"}\n,{\"m\":\"b\"}\n]");
	assert_string_equal(body_of(t.requests[1]), "[{\"m\":\"c\"}\n]");
	batching_delivered(t.batching, t.requests[0]);
	batching_delivered(t.batching, t.requests[1]);
}

/* ---- limits and times ---- */

static void a_delivery_is_spread_over_requests_by_count(void **state)
{
	struct batching_options options = options_of(2, 1 << 20, 0);
	struct delivery *d;

	(void)state;
	begin(&options);
	d = write_lines("a\nb\nc\nd\ne\n", NULL);
	assert_int_equal(t.request_count, 3);
	assert_string_equal(body_of(t.requests[0]), "a\nb\n");
	assert_string_equal(body_of(t.requests[2]), "e\n");
	batching_delivered(t.batching, t.requests[1]);
	assert_int_equal(d->settled, 2);
	assert_int_equal(d->outcomes[2], WEIR_OUTCOME_DELIVERED);
	batching_dead(t.batching, t.requests[0], "no", weir_slice_of("why"));
	assert_int_equal(d->outcomes[1], WEIR_OUTCOME_DEAD);
	batching_delivered(t.batching, t.requests[2]);
	assert_int_equal(d->settled, 5);
}

static void a_record_over_the_limit_travels_alone(void **state)
{
	struct batching_options options = options_of(100, 6, 0);

	(void)state;
	begin(&options);
	write_lines("a\nthis is long\nb\nc\n", NULL);
	assert_int_equal(t.request_count, 3);
	assert_string_equal(body_of(t.requests[0]), "a\n");
	assert_string_equal(body_of(t.requests[1]), "this is long\n");
	assert_string_equal(body_of(t.requests[2]), "b\nc\n");
}

static void deliveries_gather_until_the_linger_is_over(void **state)
{
	struct batching_options options = options_of(100, 1 << 20, 50000000);
	struct delivery *a, *b;

	(void)state;
	begin(&options);
	a = write_lines("a\n", NULL);
	assert_int_equal(t.host.timers[0], 50000000);
	t.host.timers[0] = 0;
	b = write_lines("b\nc\n", NULL);
	assert_int_equal(t.host.timers[0], 0); /* the first record's time counts */
	assert_int_equal(t.request_count, 0);
	batching_timer(t.batching, 0);
	assert_int_equal(t.request_count, 1);
	assert_string_equal(body_of(t.requests[0]), "a\nb\nc\n");
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(a->settled + b->settled, 3);
}

static void a_full_request_does_not_linger(void **state)
{
	struct batching_options options = options_of(2, 1 << 20, 50000000);

	(void)state;
	begin(&options);
	write_lines("a\nb\nc\n", NULL);
	assert_int_equal(t.request_count, 1);
	assert_int_equal(t.host.timers[0], 50000000); /* for c */
	batching_flush(t.batching);
	assert_int_equal(t.request_count, 2);
}

static void without_linger_the_batch_grows_with_the_load(void **state)
{
	struct batching_options options = options_of(100, 1 << 20, 0);

	(void)state;
	options.in_flight_max = 4;
	begin(&options);
	for (int i = 0; i < 7; i++)
		write_lines("x\n", NULL);
	assert_int_equal(t.request_count, 3); /* the other four gather */
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(t.request_count, 4);
	assert_string_equal(body_of(t.requests[3]), "x\nx\nx\nx\n");
}

static void no_more_requests_are_out_than_allowed(void **state)
{
	struct batching_options options = options_of(1, 1 << 20, 0);

	(void)state;
	options.in_flight_max = 1;
	begin(&options);
	write_lines("a\nb\nc\n", NULL);
	for (uint32_t i = 0; i < 3; i++) {
		char wanted[] = {"abc"[i], '\n', '\0'};

		assert_int_equal(t.request_count, i + 1);
		assert_string_equal(body_of(t.requests[i]), wanted);
		batching_delivered(t.batching, t.requests[i]);
	}
}

/* ---- failures ---- */

/* One MiB at a time: the first is on its way, four may wait, and two are few. */
static void the_host_is_told_when_plenty_waits_and_when_more_is_wanted(void **state)
{
	struct batching_options options = options_of(1000, 1 << 20, 0);
	const uint32_t told[] = {0, 0, 0, 0, 0, 1}, left[] = {1, 1, 0, 0, 0};
	static char line[(1 << 20) + 1];

	(void)state;
	options.in_flight_max = 1;
	begin(&options);
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line + sizeof(line) - 2, "\n", 2);
	for (uint32_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		write_lines(line, NULL);
		batching_flush(t.batching);
		assert_int_equal(t.host.full, told[i]);
	}
	for (uint32_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		batching_delivered(t.batching, t.requests[i]);
		assert_int_equal(t.host.full, left[i]);
	}
}

static void bisecting_finds_the_one_bad_record(void **state)
{
	struct batching_options options = options_of(100, 1 << 20, 0);
	struct delivery *a, *b;

	(void)state;
	options.in_flight_max = 1;
	begin(&options);
	a = write_lines("1\n2\n3\n", NULL);
	b = write_lines("4\nbad\n6\n7\n", "++++");
	for (uint32_t i = 0; i < t.request_count; i++) {
		struct batching_request *request = t.requests[i];

		if (!strstr(body_of(request), "bad"))
			batching_delivered(t.batching, request);
		else if (request->records > 1)
			batching_split(t.batching, request);
		else
			batching_dead(t.batching, request, "refused", weir_slice_of("400"));
	}
	assert_int_equal(a->settled, 3);
	assert_int_equal(b->settled, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(b->outcomes[i],
				 i == 1 ? WEIR_OUTCOME_DEAD : WEIR_OUTCOME_DELIVERED);
}

static void halves_go_before_what_came_later(void **state)
{
	struct batching_options options = options_of(4, 1 << 20, 0);

	(void)state;
	options.in_flight_max = 1;
	begin(&options);
	write_lines("1\n2\n3\n4\n5\n", NULL);
	batching_split(t.batching, t.requests[0]);
	assert_string_equal(body_of(t.requests[1]), "1\n2\n");
	batching_delivered(t.batching, t.requests[1]);
	assert_string_equal(body_of(t.requests[2]), "3\n4\n");
	batching_delivered(t.batching, t.requests[2]);
	assert_string_equal(body_of(t.requests[3]), "5\n");
}

static void a_delivery_waits_for_memory_and_keeps_its_place(void **state)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON};
	struct batching_options options = options_of(100, 1 << 20, 0);

	(void)state;
	options.encode = &spec;
	options.in_flight_max = 1;
	begin(&options);
	t.encode_fails = 1;
	write_lines("a\n", NULL);
	assert_int_equal(t.request_count, 0);
	assert_int_equal(t.host.timers[1], BATCHING_RETRY_NS);
	batching_timer(t.batching, 1); /* still none */
	t.encode_fails = 0;
	write_lines("b\n", NULL); /* must not overtake */
	assert_int_equal(t.request_count, 0);
	batching_timer(t.batching, 1);
	assert_int_equal(t.request_count, 1);
	assert_string_equal(body_of(t.requests[0]), "{\"m\":\"a\"}\n{\"m\":\"b\"}\n");
}

static void what_cannot_be_encoded_is_dead(void **state)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON};
	struct batching_options options = options_of(100, 1 << 20, 0);
	struct delivery *d;

	(void)state;
	options.encode = &spec;
	begin(&options);
	t.encode_fails = -1;
	d = write_lines("a\nb\n", NULL);
	assert_int_equal(d->settled, 2);
	assert_int_equal(d->outcomes[0], WEIR_OUTCOME_DEAD);
}

static void a_send_that_fails_is_tried_again(void **state)
{
	struct batching_options options = options_of(1, 1 << 20, 0);

	(void)state;
	begin(&options);
	t.send_fails = 1;
	write_lines("a\nb\n", NULL);
	assert_int_equal(t.request_count, 0);
	assert_int_equal(t.host.timers[1], BATCHING_RETRY_NS);
	t.send_fails = 0;
	batching_timer(t.batching, 1);
	assert_int_equal(t.request_count, 2);
	assert_string_equal(body_of(t.requests[0]), "a\n");
}

/* Unfinished requests are freed without an outcome; AddressSanitizer sees to the rest. */
static void destroying_reports_nothing(void **state)
{
	struct batching_options options = options_of(2, 1 << 20, 1000);
	struct delivery *d;

	(void)state;
	options.in_flight_max = 1;
	begin(&options);
	d = write_lines("a\nb\nc\nd\ne\n", NULL);
	batching_destroy(t.batching);
	t.batching = NULL;
	assert_int_equal(d->settled, 0);
}

/* ---- everything at once ---- */

static uint32_t next_random(void)
{
	static uint32_t seed = 42;

	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static void settle_at_random(struct batching_request *request)
{
	static struct batching_fate fates[4096];
	uint32_t answer = WEIR_HTTP_TRY_AGAIN;

	while (answer == WEIR_HTTP_TRY_AGAIN) {
		for (uint32_t i = 0; i < request->records; i++)
			fates[i] = (struct batching_fate){.outcome = next_random() % 3,
							  .reason = "refused"};
		answer = batching_settle(t.batching, request, fates);
	}
}

static void answer_some_request(uint32_t *answered)
{
	struct batching_request *request = t.requests[*answered];

	(*answered)++;
	switch (next_random() % 5) {
	case 1:
		settle_at_random(request);
		break;
	case 0:
		if (request->records > 1) {
			batching_split(t.batching, request);
			break;
		}
		batching_dead(t.batching, request, "refused", weir_slice_of(""));
		break;
	default:
		batching_delivered(t.batching, request);
	}
}

static void one_round(void)
{
	struct batching_options options = options_of(
		1 + next_random() % 20, 1 + next_random() % 200, next_random() % 2 ? 0 : 1000000);
	uint32_t answered = 0;

	options.in_flight_max = 1 + next_random() % 6;
	if (next_random() % 2) {
		options.measure = measure_line;
		options.compose = compose_angles;
	}
	begin(&options);
	for (int i = 0; i < 20; i++) {
		char text[2048] = "", skip[128];
		uint32_t lines = 1 + next_random() % 100;

		for (uint32_t line = 0; line < lines; line++) {
			skip[line] = next_random() % 3 ? '+' : '-';
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s\n",
				 (int)(next_random() % 15), "0123456789abcde");
		}
		skip[0] = '+';
		skip[lines] = '\0';
		write_lines(text, skip);
		while (answered < t.request_count && next_random() % 3)
			answer_some_request(&answered);
	}
	batching_flush(t.batching);
	while (answered < t.request_count)
		answer_some_request(&answered);
	for (uint32_t i = 0; i < t.delivery_count; i++)
		assert_int_equal(t.deliveries[i]->settled, t.deliveries[i]->view.count);
	assert_int_equal(t.batching->in_flight, 0);
}

static void every_record_gets_one_outcome_whatever_happens(void **state)
{
	for (int round = 0; round < 100; round++) {
		one_round();
		teardown(state);
		setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCHING_TEST(a_block_of_lines_is_one_slice),
		BATCHING_TEST(every_line_ends_in_one_newline),
		BATCHING_TEST(records_for_others_are_left_out),
		BATCHING_TEST(json_is_the_hosts_encoding),
		BATCHING_TEST(an_array_has_brackets_and_commas),
		BATCHING_TEST(a_delivery_is_spread_over_requests_by_count),
		BATCHING_TEST(a_record_over_the_limit_travels_alone),
		BATCHING_TEST(deliveries_gather_until_the_linger_is_over),
		BATCHING_TEST(a_full_request_does_not_linger),
		BATCHING_TEST(without_linger_the_batch_grows_with_the_load),
		BATCHING_TEST(no_more_requests_are_out_than_allowed),
		BATCHING_TEST(the_host_is_told_when_plenty_waits_and_when_more_is_wanted),
		BATCHING_TEST(bisecting_finds_the_one_bad_record),
		BATCHING_TEST(halves_go_before_what_came_later),
		BATCHING_TEST(a_delivery_waits_for_memory_and_keeps_its_place),
		BATCHING_TEST(what_cannot_be_encoded_is_dead),
		BATCHING_TEST(a_send_that_fails_is_tried_again),
		BATCHING_TEST(destroying_reports_nothing),
		BATCHING_TEST(every_record_gets_one_outcome_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
