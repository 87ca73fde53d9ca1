// SPDX-License-Identifier: MIT
/* Bodies of _bulk through batching: action lines, and requests at their limits, one below and one
 * above. */
#include <inttypes.h>

#include "batching/batching_fixture.h"

#include "../../../plugins/output/elasticsearch/action.c"
#include "../../../plugins/output/elasticsearch/body.c"
#include "../../../plugins/output/elasticsearch/index_name.c"
#include "elasticsearch/fields_as_expressions.h"
#include "support/timeparse/calendar.c"

#define ID "00000000000000000000000000000000"
#define RECORD(position, text)                             \
	"{\"create\":{\"_id\":\"" ID "-" position "\"}}\n" \
	"{\"m\":\"" text "\"}\n"

static struct action_style style;
static const struct weir_encode_spec json = {.struct_size = sizeof(json),
					     .format = WEIR_ENCODE_JSON};

static uint64_t measure_record(void *user, const struct batching_record *record,
			       struct batching_refusal *ret_refusal)
{
	(void)user;
	return body_measure(&style, record, ret_refusal);
}

static int32_t compose_body(void *user, struct batching_request *request)
{
	struct body_text text = {NULL, 0};
	int32_t code = body_compose(&style, request, &text);

	(void)user;
	request->composed = text.data;
	request->composed_size = text.capacity;
	return code;
}

static int es_setup(void **state)
{
	int code = setup(state);

	fields_as_expressions(&t.host);
	memset(&style, 0, sizeof(style));
	style.host = &t.host.services;
	style.index_in_url = 1;
	pthread_mutex_init(&style.lock, NULL);
	return code;
}

static int es_teardown(void **state)
{
	int code = teardown(state);

	index_name_done(&style.index);
	free(style.id);
	free(style.routing);
	pthread_mutex_destroy(&style.lock);
	return code;
}

static void start(uint32_t records, uint64_t bytes)
{
	struct batching_options options = options_of(records, bytes, 0);

	options.encode = &json;
	options.measure = measure_record;
	options.compose = compose_body;
	begin(&options);
}

static void use_index(const char *text)
{
	struct weir_node node = {.text = weir_slice_of(text)};

	assert_int_equal(index_name_compile(&t.host.services, &node, &style.index, NULL), 0);
	style.index_in_url = 0;
}

static struct weir_expr *field(const char *text)
{
	struct weir_expr *expr = NULL;

	assert_int_equal(field_compile(weir_slice_of(text), &expr, NULL), 0);
	return expr;
}

static void an_action_has_the_id_of_its_record(void **state)
{
	(void)state;
	start(100, 1 << 20);
	write_lines("a\nbc\n", NULL);
	assert_string_equal(body_of(t.requests[0]), RECORD("0", "a") RECORD("2", "bc"));
}

static void an_ordinal_is_part_of_the_id(void **state)
{
	char id[ACTION_RECORD_ID_MAX];
	struct weir_batch *batch = mock_batch_lines(&t.host, weir_slice_of("a"), 0);
	uint32_t size;

	(void)state;
	batch->records[0].position = UINT64_MAX;
	batch->records[0].ordinal = UINT32_MAX;
	size = action_record_id(batch, 0, id);
	assert_int_equal(size, strlen(ID "-18446744073709551615-4294967295"));
	assert_memory_equal(id, ID "-18446744073709551615-4294967295", size);
	mock_batch_free(batch);
}

static void without_ids_and_dates_all_actions_are_one(void **state)
{
	(void)state;
	style.no_id = 1;
	start(100, 1 << 20);
	write_lines("a\nb\n", NULL);
	assert_string_equal(body_of(t.requests[0]),
			    "{\"create\":{}}\n{\"m\":\"a\"}\n{\"create\":{}}\n{\"m\":\"b\"}\n");
}

static void an_index_by_date_goes_into_the_action(void **state)
{
	(void)state;
	use_index("web-%Y.%m.%d");
	start(100, 1 << 20);
	write_lines("a\n", NULL); /* read on 2023-11-14 */
	assert_string_equal(body_of(t.requests[0]),
			    "{\"create\":{\"_index\":\"web-2023.11.14\",\"_id\":\"" ID
			    "-0\"}}\n{\"m\":\"a\"}\n");
}

static void a_size_is_that_of_the_action(void **state)
{
	static const uint64_t positions[] = {0,   9,    10,      99,           100,
					     999, 1000, 1002003, 999999999999, UINT64_MAX};
	static const uint32_t ordinals[] = {0, 1, 10, UINT32_MAX};
	struct weir_batch *batch = mock_batch_lines(&t.host, weir_slice_of("a"), 0);
	struct action_problem problem;
	char text[ACTION_SIZE_MAX], id[ACTION_RECORD_ID_MAX];

	(void)state;
	use_index("web-%Y.%m.%d-%H");
	for (uint32_t i = 0; i < 10 * 4 * 4; i++) {
		struct index_memo memo = {.size = 0};
		uint32_t size;

		batch->records[0].position = positions[i % 10];
		batch->records[0].ordinal = ordinals[i / 10 % 4];
		style.index_in_url = i / 40 % 2;
		style.no_id = i / 80;
		size = action_write(&style, batch, 0, &memo, text, &problem);
		assert_int_equal(action_size(&style, batch, 0, &problem), size);
		snprintf(id, sizeof(id), "-%" PRIu64 "%s%.0u\"", positions[i % 10],
			 ordinals[i / 10 % 4] ? "-" : "", ordinals[i / 10 % 4]);
		text[size] = '\0';
		assert_true(style.no_id || strstr(text, id));
	}
	mock_batch_free(batch);
}

