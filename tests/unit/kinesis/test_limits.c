// SPDX-License-Identifier: MIT
/* What the kinesis output makes of records: limits on both sides of each, and the bytes of bodies. */
#define BATCHING_FIXTURE_LINKED
#include "../batching/batching_fixture.h"
#include "output/kinesis/wire.h"

static struct {
	struct keys keys;
	struct packing packing;
	struct weir_slice partition, hash; /* what the expressions give */
	int cbor;
	char reason[64], text[160];
} k;

static int32_t on_compile(struct weir_slice text, struct weir_expr **ret_expr,
			  struct weir_error *error)
{
	(void)error;
	*ret_expr = (struct weir_expr *)(uintptr_t)text.data;
	return 0;
}

static int32_t on_text(struct weir_expr *expr, const struct weir_batch *batch, uint32_t record,
		       struct weir_slice *ret_text)
{
	(void)batch;
	(void)record;
	*ret_text = (struct weir_expr *)k.keys.hash == expr ? k.hash : k.partition;
	return ret_text->size ? 0 : WEIR_ERR_NOT_FOUND;
}

static void on_expr_free(struct weir_expr *expr)
{
	(void)expr;
}

static uint64_t measure(void *user, const struct batching_record *record,
			struct batching_refusal *ret_refusal)
{
	uint64_t size = packing_measure(&k.packing, record, ret_refusal);

	(void)user;
	if (size == 0) {
		snprintf(k.reason, sizeof(k.reason), "%s", ret_refusal->reason);
		snprintf(k.text, sizeof(k.text), "%s", ret_refusal->text);
	}
	return size;
}

