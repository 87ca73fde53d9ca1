// SPDX-License-Identifier: MIT
/* Nodes in turn, and those that fail put aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../plugins/output/elasticsearch/nodes.c"
#include "mock_host.h"

#define SECOND UINT64_C(1000000000)

static struct mock_host host;
static struct nodes nodes;
static uint64_t now;

static uint64_t clock_of_test(void)
{
	return now;
}

static const struct weir_node urls[] = {
	{.text = {"http://a/", 9}}, {.text = {"http://b/x", 10}}, {.text = {"http://c", 8}}};
static const struct weir_node *const items[] = {&urls[0], &urls[1], &urls[2]};

static void create(uint32_t count)
{
	const struct weir_node list = {.count = count, .items = items};

	assert_int_equal(
		nodes_create(&nodes, &host.services, mock_context(&host), &list, "/_bulk", NULL),
		0);
	nodes.next = 0;
}

static int setup(void **state)
{
	(void)state;
	mock_host_create(&host);
	host.services.monotonic_ns = clock_of_test;
	now = 1000 * SECOND;
	create(3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nodes_destroy(&nodes);
	mock_host_destroy(&host);
	return 0;
}

static char picked(void)
{
	return nodes_pick(&nodes)->place.data[7];
}

static void fail_node(char which)
{
	nodes_failed(&nodes, &nodes.list[which - 'a'], 0, weir_slice_of("refused"));
}

static void urls_end_in_the_path(void **state)
{
	(void)state;
	assert_true(weir_slice_equals(nodes.list[0].url, "http://a/_bulk"));
	assert_true(weir_slice_equals(nodes.list[1].url, "http://b/x/_bulk"));
	assert_ptr_equal(nodes_of(&nodes, nodes.list[1].url), &nodes.list[1]);
}

static void nodes_take_turns(void **state)
{
	(void)state;
	assert_int_equal(picked(), 'a');
	assert_int_equal(picked(), 'b');
	assert_int_equal(picked(), 'c');
	assert_int_equal(picked(), 'a');
}

static void a_failed_node_is_put_aside_and_tried_by_one_request(void **state)
{
	uint32_t tries = 0;

	(void)state;
	fail_node('b');
	assert_int_equal(mock_metric_value(&host, "nodes_up"), 2);
	for (int i = 0; i < 10; i++)
		assert_int_not_equal(picked(), 'b');
	now += SECOND;
	for (int i = 0; i < 10; i++)
		tries += picked() == 'b';
	assert_int_equal(tries, 1);
	nodes_worked(&nodes, &nodes.list[1]);
	assert_int_equal(mock_metric_value(&host, "nodes_up"), 3);
	assert_int_equal(host.log_lines, 2);
}

static void a_node_that_goes_on_failing_is_left_alone_for_up_to_a_minute(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		now += 100 * SECOND;
		fail_node('b');
	}
	now += 29 * SECOND;
	for (int i = 0; i < 10; i++)
		assert_int_not_equal(picked(), 'b');
	now += 31 * SECOND;
	assert_true(picked() == 'b' || picked() == 'b' || picked() == 'b');
	assert_int_equal(host.log_lines, 1);
}

static void requests_that_fail_together_are_one_failure(void **state)
{
	(void)state;
	fail_node('b');
	for (int i = 0; i < 8; i++) { /* began before the first failed */
		now += SECOND / 100;
		nodes_failed(&nodes, &nodes.list[1], 5 * SECOND, weir_slice_of("refused"));
	}
	assert_int_equal(nodes.list[1].failures, 1);
}

static void with_all_aside_the_one_that_is_due_first_is_asked(void **state)
{
	(void)state;
	fail_node('a');
	fail_node('b');
	fail_node('c');
	nodes.list[1].aside_until_ns = now + 1;
	assert_false(nodes_has_other(&nodes, &nodes.list[0]));
	assert_int_equal(picked(), 'b');
	now += SECOND;
	assert_true(nodes_has_other(&nodes, &nodes.list[1]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(urls_end_in_the_path),
		TEST(nodes_take_turns),
		TEST(a_failed_node_is_put_aside_and_tried_by_one_request),
		TEST(a_node_that_goes_on_failing_is_left_alone_for_up_to_a_minute),
		TEST(requests_that_fail_together_are_one_failure),
		TEST(with_all_aside_the_one_that_is_due_first_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
