// SPDX-License-Identifier: MIT
/* Records as JSON objects: which members, in which order, with which values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/json.h"
#include "one_record.h"

struct fixture {
	struct mock_host host;
	struct weir_batch *batch;
};

static void fill(struct fixture *f, const struct test_field *fields, uint32_t count)
{
	mock_host_create(&f->host);
	f->batch = one_record_batch(&f->host, fields, count, 1, 0);
}

static void done(struct fixture *f)
{
	mock_batch_free(f->batch);
	mock_host_destroy(&f->host);
}

static void assert_record(const struct test_field *fields, uint32_t count,
			  const struct weir_encode_spec *spec, const char *json)
{
	struct buffer out = {0};
	struct fixture f;

	fill(&f, fields, count);
	assert_int_equal(
		json_append_record(&out, f.batch, f.batch->records, spec, weir_slice_of("web\"1")),
		0);
	assert_string_equal(buffer_cstr(&out), json);
	buffer_done(&out);
	done(&f);
}

#define ASSERT_RECORD(fields, spec, json) \
	assert_record((fields), sizeof(fields) / sizeof((fields)[0]), (spec), (json))

static const struct weir_encode_spec all = {.struct_size = sizeof(all), .format = WEIR_ENCODE_JSON};

static void every_type_has_its_json_form(void **state)
{
	const struct test_field fields[] = {
		STRING("s", "a\tb"),
		TEXT("p", WEIR_STRING, WEIR_VALUE_PLAIN, "a longer text that needs no care at all"),
		TEXT("i", WEIR_INT, WEIR_VALUE_TEXT, "200"),
		TEXT("d", WEIR_DOUBLE, WEIR_VALUE_TEXT, "0.10"),
		VALUE("n", WEIR_INT, (uint64_t)-7),
		VALUE("t", WEIR_BOOL, 1),
		VALUE("f", WEIR_BOOL, 0),
		VALUE("z", WEIR_NULL, 0),
		TEXT("b", WEIR_BYTES, 0, "foo"),
		VALUE("w", WEIR_TIMESTAMP, 1500000000),
		TEXT("m", WEIR_MAP, 0, "{\"a\":[1,{}]}"),
		TEXT("l", WEIR_LIST, 0, "[null]"),
	};

	(void)state;
	ASSERT_RECORD(
		fields, &all,
		"{\"s\":\"a\\tb\",\"p\":\"a longer text that needs no care at all\",\"i\":200,"
		"\"d\":0.10,\"n\":-7,\"t\":true,\"f\":false,\"z\":null,\"b\":\"Zm9v\","
		"\"w\":\"1970-01-01T00:00:01.500Z\",\"m\":{\"a\":[1,{}]},\"l\":[null]}");
}

static void absent_values_are_left_out(void **state)
{
	const struct test_field fields[] = {VALUE("a", WEIR_ABSENT, 0), STRING("b", "x"),
					    VALUE("c", WEIR_ABSENT, 0)};

	(void)state;
	ASSERT_RECORD(fields, &all, "{\"b\":\"x\"}");
}

static void a_record_without_fields_is_an_empty_object(void **state)
{
	const struct test_field fields[] = {VALUE("a", WEIR_ABSENT, 0)};

	(void)state;
	ASSERT_RECORD(fields, &all, "{}");
}

static void metadata_comes_first_and_in_a_fixed_order(void **state)
{
	const struct test_field fields[] = {STRING("a", "x")};
	struct weir_encode_spec spec = all;

	(void)state;
	spec.meta = WEIR_META_TIMESTAMP | WEIR_META_SOURCE | WEIR_META_POSITION | WEIR_META_HOST;
	ASSERT_RECORD(fields, &spec,
		      "{\"@timestamp\":\"2015-05-17T10:05:03Z\",\"@source\":\"/var/log/test.log\","
		      "\"@position\":42,\"@host\":\"web\\\"1\",\"a\":\"x\"}");
}

static void a_field_named_like_metadata_gives_way_only_when_both_would_appear(void **state)
{
	const struct test_field fields[] = {STRING("@timestamp", "mine"),
					    STRING("@source", "mine too")};
	struct weir_encode_spec spec = all;

	(void)state;
	ASSERT_RECORD(fields, &spec, "{\"@timestamp\":\"mine\",\"@source\":\"mine too\"}");
	spec.meta = WEIR_META_TIMESTAMP;
	ASSERT_RECORD(fields, &spec,
		      "{\"@timestamp\":\"2015-05-17T10:05:03Z\",\"@source\":\"mine too\"}");
}

static void chosen_fields_come_in_the_order_asked_for(void **state)
{
	const struct test_field fields[] = {STRING("a", "1"), STRING("b", "2"), STRING("c", "3")};
	const struct weir_slice names[] = {weir_slice_of("c"), weir_slice_of("@position"),
					   weir_slice_of("missing"), weir_slice_of("a")};
	struct weir_encode_spec spec = all;

	(void)state;
	spec.fields = names;
	spec.field_count = 4;
	ASSERT_RECORD(fields, &spec, "{\"c\":\"3\",\"@position\":42,\"a\":\"1\"}");
}

static void the_text_form_has_no_quotes_and_no_escapes(void **state)
{
	const struct test_field fields[] = {STRING("a", "x\"y"), VALUE("b", WEIR_INT, 5),
					    VALUE("c", WEIR_BOOL, 1), VALUE("d", WEIR_NULL, 0),
					    VALUE("e", WEIR_TIMESTAMP, 0)};
	struct buffer out = {0};
	struct fixture f;

	(void)state;
	fill(&f, fields, 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(text_append_value(&out, f.batch, &f.batch->values[i]), 0);
		assert_int_equal(buffer_text(&out, "|"), 0);
	}
	assert_string_equal(buffer_cstr(&out), "x\"y|5|true||1970-01-01T00:00:00Z|");
	buffer_done(&out);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_json_form),
		cmocka_unit_test(absent_values_are_left_out),
		cmocka_unit_test(a_record_without_fields_is_an_empty_object),
		cmocka_unit_test(metadata_comes_first_and_in_a_fixed_order),
		cmocka_unit_test(a_field_named_like_metadata_gives_way_only_when_both_would_appear),
		cmocka_unit_test(chosen_fields_come_in_the_order_asked_for),
		cmocka_unit_test(the_text_form_has_no_quotes_and_no_escapes),
	};

	return cmocka_run_group_tests_name("json_record", tests, NULL, NULL);
}