static int32_t compose(void *user, struct batching_request *request)
{
	struct body *body = calloc(1, sizeof(*body));
	int32_t code;

	(void)user;
	request->composed = body;
	code = wire_request(k.cbor ? &wire_cbor : &wire_json, &k.packing, "s", request, body);
	assert_int_equal(code, 0);
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

/* partition NULL: made up. */
static void begin_limited(const char *partition, const char *hash, uint64_t bytes_max)
{
	struct batching_options options = options_of(KINESIS_RECORDS_MAX, bytes_max, 0);
	static char words[2][8] = {"p", "h"};

	memset(&k, 0, sizeof(k));
	t.host.services.expr_text = on_text;
	t.host.services.expr_compile = on_compile;
	t.host.services.expr_free = on_expr_free;
	k.keys.host = &t.host.services;
	pthread_mutex_init(&k.keys.lock, NULL);
	k.keys.kind = partition ? KEY_EXPRESSION : KEY_RANDOM;
	if (partition)
		on_compile(weir_slice_of(words[0]), &k.keys.partition, NULL);
	if (hash)
		on_compile(weir_slice_of(words[1]), &k.keys.hash, NULL);
	k.partition = weir_slice_of(partition);
	k.hash = weir_slice_of(hash);
	k.packing = (struct packing){.keys = &k.keys, .record_max = KINESIS_RECORD_DEFAULT};
	options.measure = measure;
	options.compose = compose;
	options.discard = discard;
	begin(&options);
}

static void begin_kinesis(const char *partition, const char *hash)
{
	begin_limited(partition, hash, KINESIS_REQUEST_MAX);
}

static struct delivery *write_one(size_t size)
{
	char *line = calloc(1, size + 2);
	struct delivery *d;

	memset(line, 'x', size);
	line[size] = '\n';
	d = write_lines(line, NULL);
	free(line);
	return d;
}

/* ---- limits ---- */

static void write_many(uint32_t count)
{
	char text[2 * 600 + 1] = "";

	for (uint32_t i = 0; i < count; i++)
		memcpy(text + 2 * i, "x\n", 3);
	write_lines(text, NULL);
}

static void a_request_has_500_records_at_most(void **state)
{
	const uint32_t counts[] = {499, 500, 501};

	for (int i = 0; i < 3; i++) {
		begin_kinesis(NULL, NULL);
		write_many(counts[i]);
		assert_int_equal(t.request_count, counts[i] > 500 ? 2 : 1);
		assert_int_equal(t.requests[0]->records, counts[i] > 500 ? 500 : counts[i]);
		teardown(state);
		setup(state);
	}
}

/* Five records whose data and keys come to that much. */
static void write_five(uint64_t total)
{
	char *text = malloc(total + 16), *end = text;
	uint64_t left = total;

	for (int i = 0; i < 5; i++) {
		uint64_t size = left < KINESIS_RECORD_DEFAULT ? left : KINESIS_RECORD_DEFAULT;

		size -= i == 3 && left == KINESIS_RECORD_DEFAULT ? 100
								 : 0; /* leave the last some */
		left -= size;
		memset(end, 'x', size - KEY_RANDOM_SIZE);
		end += size - KEY_RANDOM_SIZE;
		*end++ = '\n';
	}
	assert_int_equal(left, 0);
	*end = '\0';
	write_lines(text, NULL);
	free(text);
}

static void a_request_has_5_mib_of_data_and_keys_at_most(void **state)
{
	begin_kinesis(NULL, NULL);
	write_five(KINESIS_REQUEST_MAX - 1);
	assert_int_equal(t.request_count, 1);
	assert_int_equal(t.requests[0]->bytes, KINESIS_REQUEST_MAX - 1);
	write_five(KINESIS_REQUEST_MAX);
	assert_int_equal(t.request_count, 2);
	assert_int_equal(t.requests[1]->bytes, KINESIS_REQUEST_MAX);
	teardown(state);
	setup(state);
	begin_limited(NULL, NULL, KINESIS_REQUEST_MAX - 1); /* as if there were one byte more */
	write_five(KINESIS_REQUEST_MAX);
	assert_int_equal(t.request_count, 2);
	assert_int_equal(t.requests[0]->records, 4);
}

static void a_record_of_the_limit_is_sent_and_one_more_byte_is_dead(void **state)
{
	const size_t limit = KINESIS_RECORD_DEFAULT - KEY_RANDOM_SIZE;

	(void)state;
	begin_kinesis(NULL, NULL);
	assert_int_equal(write_one(limit - 1)->settled, 0);
	assert_int_equal(write_one(limit)->settled, 0);
	assert_int_equal(t.request_count, 2);
	assert_int_equal(write_one(limit + 1)->outcomes[0], WEIR_OUTCOME_DEAD);
	assert_string_equal(k.reason, "too_large");
	assert_string_equal(k.text,
			    "data and partition key are 1048577 bytes; Kinesis takes 1048576 "
			    "(see max_record)");
	k.packing.newline = 1;
	assert_int_equal(write_one(limit)->outcomes[0], WEIR_OUTCOME_DEAD);
	k.packing.record_max = KINESIS_RECORD_MAX;
	assert_int_equal(write_one(limit + 1)->settled, 0);
}

static void a_partition_key_has_1_to_256_characters(void **state)
{
	const uint32_t counts[] = {0, 1, 255, 256, 257};

	(void)state;
	for (int i = 0; i < 5; i++) {
		char key[2 * 257 + 1] = "";

		for (uint32_t c = 0; c < counts[i]; c++)
			memcpy(key + 2 * c, "\xc3\xa9", 3); /* é: two bytes, one character */
		begin_kinesis(key, NULL);
		assert_int_equal(write_one(1)->settled, counts[i] < 1 || counts[i] > 256);
		assert_string_equal(k.reason, counts[i] < 1 || counts[i] > 256 ? "bad_key" : "");
		teardown(state);
		setup(state);
	}
}

static void a_partition_key_is_utf8(void **state)
{
	const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin_kinesis(bad[i], NULL);
		assert_int_equal(write_one(1)->outcomes[0], WEIR_OUTCOME_DEAD);
		teardown(state);
		setup(state);
	}
}

