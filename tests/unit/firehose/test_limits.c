// SPDX-License-Identifier: MIT
/* What the firehose output makes of records: limits on both sides of each, and packs. */
#define BATCHING_FIXTURE_LINKED
#include "../batching/batching_fixture.h"
#include "output/firehose/packing.h"

static struct packing packing;

static uint64_t measure(void *user, const struct batching_record *record,
			struct batching_refusal *ret_refusal)
{
	(void)user;
	return packing_measure(&packing, record, ret_refusal);
}

static int32_t compose(void *user, struct batching_request *request)
{
	struct body *body = calloc(1, sizeof(*body));

	(void)user;
	request->composed = body;
	assert_int_equal(packing_compose(&packing, "d", request, body), 0);
	request->http.body = body_slices(body);
	request->http.body_count = body->count;
	request->http.body_size = body->size;
	return 0;
}

static void discard(void *user, struct batching_request *request)
{
	(void)user;
	body_done(request->composed);
}

static void begin_firehose(uint64_t pack_size)
{
	struct batching_options options = options_of(
		pack_size ? FIREHOSE_PACKED_MAX : FIREHOSE_RECORDS_MAX, FIREHOSE_REQUEST_MAX, 0);

	packing = (struct packing){.newline = 1, .pack_size = pack_size};
	options.measure = measure;
	options.compose = compose;
	options.discard = discard;
	begin(&options);
}

/* `count` records of `size` bytes each, newline included. */
static struct delivery *write_sized(uint32_t count, size_t size)
{
	char *text = malloc(count * size + 1);
	struct delivery *d;

	memset(text, 'x', count * size);
	for (uint32_t i = 1; i <= count; i++)
		text[i * size - 1] = '\n';
	text[count * size] = '\0';
	d = write_lines(text, NULL);
	free(text);
	return d;
}

static void a_request_has_500_records_at_most(void **state)
{
	(void)state;
	begin_firehose(0);
	write_sized(499, 2);
	write_sized(500, 2);
	assert_int_equal(t.request_count, 2);
	write_sized(501, 2);
	assert_int_equal(t.request_count, 4);
	assert_int_equal(t.requests[2]->records, 500);
}

static void a_record_of_the_limit_is_sent_and_one_more_byte_is_dead(void **state)
{
	(void)state;
	begin_firehose(0);
	assert_int_equal(write_sized(1, FIREHOSE_RECORD_MAX - 1)->settled, 0);
	assert_int_equal(write_sized(1, FIREHOSE_RECORD_MAX)->settled, 0);
	assert_int_equal(write_sized(1, FIREHOSE_RECORD_MAX + 1)->outcomes[0], WEIR_OUTCOME_DEAD);
	assert_int_equal(t.request_count, 2);
}

static void a_request_has_4_mib_at_most(void **state)
{
	(void)state;
	begin_firehose(0);
	write_sized(8, FIREHOSE_REQUEST_MAX / 8);
	assert_int_equal(t.request_count, 1);
	assert_int_equal(t.requests[0]->bytes, FIREHOSE_REQUEST_MAX);
	write_sized(7, FIREHOSE_REQUEST_MAX / 8 + 1);
	write_sized(8, FIREHOSE_REQUEST_MAX / 8 - 1);
	assert_int_equal(t.request_count, 3);
	write_sized(8, FIREHOSE_REQUEST_MAX / 8 + 1);
	assert_int_equal(t.request_count, 5);
	assert_int_equal(t.requests[3]->records, 7);
}

static void an_empty_record_without_its_newline_is_dead(void **state)
{
	(void)state;
	begin_firehose(0);
	packing.newline = 0;
	assert_int_equal(write_lines("\n", NULL)->outcomes[0], WEIR_OUTCOME_DEAD);
}

static void each_record_has_its_newline(void **state)
{
	(void)state;
	begin_firehose(0);
	write_lines("ab\ncd", NULL);
	assert_string_equal(body_of(t.requests[0]), "{\"DeliveryStreamName\":\"d\",\"Records\":["
						    "{\"Data\":\"YWIK\"},{\"Data\":\"Y2QK\"}]}");
}

