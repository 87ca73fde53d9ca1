// SPDX-License-Identifier: MIT
/* Metrics: identity, values from several threads, and the OpenMetrics text. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/metrics.h"

static int setup(void **state)
{
	*state = metrics_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	metrics_destroy(*state);
	return 0;
}

static void the_same_name_and_labels_are_the_same_metric(void **state)
{
	struct metrics *set = *state;
	struct weir_metric *a =
		metrics_add(set, WEIR_METRIC_COUNTER, "weir_x_total", "", "p=\"a\"");
	struct weir_metric *b = metrics_add(set, WEIR_METRIC_COUNTER, "weir_x", "", "p=\"a\"");
	struct weir_metric *c =
		metrics_add(set, WEIR_METRIC_COUNTER, "weir_x_total", "", "p=\"b\"");

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	metric_add(a, 2);
	metrics_remove(set, b);
	assert_int_equal(metric_get(a), 2); /* still there: a holds it */
	metrics_remove(set, a);
	metrics_remove(set, c);
}

static void one_name_cannot_have_two_kinds(void **state)
{
	struct metrics *set = *state;

	assert_non_null(metrics_add(set, WEIR_METRIC_GAUGE, "weir_y", "", "p=\"m\""));
	assert_null(metrics_add(set, METRIC_HISTOGRAM, "weir_y", "", "p=\"a\""));
	assert_null(metrics_add(set, METRIC_HISTOGRAM, "weir_y", "", "p=\"z\""));
}

static void a_missing_metric_counts_nothing(void **state)
{
	(void)state;
	metric_add(NULL, 1);
	metric_set(NULL, 1);
	metric_change(NULL, 1);
	metric_observe_ns(NULL, 1);
	assert_int_equal(metric_get(NULL), 0);
}

static void a_counter_never_goes_down(void **state)
{
	struct weir_metric *counter = metrics_add(*state, WEIR_METRIC_COUNTER, "weir_n", "", "");

	metric_add(counter, 5);
	metric_add(counter, -3);
	assert_int_equal(metric_get(counter), 5);
}

static void *add_many(void *user)
{
	for (int i = 0; i < 20000; i++)
		metric_add(user, 1);
	return NULL;
}

static void no_count_is_lost_between_threads(void **state)
{
	struct weir_metric *counter = metrics_add(*state, WEIR_METRIC_COUNTER, "weir_n", "", "");
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, add_many, counter);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(metric_get(counter), 80000);
}

static void families_come_out_sorted_and_in_one_piece(void **state)
{
	struct metrics *set = *state;
	struct buffer out = {0};

	metric_set(metrics_add(set, WEIR_METRIC_GAUGE, "weir_b", "Of b", ""), -4);
	metric_add(metrics_add(set, WEIR_METRIC_COUNTER, "weir_a_total", "Of \"a\"\n\\", "p=\"2\""),
		   2);
	metric_set(metrics_add(set, WEIR_METRIC_GAUGE, "weir_c", "", "p=\"1\""), 9);
	metric_add(metrics_add(set, WEIR_METRIC_COUNTER, "weir_a_total", "other", "p=\"1\""), 1);
	assert_int_equal(metrics_render(set, &out), 0);
	assert_string_equal(buffer_cstr(&out), "# TYPE weir_a counter\n"
					       "# HELP weir_a other\n"
					       "weir_a_total{p=\"1\"} 1\n"
					       "weir_a_total{p=\"2\"} 2\n"
					       "# TYPE weir_b gauge\n"
					       "# HELP weir_b Of b\n"
					       "weir_b -4\n"
					       "# TYPE weir_c gauge\n"
					       "weir_c{p=\"1\"} 9\n"
					       "# EOF\n");
	buffer_done(&out);
}

static void a_histogram_is_cumulative(void **state)
{
	struct metrics *set = *state;
	struct weir_metric *h = metrics_add(set, METRIC_HISTOGRAM, "weir_t_seconds", "", "o=\"x\"");
	struct buffer out = {0};

	metric_observe_ns(h, 1);
	metric_observe_ns(h, 100000); /* a bound belongs to its own bucket */
	metric_observe_ns(h, 700000000);
	metric_observe_ns(h, UINT64_C(100) * 1000000000);
	assert_int_equal(metric_get(h), 4);
	assert_int_equal(metrics_render(set, &out), 0);
	buffer_cstr(&out);
	assert_non_null(strstr(out.data, "weir_t_seconds_bucket{o=\"x\",le=\"0.0001\"} 2\n"));
	assert_non_null(strstr(out.data, "weir_t_seconds_bucket{o=\"x\",le=\"0.5\"} 2\n"));
	assert_non_null(strstr(out.data, "weir_t_seconds_bucket{o=\"x\",le=\"1.0\"} 3\n"));
	assert_non_null(strstr(out.data, "weir_t_seconds_bucket{o=\"x\",le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(out.data, "weir_t_seconds_count{o=\"x\"} 4\n"));
	assert_non_null(strstr(out.data, "weir_t_seconds_sum{o=\"x\"} 100.700100001\n"));
	buffer_done(&out);
}

static void names_and_labels_are_made_valid(void **state)
{
	struct metrics *set = *state;
	struct buffer label = {0}, out = {0};

	assert_int_equal(metrics_escape_label(&label, weir_slice_of("a\"b\\c\nd")), 0);
	assert_string_equal(buffer_cstr(&label), "a\\\"b\\\\c\\nd");
	metric_set(metrics_add(set, WEIR_METRIC_GAUGE, "9weir-x.y", "", ""), 1);
	assert_int_equal(metrics_render(set, &out), 0);
	assert_non_null(strstr(buffer_cstr(&out), "_weir_x_y 1\n"));
	buffer_done(&label);
	buffer_done(&out);
}

static void sum_values(void *user, const char *name, const char *labels, int64_t value)
{
	(void)name;
	(void)labels;
	*(int64_t *)user += value;
}

static void every_metric_is_visited(void **state)
{
	struct metrics *set = *state;
	int64_t sum = 0;

	for (int i = 0; i < 200; i++) {
		char labels[32];

		snprintf(labels, sizeof(labels), "n=\"%d\"", i);
		metric_set(metrics_add(set, WEIR_METRIC_GAUGE, "weir_g", "", labels), 1);
	}
	metrics_each(set, sum_values, &sum);
	assert_int_equal(sum, 200);
}

#define METRIC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		METRIC_TEST(the_same_name_and_labels_are_the_same_metric),
		METRIC_TEST(one_name_cannot_have_two_kinds),
		METRIC_TEST(a_missing_metric_counts_nothing),
		METRIC_TEST(a_counter_never_goes_down),
		METRIC_TEST(no_count_is_lost_between_threads),
		METRIC_TEST(families_come_out_sorted_and_in_one_piece),
		METRIC_TEST(a_histogram_is_cumulative),
		METRIC_TEST(names_and_labels_are_made_valid),
		METRIC_TEST(every_metric_is_visited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