static void a_hash_key_is_below_2_to_the_128(void **state)
{
	static const struct {
		const char *key;
		int good;
	} cases[] = {{"0", 1},
		     {"340282366920938463463374607431768211454", 1},
		     {"340282366920938463463374607431768211455", 1},
		     {"340282366920938463463374607431768211456", 0},
		     {"1000000000000000000000000000000000000000", 0},
		     {"99999999999999999999999999999999999999", 1},
		     {"00", 0},
		     {"-1", 0},
		     {"1.0", 0},
		     {"0x10", 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin_kinesis(NULL, cases[i].key);
		assert_int_equal(write_one(1)->settled, !cases[i].good);
		teardown(state);
		setup(state);
	}
}

/* ---- bodies ---- */

static void a_json_body_has_base64_and_escaped_keys(void **state)
{
	(void)state;
	begin_kinesis("a\"\\\n\xc3\xa9", "7");
	write_lines("a\nab\nabc\n\n", NULL);
	assert_string_equal(body_of(t.requests[0]),
			    "{\"StreamName\":\"s\",\"Records\":["
			    "{\"Data\":\"YQ==\",\"PartitionKey\":\"a\\\"\\\\\\u000a\xc3\xa9\","
			    "\"ExplicitHashKey\":\"7\"},"
			    "{\"Data\":\"YWI=\",\"PartitionKey\":\"a\\\"\\\\\\u000a\xc3\xa9\","
			    "\"ExplicitHashKey\":\"7\"},"
			    "{\"Data\":\"YWJj\",\"PartitionKey\":\"a\\\"\\\\\\u000a\xc3\xa9\","
			    "\"ExplicitHashKey\":\"7\"},"
			    "{\"Data\":\"\",\"PartitionKey\":\"a\\\"\\\\\\u000a\xc3\xa9\","
			    "\"ExplicitHashKey\":\"7\"}]}");
}

static void a_newline_is_added_where_the_block_has_none(void **state)
{
	(void)state;
	begin_kinesis("k", NULL);
	k.packing.newline = 1;
	write_lines("ab\ncd", NULL);
	assert_string_equal(body_of(t.requests[0]), "{\"StreamName\":\"s\",\"Records\":["
						    "{\"Data\":\"YWIK\",\"PartitionKey\":\"k\"},"
						    "{\"Data\":\"Y2QK\",\"PartitionKey\":\"k\"}]}");
}

static void a_cbor_body_has_the_bytes_as_they_are(void **state)
{
	static const char expected[] = "\xa2\x6aStreamName\x61s\x67Records\x82"
				       "\xa2\x64"
				       "Data\x42"
				       "ab\x6cPartitionKey\x61k"
				       "\xa2\x64"
				       "Data\x40\x6cPartitionKey\x61k";

	(void)state;
	begin_kinesis("k", NULL);
	k.cbor = 1;
	write_lines("ab\n\n", NULL);
	assert_int_equal(t.requests[0]->http.body_size, sizeof(expected) - 1);
	assert_memory_equal(body_of(t.requests[0]), expected, sizeof(expected) - 1);
}

static void a_cbor_body_points_to_long_lines(void **state)
{
	char line[20001];
	struct delivery *d;

	(void)state;
	begin_kinesis("k", NULL);
	k.cbor = 1;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	d = write_lines(line, NULL);
	assert_ptr_equal(t.requests[0]->http.body[1].data, d->batch->blocks[0].data);
	assert_int_equal(t.requests[0]->http.body[1].size, sizeof(line) - 1);
}

static void the_hash_of_a_record_is_its_md5(void **state)
{
	(void)state;
	begin_kinesis(NULL, NULL);
	k.keys.kind = KEY_HASH;
	write_lines("hello\n", NULL);
	assert_non_null(strstr(body_of(t.requests[0]), "\"5d41402abc4b2a76b9719d911017c592\""));
}

static void random_keys_differ(void **state)
{
	const char *one, *other;

	(void)state;
	begin_kinesis(NULL, NULL);
	write_lines("a\nb\n", NULL);
	one = strstr(body_of(t.requests[0]), "PartitionKey");
	other = strstr(one + 1, "PartitionKey");
	assert_memory_not_equal(one, other, 15 + KEY_RANDOM_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCHING_TEST(a_request_has_500_records_at_most),
		BATCHING_TEST(a_request_has_5_mib_of_data_and_keys_at_most),
		BATCHING_TEST(a_record_of_the_limit_is_sent_and_one_more_byte_is_dead),
		BATCHING_TEST(a_partition_key_has_1_to_256_characters),
		BATCHING_TEST(a_partition_key_is_utf8),
		BATCHING_TEST(a_hash_key_is_below_2_to_the_128),
		BATCHING_TEST(a_json_body_has_base64_and_escaped_keys),
		BATCHING_TEST(a_newline_is_added_where_the_block_has_none),
		BATCHING_TEST(a_cbor_body_has_the_bytes_as_they_are),
		BATCHING_TEST(a_cbor_body_points_to_long_lines),
		BATCHING_TEST(the_hash_of_a_record_is_its_md5),
		BATCHING_TEST(random_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
