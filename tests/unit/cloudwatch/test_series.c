// SPDX-License-Identifier: MIT
/* Statistic sets for CloudWatch: what a call holds, on both sides of each limit, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/cloudwatch/series.h"

static const struct cloudwatch_metric counted = {"Counted", CLOUDWATCH_COUNT, 0};
static const struct cloudwatch_metric timed = {"Timed", CLOUDWATCH_TIME, 1};

static struct series_set set;
static struct text body;

static int setup(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	set.granularity = CLOUDWATCH_OF_SHARD;
	return series_set_init(&set, "N");
}

static int teardown(void **state)
{
	(void)state;
	text_done(&body);
	series_set_done(&set);
	return 0;
}

static struct cloudwatch_series *of_value(const char *value)
{
	const struct cloudwatch_dimension dimension = {"D", weir_slice_of(value),
						       CLOUDWATCH_OF_ALL};

	return series_find(&set, &counted, &dimension, 1);
}

static struct cloudwatch_series *of_shard(const struct cloudwatch_metric *metric, const char *shard)
{
	const struct cloudwatch_dimension dimensions[] = {
		{"StreamName", weir_slice_of("s"), CLOUDWATCH_OF_STREAM},
		{"ShardId", weir_slice_of(shard), CLOUDWATCH_OF_SHARD}};

	return series_find(&set, metric, dimensions, 2);
}

static void add(struct cloudwatch_series *series, int64_t value)
{
	struct statistics one = {0};

	statistics_add(&one, value);
	series_add(&set, series, &one);
}

/* Metrics in the next call of a round. */
static int32_t compose(uint32_t *next)
{
	text_done(&body);
	return series_compose(&set, next, &body);
}

static int says(const char *text)
{
	return strstr(body.data, text) != NULL;
}

static void a_body_is_as_the_service_wants_it(void **state)
{
	uint32_t next = 0;

	(void)state;
	add(of_value("a \"quoted\\\xc3\x9f"), 5);
	add(of_value("a \"quoted\\\xc3\x9f"), -2);
	assert_int_equal(compose(&next), 1);
	assert_string_equal(body.data,
			    "{\"Namespace\":\"N\",\"MetricData\":[{\"MetricName\":\"Counted\","
			    "\"Unit\":\"Count\",\"Dimensions\":[{\"Name\":\"D\",\"Value\":"
			    "\"a \\\"quoted\\\\??\"}],\"StatisticValues\":{\"SampleCount\":2,"
			    "\"Sum\":3,\"Minimum\":-2,\"Maximum\":5}}]}");
}

static void times_are_in_milliseconds(void **state)
{
	uint32_t next = 0;

	(void)state;
	add(series_find(&set, &timed, NULL, 0), 1500);
	add(series_find(&set, &timed, NULL, 0), 2000000001);
	assert_int_equal(compose(&next), 1);
	assert_true(says("\"SampleCount\":2,\"Sum\":2000.001501,\"Minimum\":0.001500,"
			 "\"Maximum\":2000.000001}"));
}

static void a_figure_of_a_shard_is_one_of_its_stream_and_of_all(void **state)
{
	uint32_t next = 0;

	(void)state;
	add(of_shard(&counted, "0"), 1);
	add(of_shard(&counted, "1"), 2);
	assert_int_equal(compose(&next), 4);
	assert_true(says("\"Dimensions\":[],\"StatisticValues\":{\"SampleCount\":2,\"Sum\":3,"));
	assert_true(says("[{\"Name\":\"StreamName\",\"Value\":\"s\"}],\"StatisticValues\":"
			 "{\"SampleCount\":2,\"Sum\":3,"));
	assert_true(says("{\"Name\":\"ShardId\",\"Value\":\"1\"}],\"StatisticValues\":"
			 "{\"SampleCount\":1,\"Sum\":2,"));
}

static void coarser_granularity_and_level_leave_series_out(void **state)
{
	uint32_t next = 0;

	(void)state;
	set.granularity = CLOUDWATCH_OF_STREAM;
	set.is_summary = 1;
	assert_ptr_equal(of_shard(&counted, "0"), of_shard(&counted, "1"));
	assert_null(of_shard(&timed, "0"));
	add(of_shard(&counted, "0"), 1);
	assert_int_equal(compose(&next), 2);
	assert_false(says("ShardId"));
}

static void dimensions_of_the_user_are_those_of_every_series(void **state)
{
	uint32_t next = 0;

	(void)state;
	assert_int_equal(series_set_common(&set, weir_slice_of("A"), weir_slice_of("1")), 0);
	assert_int_equal(series_set_common(&set, weir_slice_of("B"), weir_slice_of("2")), 0);
	add(of_shard(&counted, "0"), 1);
	assert_int_equal(compose(&next), 3);
	assert_true(says("\"Dimensions\":[{\"Name\":\"A\",\"Value\":\"1\"},{\"Name\":\"B\","
			 "\"Value\":\"2\"}]"));
	assert_true(says("\"Value\":\"0\"},{\"Name\":\"A\",\"Value\":\"1\"},"));
}