static void packs_are_filled_in_order(void **state)
{
	uint32_t sizes[8] = {0};

	(void)state;
	begin_firehose(6);
	write_lines("ab\ncd\nefghijk\nl\nm\n", NULL);
	assert_string_equal(body_of(t.requests[0]),
			    "{\"DeliveryStreamName\":\"d\",\"Records\":["
			    "{\"Data\":\"YWIKY2QK\"},{\"Data\":\"ZWZnaGlqawo=\"},"
			    "{\"Data\":\"bAptCg==\"}]}");
	assert_int_equal(packing_groups(&packing, t.requests[0], sizes), 3);
	assert_int_equal(sizes[0], 2);
	assert_int_equal(sizes[1], 1);
	assert_int_equal(sizes[2], 2);
}

/* The worst there is: neighbours that just don't fit into one pack together. */
static void packs_of_the_least_size_stay_below_500(void **state)
{
	static uint32_t sizes[4096];

	(void)state;
	begin_firehose(FIREHOSE_PACK_MIN);
	write_sized(FIREHOSE_REQUEST_MAX / (FIREHOSE_PACK_MIN / 2 + 1), FIREHOSE_PACK_MIN / 2 + 1);
	assert_int_equal(t.request_count, 1);
	assert_in_range(packing_groups(&packing, t.requests[0], sizes), 200, FIREHOSE_RECORDS_MAX);
}

static void aggregates_are_filled_to_their_size_and_single_records_stay_as_they_are(void **state)
{
	/* Three records of 10 bytes, newline included; the key takes three. */
	const uint64_t three = AGGREGATE_ENVELOPE + 3 + 3 * (2 + 2 + 2 + 10);
	uint32_t sizes[8] = {0};

	(void)state;
	for (int off = -1; off <= 1; off++) {
		begin_firehose(three + off);
		packing.as_kpl = 1;
		write_sized(7, 10);
		assert_int_equal(packing_groups(&packing, t.requests[0], sizes), off < 0 ? 4 : 3);
		assert_int_equal(sizes[0], off < 0 ? 2 : 3);
		assert_non_null(
			strstr(body_of(t.requests[0]), "{\"Data\":\"eHh4eHh4eHh4Cg==\"}]}"));
		teardown(state);
		setup(state);
	}
}

static void a_record_too_large_for_a_pack_is_one_by_itself(void **state)
{
	uint32_t sizes[8] = {0};

	(void)state;
	begin_firehose(64);
	packing.as_kpl = 1;
	write_lines(
		"a\nb\n"
		"0123456789012345678901234567890123456789012345678901234567890123456789\nc\nd\n",
		NULL);
	assert_int_equal(packing_groups(&packing, t.requests[0], sizes), 3);
	assert_int_equal(sizes[0], 2);
	assert_int_equal(sizes[1], 1);
	assert_int_equal(sizes[2], 2);
}

static void aggregates_of_the_least_size_stay_below_500(void **state)
{
	static uint32_t sizes[4096];

	(void)state;
	begin_firehose(FIREHOSE_PACK_MIN);
	packing.as_kpl = 1;
	write_sized(FIREHOSE_REQUEST_MAX / (FIREHOSE_PACK_MIN / 2 + 1), FIREHOSE_PACK_MIN / 2 + 1);
	assert_in_range(packing_groups(&packing, t.requests[0], sizes), 200, FIREHOSE_RECORDS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCHING_TEST(a_request_has_500_records_at_most),
		BATCHING_TEST(a_record_of_the_limit_is_sent_and_one_more_byte_is_dead),
		BATCHING_TEST(a_request_has_4_mib_at_most),
		BATCHING_TEST(an_empty_record_without_its_newline_is_dead),
		BATCHING_TEST(each_record_has_its_newline),
		BATCHING_TEST(packs_are_filled_in_order),
		BATCHING_TEST(packs_of_the_least_size_stay_below_500),
		BATCHING_TEST(
			aggregates_are_filled_to_their_size_and_single_records_stay_as_they_are),
		BATCHING_TEST(a_record_too_large_for_a_pack_is_one_by_itself),
		BATCHING_TEST(aggregates_of_the_least_size_stay_below_500),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
