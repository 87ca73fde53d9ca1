// SPDX-License-Identifier: MIT
/* The filter set: constants, expressions, and where the values go. */
#include "filters/fixture.h"

static const struct test_field fields[] = {
	STRING("method", "GET"),
	TEXT("bytes", WEIR_INT, WEIR_VALUE_TEXT, "1000"),
	VALUE("gone", WEIR_ABSENT, 0),
};

static void assert_set(const char *options, uint32_t spare, const char *json)
{
	struct filter f;

	filter_create(&f, "set", options);
	filter_run(&f, fields, COUNT(fields), 3, spare);
	for (uint32_t i = 0; i < 3; i++)
		assert_string_equal(filter_json(&f, i), json);
	assert_true(f.host.reserve_calls <= 8);
	filter_done(&f);
}

static void constants_have_the_types_of_yaml(void **state)
{
	(void)state;
	assert_set("{\"fields\": {\"s\": \"a b\", \"n\": 5, \"d\": 2.5, \"t\": true, \"z\": null, "
		   "\"quoted\": \"5\"}}",
		   0,
		   "{\"method\":\"GET\",\"bytes\":1000,\"s\":\"a b\",\"n\":5,\"d\":2.5,\"t\":true,"
		   "\"z\":null,\"quoted\":\"5\"}");
}

static void lists_and_maps_become_json(void **state)
{
	(void)state;
	assert_set("{\"fields\": {\"l\": [1, \"a\\\"b\", null, {\"k\": [true]}], "
		   "\"m\": {\"x\": 1.5, \"expr\": \"no\"}}}",
		   0,
		   "{\"method\":\"GET\",\"bytes\":1000,\"l\":[1,\"a\\\"b\",null,{\"k\":[true]}],"
		   "\"m\":{\"x\":1.5,\"expr\":\"no\"}}");
}

static void a_field_that_is_there_is_replaced_in_its_place(void **state)
{
	(void)state;
	assert_set("{\"fields\": {\"method\": \"PUT\", \"gone\": 1}}", 0,
		   "{\"method\":\"PUT\",\"bytes\":1000,\"gone\":1}");
}

static void expressions_keep_their_type(void **state)
{
	(void)state;
	assert_set("{\"fields\": {\"twice\": {\"expr\": \"bytes * 2\"}, "
		   "\"half\": {\"expr\": \"bytes / 3\"}, "
		   "\"word\": {\"expr\": \"lower(method) + '!'\"}, "
		   "\"big\": {\"expr\": \"bytes > 500\"}, \"same\": {\"expr\": \"bytes\"}, "
		   "\"no\": {\"expr\": \"1 / 0\"}}}",
		   0,
		   "{\"method\":\"GET\",\"bytes\":1000,\"twice\":2000,\"half\":333.3333333333333,"
		   "\"word\":\"get!\",\"big\":true,\"same\":1000,\"no\":null}");
}

static void an_expression_without_a_value_leaves_the_field_alone(void **state)
{
	(void)state;
	assert_set("{\"fields\": {\"method\": {\"expr\": \"missing\"}, "
		   "\"new\": {\"expr\": \"missing + 1\"}}}",
		   0, "{\"method\":\"GET\",\"bytes\":1000}");
}

static void later_fields_see_earlier_ones(void **state)
{
	(void)state;
	assert_set("{\"fields\": {\"bytes\": {\"expr\": \"bytes + 1\"}, "
		   "\"kib\": {\"expr\": \"bytes * 2\"}}}",
		   0, "{\"method\":\"GET\",\"bytes\":1001,\"kib\":2002}");
}

static void spare_slots_are_used_before_a_row_is_moved(void **state)
{
	struct filter f;

	(void)state;
	filter_create(&f, "set", "{\"fields\": {\"a\": 1, \"b\": 2}}");
	filter_run(&f, fields, COUNT(fields), 1, 2);
	assert_int_equal(f.batch->records[0].row, 0);
	assert_int_equal(f.batch->value_count, COUNT(fields) + 2);
	assert_string_equal(filter_json(&f, 0),
			    "{\"method\":\"GET\",\"bytes\":1000,\"a\":1,\"b\":2}");
	filter_run(&f, fields, COUNT(fields), 1, 1);
	assert_true(f.batch->records[0].row >= COUNT(fields) + 1);
	assert_string_equal(filter_json(&f, 0),
			    "{\"method\":\"GET\",\"bytes\":1000,\"a\":1,\"b\":2}");
	filter_done(&f);
}

static void old_values_in_spare_slots_do_not_come_back(void **state)
{
	struct filter f;

	(void)state;
	filter_create(&f, "set", "{\"fields\": {\"a\": {\"expr\": \"missing\"}}}");
	f.batch = one_record_batch(&f.host, fields, COUNT(fields), 1, 1);
	f.batch->values[COUNT(fields)] = weir_value_int(99);
	filter_process(&f);
	assert_string_equal(filter_json(&f, 0), "{\"method\":\"GET\",\"bytes\":1000}");
	filter_done(&f);
}

static void records_that_are_gone_are_left_alone(void **state)
{
	struct filter f;

	(void)state;
	filter_create(&f, "set", "{\"fields\": {\"a\": 1}}");
	f.batch = one_record_batch(&f.host, fields, COUNT(fields), 2, 0);
	f.batch->records[0].flags = WEIR_RECORD_DROPPED;
	filter_process(&f);
	assert_string_equal(filter_json(&f, 0), "{\"method\":\"GET\",\"bytes\":1000}");
	assert_string_equal(filter_json(&f, 1), "{\"method\":\"GET\",\"bytes\":1000,\"a\":1}");
	filter_done(&f);
}

static void without_memory_the_error_says_what_to_raise(void **state)
{
	struct filter f;

	(void)state;
	filter_create(&f, "set", "{\"fields\": {\"a\": 1}}");
	f.batch = one_record_batch(&f.host, fields, COUNT(fields), 2, 0);
	f.host.reserve_fails = 1;
	assert_int_equal(f.plugin->filter->process(f.instance, f.batch, &f.error), WEIR_ERR_MEMORY);
	assert_non_null(strstr(f.error.text, "memory_limit"));
	filter_done(&f);
}

static void a_bad_expression_or_name_is_refused(void **state)
{
	struct filter f;

	(void)state;
	assert_int_equal(filter_try(&f, "set", "{\"fields\": {\"a\": {\"expr\": \"b =\"}}}"),
			 WEIR_ERR_INVALID);
	assert_non_null(strstr(f.error.text, "write =="));
	filter_done(&f);
	assert_int_equal(filter_try(&f, "set", "{\"fields\": {\"@source\": 1}}"), WEIR_ERR_INVALID);
	assert_non_null(strstr(f.error.text, "metadata"));
	filter_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_have_the_types_of_yaml),
		cmocka_unit_test(lists_and_maps_become_json),
		cmocka_unit_test(a_field_that_is_there_is_replaced_in_its_place),
		cmocka_unit_test(expressions_keep_their_type),
		cmocka_unit_test(an_expression_without_a_value_leaves_the_field_alone),
		cmocka_unit_test(later_fields_see_earlier_ones),
		cmocka_unit_test(spare_slots_are_used_before_a_row_is_moved),
		cmocka_unit_test(old_values_in_spare_slots_do_not_come_back),
		cmocka_unit_test(records_that_are_gone_are_left_alone),
		cmocka_unit_test(without_memory_the_error_says_what_to_raise),
		cmocka_unit_test(a_bad_expression_or_name_is_refused),
	};

	return cmocka_run_group_tests_name("filter_set", tests, NULL, NULL);
}
