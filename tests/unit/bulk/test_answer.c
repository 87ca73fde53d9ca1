// SPDX-License-Identifier: MIT
/* Answers of _bulk: those that can be matched with what was sent, and those that cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "support/bulk/bulk_answer.h"

/* As OpenSearch 2.19 answers to two creates, the second of which does not fit the mapping. */
#define CREATED "{\"create\":{\"_id\":\"a\",\"status\":201}}"
#define REFUSED                                                                             \
	"{\"create\":{\"_index\":\"x\",\"_id\":\"b\",\"status\":400,\"error\":{"            \
	"\"type\":\"mapper_parsing_exception\",\"reason\":\"failed to parse [\\\"x\\\"]\"," \
	"\"caused_by\":{\"type\":\"i\",\"reason\":\"For input\"}}}}"
#define ANSWER(items) "{\"took\":30,\"errors\":true,\"items\":[" items "]}"

static struct bulk_answer *answer;
static const struct bulk_item *items;

static int setup(void **state)
{
	(void)state;
	answer = bulk_answer_create();
	items = NULL;
	return answer ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	bulk_answer_destroy(answer);
	return 0;
}

/* From memory that ends where the text does. */
static const char *read_bytes(const char *text, size_t size, uint32_t expected)
{
	char *copy = malloc(size ? size : 1);
	const char *wrong;

	memcpy(copy, text, size);
	wrong = bulk_answer_read(answer, (struct weir_slice){copy, size}, "create", expected,
				 &items);
	free(copy);
	return wrong;
}

static const char *read_text(const char *text, uint32_t expected)
{
	return read_bytes(text, strlen(text), expected);
}

static void items_have_status_id_and_error(void **state)
{
	(void)state;
	assert_null(read_text(ANSWER(CREATED "," REFUSED), 2));
	assert_int_equal(items[0].status, 201);
	assert_true(weir_slice_equals(items[0].id, "a"));
	assert_int_equal(items[0].type.size, 0);
	assert_int_equal(items[1].status, 400);
	assert_true(weir_slice_equals(items[1].type, "mapper_parsing_exception"));
	assert_true(weir_slice_equals(items[1].reason, "failed to parse [\"x\"]"));
	assert_true(weir_slice_equals(items[1].cause, "For input"));
}

static void an_error_may_be_a_sentence(void **state)
{
	(void)state;
	assert_null(read_text(ANSWER("{\"create\":{\"status\":400,\"error\":\"Nope[x]\"}}"), 1));
	assert_true(weir_slice_equals(items[0].reason, "Nope[x]"));
}

static void too_few_and_too_many_items_are_unusable(void **state)
{
	(void)state;
	assert_string_equal(read_text(ANSWER(CREATED), 2),
			    "it has fewer items than records were sent");
	assert_string_equal(read_text(ANSWER(CREATED "," CREATED), 1),
			    "it has more items than records were sent");
	assert_non_null(read_text(ANSWER(""), 1));
	assert_null(read_text(ANSWER(CREATED "," CREATED), 2));
}

/* Cut anywhere, an answer is never taken for a whole one. */
static void every_cut_answer_is_unusable(void **state)
{
	static const char whole[] = ANSWER(CREATED "," REFUSED);

	(void)state;
	for (size_t size = 0; size < sizeof(whole) - 1; size++)
		assert_non_null(read_bytes(whole, size, 2));
	assert_null(read_bytes(whole, sizeof(whole) - 1, 2));
}

static void what_is_no_answer_of_bulk_is_unusable(void **state)
{
	static const char *const answers[] = {
		"<html><body>It works!</body></html>",
		"{}",
		"[]",
		"null",
		"{\"items\":{}}",
		"{\"errors\":false}",
		"{\"error\":{\"type\":\"x\",\"reason\":\"y\"},\"status\":400}",
		ANSWER("1"),
		ANSWER("{}"),
		ANSWER("{\"create\":{}}"),
		ANSWER("{\"create\":{\"status\":\"201\"}}"),
		ANSWER("{\"create\":{\"status\":0}}"),
		ANSWER("{\"create\":{\"status\":600}}"),
		ANSWER("{\"create\":{\"status\":-201}}"),
		ANSWER("{\"create\":{\"status\":201.5}}"),
		ANSWER("{\"index\":{\"status\":201}}"),
		ANSWER("{\"create\":{\"status\":201},\"index\":{\"status\":201}}"),
		ANSWER(CREATED) "garbage",
		"{\"items\":[{\"create\":{\"status\":201,\"x\":nul}}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		assert_non_null(read_text(answers[i], 1));
}

static void a_long_answer_after_a_short_one_is_read(void **state)
{
	const uint32_t count = 10000;
	char *text = malloc(count * sizeof(CREATED) + 64), *end = text;

	(void)state;
	assert_null(read_text(ANSWER(CREATED), 1));
	end += sprintf(end, "{\"errors\":false,\"items\":[" CREATED);
	for (uint32_t i = 1; i < count; i++)
		end += sprintf(end, "," CREATED);
	end += sprintf(end, "]}");
	assert_null(read_text(text, count));
	assert_int_equal(items[count - 1].status, 201);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(items_have_status_id_and_error),
		TEST(an_error_may_be_a_sentence),
		TEST(too_few_and_too_many_items_are_unusable),
		TEST(every_cut_answer_is_unusable),
		TEST(what_is_no_answer_of_bulk_is_unusable),
		TEST(a_long_answer_after_a_short_one_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