static void actions_of_one_body_have_each_the_index_of_its_hour(void **state)
{
	static const int64_t hours[] = {0, 0, 24, 23, -1};
	static const char *const names[] = {"web-1970.01.01", "web-1970.01.01", "web-1970.01.02",
					    "web-1970.01.01", "web-1969.12.31"};
	struct weir_batch *batch = mock_batch_lines(&t.host, weir_slice_of("a"), 0);
	struct index_memo memo = {.size = 0};
	struct action_problem problem;
	char text[ACTION_SIZE_MAX];

	(void)state;
	use_index("web-%Y.%m.%d");
	for (uint32_t i = 0; i < 5; i++) {
		batch->records[0].timestamp_ns = hours[i] * NS_PER_HOUR;
		text[action_write(&style, batch, 0, &memo, text, &problem)] = '\0';
		assert_non_null(strstr(text, names[i]));
	}
	mock_batch_free(batch);
}

static void ids_and_routing_from_the_record_are_valid_json(void **state)
{
	(void)state;
	style.id = field("message");
	style.routing = field("message");
	start(100, 1 << 20);
	write_lines("q\"b\\s\x01\xff\xe2\x82\xac\n", NULL);
	assert_non_null(
		strstr(body_of(t.requests[0]),
		       "{\"create\":{\"_id\":\"q\\\"b\\\\s\\u0001\xef\xbf\xbd\xe2\x82\xac\","
		       "\"routing\":\"q\\\"b\\\\s\\u0001\xef\xbf\xbd\xe2\x82\xac\"}}\n"));
}

static void a_record_without_the_value_has_its_own_id(void **state)
{
	(void)state;
	style.id = field("missing");
	style.routing = field("missing");
	start(100, 1 << 20);
	write_lines("a\n", NULL);
	assert_string_equal(body_of(t.requests[0]), RECORD("0", "a"));
}

static void an_id_has_at_most_512_bytes(void **state)
{
	char text[515];
	struct delivery *d;

	(void)state;
	style.id = field("message");
	start(100, 1 << 20);
	memset(text, 'i', sizeof(text));
	memcpy(text + 512, "\n", 2);
	d = write_lines(text, NULL);
	assert_int_equal(d->outcomes[0], 0);
	assert_int_equal(t.request_count, 1);
	memcpy(text + 512, "i\n", 3);
	d = write_lines(text, NULL);
	assert_int_equal(d->outcomes[0], WEIR_OUTCOME_DEAD);
	assert_int_equal(t.request_count, 1);
}

static void a_record_without_an_index_is_dead(void **state)
{
	struct delivery *d;

	(void)state;
	use_index("web-{message}");
	start(100, 1 << 20);
	d = write_lines("a\n\nb\n", NULL);
	assert_int_equal(d->outcomes[1], WEIR_OUTCOME_DEAD);
	assert_int_equal(t.requests[0]->records, 2);
}

/* Two records to the byte; one byte less is one a request; one more changes nothing. */
static void bytes_are_counted_with_the_actions(void **state)
{
	const uint64_t two = sizeof(RECORD("0", "aa") RECORD("3", "bb")) - 1;

	for (int more = -1; more <= 1; more++) {
		es_setup(state);
		start(100, (uint64_t)((int64_t)two + more));
		write_lines("aa\nbb\n", NULL);
		assert_int_equal(t.request_count, more < 0 ? 2 : 1);
		assert_int_equal(t.requests[0]->http.body_size, more < 0 ? two / 2 : two);
		es_teardown(state);
	}
	es_setup(state);
}

static void records_are_bounded(void **state)
{
	for (uint32_t records = 1; records <= 4; records++) {
		es_setup(state);
		start(records, 1 << 20);
		write_lines("a\nb\nc\n", NULL);
		assert_int_equal(t.request_count, (3 + records - 1) / records);
		assert_int_equal(t.requests[0]->http.record_count, records < 3 ? records : 3);
		es_teardown(state);
	}
	es_setup(state);
}

static void what_is_sent_again_has_the_same_actions(void **state)
{
	const struct batching_fate fates[] = {{.outcome = WEIR_OUTCOME_DELIVERED}, {.outcome = 0}};

	(void)state;
	start(100, 1 << 20);
	write_lines("a\nb\n", NULL);
	assert_int_equal(batching_settle(t.batching, t.requests[0], fates), WEIR_HTTP_TRY_AGAIN);
	assert_string_equal(body_of(t.requests[0]), RECORD("2", "b"));
	batching_delivered(t.batching, t.requests[0]);
	assert_int_equal(t.host.memory, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, es_setup, es_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_action_has_the_id_of_its_record),
		TEST(an_ordinal_is_part_of_the_id),
		TEST(without_ids_and_dates_all_actions_are_one),
		TEST(an_index_by_date_goes_into_the_action),
		TEST(a_size_is_that_of_the_action),
		TEST(actions_of_one_body_have_each_the_index_of_its_hour),
		TEST(ids_and_routing_from_the_record_are_valid_json),
		TEST(a_record_without_the_value_has_its_own_id),
		TEST(an_id_has_at_most_512_bytes),
		TEST(a_record_without_an_index_is_dead),
		TEST(bytes_are_counted_with_the_actions),
		TEST(records_are_bounded),
		TEST(what_is_sent_again_has_the_same_actions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
