// SPDX-License-Identifier: MIT
/* Names of indices: what is refused when the agent starts, and what a record makes of a template. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../plugins/output/elasticsearch/index_name.c"
#include "elasticsearch/fields_as_expressions.h"
#include "support/timeparse/calendar.c"

static struct mock_host host;
static struct index_name name;
static struct index_memo memo;
static struct weir_error error;

static int setup(void **state)
{
	(void)state;
	mock_host_create(&host);
	fields_as_expressions(&host);
	memset(&name, 0, sizeof(name));
	memset(&error, 0, sizeof(error));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	index_name_done(&name);
	mock_host_destroy(&host);
	return 0;
}

static int32_t compile(const char *text)
{
	struct weir_node node = {.struct_size = sizeof(node), .line = 7, .column = 3};

	node.text = weir_slice_of(text);
	index_name_done(&name);
	memset(&memo, 0, sizeof(memo)); /* it was another name's */
	return index_name_compile(&host.services, &node, &name, &error);
}

/* The name of a record with this message and time; why not, where it has none. */
static const char *rendered(const char *message, int64_t timestamp_ns)
{
	static char text[INDEX_NAME_MAX + 1], why[160];
	struct weir_batch *batch = mock_batch_lines(&host, weir_slice_of(message), 0);
	uint32_t size;

	batch->records[0].timestamp_ns = timestamp_ns;
	size = index_name_render(&name, batch, 0, &memo, why, sizeof(why));
	mock_batch_free(batch);
	memcpy(text, memo.text, size);
	text[size] = '\0';
	return size ? text : why;
}

#define SECOND INT64_C(1000000000)

static void dates_are_those_of_the_record_in_utc(void **state)
{
	(void)state;
	assert_int_equal(compile("web-%Y.%m.%d-%H"), 0);
	assert_true(name.has_date && !name.has_expr);
	assert_string_equal(rendered("x", 0), "web-1970.01.01-00");
	assert_string_equal(rendered("x", INT64_C(1709251199) * SECOND), "web-2024.02.29-23");
	assert_string_equal(rendered("x", INT64_C(1709251199) * SECOND + SECOND),
			    "web-2024.03.01-00");
	assert_string_equal(rendered("x", -1), "web-1969.12.31-23");
	assert_string_equal(rendered("x", INT64_MIN), "web-1677.09.21-00");
	assert_string_equal(rendered("x", INT64_MAX), "web-2262.04.11-23");
}

static void values_are_put_in_lower_case_and_tamed(void **state)
{
	(void)state;
	assert_int_equal(compile("logs-{message}"), 0);
	assert_true(name.has_expr);
	assert_string_equal(rendered("Web-01.Eu", 0), "logs-web-01.eu");
	assert_string_equal(rendered("a b/c\\d*e?f\"g<h>i|j,k#l:m", 0),
			    "logs-a_b_c_d_e_f_g_h_i_j_k_l_m");
	assert_string_equal(rendered("\xc3\xa9", 0), "logs-__");
	assert_string_equal(rendered("../../_bulk", 0), "logs-.._..__bulk");
}

static void a_missing_value_is_no_index(void **state)
{
	(void)state;
	assert_int_equal(compile("logs-{service}"), 0);
	assert_string_equal(rendered("x", 0), "no index: the record has no service");
}

static void a_value_cannot_name_a_system_index(void **state)
{
	(void)state;
	assert_int_equal(compile("{message}"), 0);
	assert_string_equal(rendered(".security", 0),
			    "no index: .security begins with -, _, + or .");
	assert_string_equal(rendered("_all", 0), "no index: _all begins with -, _, + or .");
	assert_string_equal(rendered("web", 0), "web");
}

static void a_name_has_at_most_255_bytes(void **state)
{
	char value[257];

	(void)state;
	assert_int_equal(compile("x{message}"), 0);
	memset(value, 'v', sizeof(value));
	value[254] = '\0';
	assert_int_equal(strlen(rendered(value, 0)), 255);
	value[254] = 'v';
	value[255] = '\0';
	assert_string_equal(rendered(value, 0),
			    "no index: its name would have more than 255 bytes");
	value[255] = 'v';
	value[256] = '\0';
	assert_int_equal(compile(value), WEIR_ERR_INVALID);
	value[255] = '\0';
	assert_int_equal(compile(value), 0);
	memcpy(value + 247, "%Y%m%Y", 7); /* 247 and ten digits */
	assert_int_equal(compile(value), WEIR_ERR_INVALID);
	memcpy(value + 245, "%Y%m%Y", 7);
	assert_int_equal(compile(value), 0);
	assert_int_equal(name.size, 255);
	assert_int_equal(strlen(rendered("x", 0)), 255);
}

static void a_brace_in_quotes_does_not_end_an_expression(void **state)
{
	(void)state;
	assert_int_equal(compile("a-{f(\"}\", '}', '\\'}')}-b"), 0);
	assert_int_equal(name.count, 3);
	assert_true(weir_slice_equals(name.parts[1].source, "f(\"}\", '}', '\\'}')"));
}

static void a_bad_template_is_refused_where_it_is_written(void **state)
{
	static const char *const bad[] = {
		"Web",     "a b",         "a/b",  "a*",   "a?",   "a\"b", "a<b",  "a>b",
		"a|b",     "a,b",         "a#b",  "a:b",  "a\\b", "-a",   "_a",   "+a",
		".",       "..",          "",     "a-%",  "a-%y", "a-%%", "a-{b", "a-{\"}\"",
		"a-{bad}", "caf\xc3\xa9", "a\tb", "a\x7f"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&error, 0, sizeof(error));
		if (compile(bad[i]) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(error.line, 7);
		assert_int_equal(error.column, 3);
		assert_true(error.text[0]);
	}
	assert_int_equal(compile(".ds"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dates_are_those_of_the_record_in_utc),
		TEST(values_are_put_in_lower_case_and_tamed),
		TEST(a_missing_value_is_no_index),
		TEST(a_value_cannot_name_a_system_index),
		TEST(a_name_has_at_most_255_bytes),
		TEST(a_brace_in_quotes_does_not_end_an_expression),
		TEST(a_bad_template_is_refused_where_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
