// SPDX-License-Identifier: MIT
/* The filters that work on names (rename, remove, keep) and where. */
#include "filters/fixture.h"

static const struct test_field fields[] = {
	STRING("a", "1"),
	STRING("b", "2"),
	STRING("c", "3"),
};

static void assert_filter(const char *name, const char *options, const char *json)
{
	struct filter f;

	filter_create(&f, name, options);
	for (int batch = 0; batch < 2; batch++) {
		filter_run(&f, fields, COUNT(fields), 2, 0);
		assert_string_equal(filter_json(&f, 0), json);
		assert_string_equal(filter_json(&f, 1), json);
	}
	filter_done(&f);
}

/* The shape must not have two fields of one name. */
static void assert_distinct(const struct weir_shape *shape)
{
	for (uint32_t i = 0; i < shape->count; i++)
		assert_int_equal(weir_shape_find(shape, shape->keys[i]->name), i);
}

static void a_renamed_field_stays_in_its_place(void **state)
{
	(void)state;
	assert_filter("rename", "{\"fields\": {\"b\": \"x\"}}",
		      "{\"a\":\"1\",\"x\":\"2\",\"c\":\"3\"}");
	assert_filter("rename", "{\"fields\": {\"missing\": \"x\"}}",
		      "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
}

static void a_new_name_that_is_taken_replaces_that_field(void **state)
{
	(void)state;
	assert_filter("rename", "{\"fields\": {\"a\": \"b\"}}", "{\"b\":\"1\",\"c\":\"3\"}");
	assert_filter("rename", "{\"fields\": {\"a\": \"a\"}}",
		      "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
}

static void names_can_be_swapped_and_passed_on(void **state)
{
	(void)state;
	assert_filter("rename", "{\"fields\": {\"a\": \"b\", \"b\": \"a\"}}",
		      "{\"b\":\"1\",\"a\":\"2\",\"c\":\"3\"}");
	assert_filter("rename", "{\"fields\": {\"a\": \"b\", \"b\": \"c\"}}",
		      "{\"b\":\"1\",\"c\":\"2\"}");
	assert_filter("rename", "{\"fields\": {\"a\": \"b\", \"b\": \"c\", \"c\": \"a\"}}",
		      "{\"b\":\"1\",\"c\":\"2\",\"a\":\"3\"}");
}

static void renaming_a_field_that_a_record_lacks_changes_nothing(void **state)
{
	static const struct test_field some[] = {VALUE("a", WEIR_ABSENT, 0), STRING("b", "2")};
	struct filter f;

	(void)state;
	filter_create(&f, "rename", "{\"fields\": {\"a\": \"b\"}}");
	filter_run(&f, some, COUNT(some), 1, 0);
	assert_string_equal(filter_json(&f, 0), "{\"b\":\"2\"}");
	filter_done(&f);
}

static void shapes_never_get_two_fields_of_one_name(void **state)
{
	static const char *const names[] = {"a", "b", "c", "x", "y"};
	char options[256];
	struct filter f;

	(void)state;
	srand(5);
	for (int round = 0; round < 500; round++) {
		int order[5] = {0, 1, 2, 3, 4};

		for (int i = 4; i > 0; i--) {
			int k = rand() % (i + 1), kept = order[i];

			order[i] = order[k];
			order[k] = kept;
		}
		(void)snprintf(options, sizeof(options),
			       "{\"fields\": {\"a\": \"%s\", \"%s\": \"%s\"}}", names[order[0]],
			       rand() % 2 ? "b" : "c", names[order[1]]);
		filter_create(&f, "rename", options);
		filter_run(&f, fields, COUNT(fields), 1, 0);
		assert_distinct(f.batch->shapes[f.batch->records[0].shape]);
		assert_non_null(strstr(filter_json(&f, 0), "\"1\""));
		filter_done(&f);
	}
}

static void two_fields_cannot_get_one_name(void **state)
{
	struct filter f;

	(void)state;
	assert_int_equal(filter_try(&f, "rename", "{\"fields\": {\"a\": \"x\", \"b\": \"x\"}}"),
			 WEIR_ERR_INVALID);
	assert_non_null(strstr(f.error.text, "both 'a' and 'b' would become 'x'"));
	filter_done(&f);
}

static void remove_takes_out_what_is_listed(void **state)
{
	(void)state;
	assert_filter("remove", "{\"fields\": [\"b\", \"missing\"]}", "{\"a\":\"1\",\"c\":\"3\"}");
	assert_filter("remove", "{\"fields\": [\"a\", \"b\", \"c\"]}", "{}");
}

static void keep_takes_out_all_else(void **state)
{
	(void)state;
	assert_filter("keep", "{\"fields\": [\"c\", \"a\", \"missing\"]}",
		      "{\"a\":\"1\",\"c\":\"3\"}");
	assert_filter("keep", "{\"fields\": [\"missing\"]}", "{}");
}

static void where_drops_what_the_expression_is_not_true_for(void **state)
{
	struct filter f;

	(void)state;
	filter_create(&f, "where", "{\"expr\": \"@position == 42 and a == 1\"}");
	f.batch = one_record_batch(&f.host, fields, COUNT(fields), 200, 0);
	for (uint32_t i = 0; i < 200; i++)
		f.batch->records[i].position = i % 3 ? 42 : 43;
	f.batch->records[5].flags = WEIR_RECORD_HELD;
	filter_process(&f);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(f.batch->records[i].flags, i == 5  ? WEIR_RECORD_HELD
							    : i % 3 ? 0
								    : WEIR_RECORD_DROPPED);
	filter_done(&f);
}

static void where_refuses_what_is_no_expression(void **state)
{
	struct filter f;

	(void)state;
	assert_int_equal(filter_try(&f, "where", "{\"expr\": \"lenght(a) > 1\"}"),
			 WEIR_ERR_INVALID);
	assert_non_null(strstr(f.error.text, "did you mean 'length'"));
	filter_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_renamed_field_stays_in_its_place),
		cmocka_unit_test(a_new_name_that_is_taken_replaces_that_field),
		cmocka_unit_test(names_can_be_swapped_and_passed_on),
		cmocka_unit_test(renaming_a_field_that_a_record_lacks_changes_nothing),
		cmocka_unit_test(shapes_never_get_two_fields_of_one_name),
		cmocka_unit_test(two_fields_cannot_get_one_name),
		cmocka_unit_test(remove_takes_out_what_is_listed),
		cmocka_unit_test(keep_takes_out_all_else),
		cmocka_unit_test(where_drops_what_the_expression_is_not_true_for),
		cmocka_unit_test(where_refuses_what_is_no_expression),
	};

	return cmocka_run_group_tests_name("filter_names", tests, NULL, NULL);
}