static void what_was_not_taken_goes_with_what_came_since(void **state)
{
	uint32_t next = 0;

	(void)state;
	add(of_value("v"), 10);
	assert_int_equal(compose(&next), 1);
	add(of_value("v"), 1);
	series_settle(&set, 0);
	next = 0;
	assert_int_equal(compose(&next), 1);
	assert_true(says("\"SampleCount\":2,\"Sum\":11,\"Minimum\":1,\"Maximum\":10}"));
	series_settle(&set, 1);
	next = 0;
	assert_int_equal(compose(&next), 0);
}

static void a_call_holds_so_many_metrics(void **state)
{
	char value[16];

	(void)state;
	for (int i = 0; i < CLOUDWATCH_METRICS_MAX + 1; i++) {
		uint32_t next = 0;

		for (int j = 0; j <= i && i >= CLOUDWATCH_METRICS_MAX - 2; j++) {
			snprintf(value, sizeof(value), "%d", j);
			add(of_value(value), 1);
		}
		if (i < CLOUDWATCH_METRICS_MAX - 2)
			continue;
		assert_int_equal(compose(&next),
				 i < CLOUDWATCH_METRICS_MAX ? i + 1 : CLOUDWATCH_METRICS_MAX);
		series_settle(&set, 1);
		assert_int_equal(compose(&next),
				 i < CLOUDWATCH_METRICS_MAX ? 0 : i + 1 - CLOUDWATCH_METRICS_MAX);
		series_settle(&set, 1);
	}
}

/* Bodies of that many metrics with the longest dimensions, and one whose value has `last` characters. */
static int32_t compose_long(int count, int last, uint32_t *next)
{
	char value[CLOUDWATCH_DIMENSION_VALUE_MAX + 1];

	teardown(NULL);
	setup(NULL);
	for (int i = 0; i <= count; i++) {
		memset(value, 'x', sizeof(value));
		value[i < count ? CLOUDWATCH_DIMENSION_VALUE_MAX : last] = '\0';
		snprintf(value, 8, "%07d", i);
		value[7] = 'x';
		add(of_value(value), 1);
	}
	*next = 0;
	return compose(next);
}

static void a_call_has_so_many_bytes(void **state)
{
	uint32_t next;
	int count, room;

	(void)state;
	compose_long(0, CLOUDWATCH_DIMENSION_VALUE_MAX, &next);
	room = (int)body.size;
	compose_long(1, CLOUDWATCH_DIMENSION_VALUE_MAX, &next);
	count = 1 + (CLOUDWATCH_REQUEST_MAX - room) / ((int)body.size - room);
	compose_long(count, 8, &next);
	room = 8 + CLOUDWATCH_REQUEST_MAX - (int)body.size;
	assert_in_range(room, 9, CLOUDWATCH_DIMENSION_VALUE_MAX - 1);
	for (int more = -1; more <= 1; more++) {
		int32_t made = compose_long(count, room + more, &next);

		assert_int_equal(made, more <= 0 ? count + 1 : count);
		assert_true(more > 0 || body.size == (size_t)(CLOUDWATCH_REQUEST_MAX + more));
		assert_true(body.size <= CLOUDWATCH_REQUEST_MAX);
		series_settle(&set, 1);
		assert_int_equal(compose(&next), more <= 0 ? 0 : 1);
	}
}

static void a_value_from_outside_is_cut(void **state)
{
	char value[CLOUDWATCH_DIMENSION_VALUE_MAX + 2];
	uint32_t next = 0;

	(void)state;
	for (int more = -1; more <= 1; more++) {
		memset(value, 'x', sizeof(value));
		value[CLOUDWATCH_DIMENSION_VALUE_MAX + more] = '\0';
		add(of_value(value), 1);
	}
	assert_int_equal(compose(&next), 2); /* the longest one is the one before it */
}

static void beyond_the_most_series_only_their_parents_count(void **state)
{
	struct cloudwatch_series *all;
	char shard[16];

	(void)state;
	for (int i = 0; set.count < CLOUDWATCH_SERIES_MAX; i++) {
		snprintf(shard, sizeof(shard), "%d", i);
		assert_non_null(of_shard(&counted, shard));
	}
	all = of_shard(&counted, "one more");
	assert_ptr_equal(all, of_shard(&counted, "0")->parent);
	assert_null(of_value("v"));
	assert_int_equal(set.count, CLOUDWATCH_SERIES_MAX);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_body_is_as_the_service_wants_it),
		CASE(times_are_in_milliseconds),
		CASE(a_figure_of_a_shard_is_one_of_its_stream_and_of_all),
		CASE(coarser_granularity_and_level_leave_series_out),
		CASE(dimensions_of_the_user_are_those_of_every_series),
		CASE(what_was_not_taken_goes_with_what_came_since),
		CASE(a_call_holds_so_many_metrics),
		CASE(a_call_has_so_many_bytes),
		CASE(a_value_from_outside_is_cut),
		CASE(beyond_the_most_series_only_their_parents_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
