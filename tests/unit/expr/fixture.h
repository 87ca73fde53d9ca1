// SPDX-License-Identifier: MIT
/* One record with a field of every kind, and checks of what an expression makes of it. */
#ifndef EXPR_FIXTURE_H
#define EXPR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expr/expr.h"
#include "one_record.h"

static const struct test_field expr_fields[] = {
	STRING("method", "GET"),
	TEXT("status", WEIR_INT, WEIR_VALUE_TEXT, "500"),
	VALUE("bytes", WEIR_INT, 1234),
	TEXT("took", WEIR_DOUBLE, WEIR_VALUE_TEXT, "0.25"),
	STRING("code", "200"),
	STRING("empty", ""),
	STRING("agent", "Mozilla/5.0 (X11)"),
	STRING("with space", "yes"),
	STRING("dotted.name", "flat"),
	VALUE("ok", WEIR_BOOL, 1),
	VALUE("nothing", WEIR_NULL, 0),
	VALUE("gone", WEIR_ABSENT, 0),
	VALUE("when", WEIR_TIMESTAMP, (uint64_t)ONE_RECORD_TIME),
	TEXT("user", WEIR_MAP, 0,
	     "{\"name\":\"Ann \\\"A\\\"\",\"id\":7,\"a\":{\"b\":{\"c\":[1,\"x\",null]}},"
	     "\"no\":null,\"t\":true,\"\\u00e9\":\"\\ud83d\\ude00\\ud800\"}"),
	TEXT("dotted", WEIR_MAP, 0, "{\"name\":\"nested\",\"other\":\"inside\"}"),
	TEXT("tags", WEIR_LIST, 0, "[\"red\",\"a,b\",3,{\"x\":[1]}]"),
	VALUE("most", WEIR_INT, INT64_MAX),
	TEXT("loose", WEIR_MAP, 0, "{ \"a\" : [ 1 , \"x\" ,\t{ } ] , \"b\" :2 }"),
};
#define EXPR_FIELD_COUNT (sizeof(expr_fields) / sizeof(expr_fields[0]))

static inline struct weir_expr *expr_of(const char *text)
{
	struct weir_error error = {0};
	struct weir_expr *expr = NULL;

	if (expr_compile(weir_slice_of(text), &expr, &error) != 0)
		fail_msg("%s: at %u: %s", text, error.offset, error.text);
	return expr;
}

/* Both ways of evaluation must agree: over the batch, and for one record. */
static inline void assert_truth(const char *text, int expected)
{
	struct mock_host host;
	struct weir_expr *expr = expr_of(text), *whole;
	uint64_t selected = UINT64_MAX;
	struct weir_slice answer;
	struct weir_batch *batch;
	char *wrapped = malloc(strlen(text) + 32);

	mock_host_create(&host);
	batch = one_record_batch(&host, expr_fields, EXPR_FIELD_COUNT, 1, 0);
	expr_select(expr, batch, &selected);
	if (selected != (uint64_t)expected)
		fail_msg("%s: selected %d, expected %d", text, (int)selected, expected);
	(void)sprintf(wrapped, "(%s) and true", text);
	whole = expr_of(wrapped);
	assert_int_equal(expr_text(whole, batch, 0, &answer), 0);
	if (!weir_slice_equals(answer, expected ? "true" : "false"))
		fail_msg("%s: for one record it differs", text);
	free(wrapped);
	expr_free(expr);
	expr_free(whole);
	mock_batch_free(batch);
	mock_host_destroy(&host);
}

/* The value as text; expected NULL for absent and null. */
static inline void assert_text(const char *text, const char *expected)
{
	struct mock_host host;
	struct weir_expr *expr = expr_of(text);
	struct weir_batch *batch;
	struct weir_slice answer = {NULL, 0};
	int result;

	mock_host_create(&host);
	batch = one_record_batch(&host, expr_fields, EXPR_FIELD_COUNT, 1, 0);
	result = expr_text(expr, batch, 0, &answer);
	if (!expected && result != WEIR_ERR_NOT_FOUND)
		fail_msg("%s: expected nothing, got '%.*s'", text, (int)answer.size, answer.data);
	if (expected && (result != 0 || !weir_slice_equals(answer, expected)))
		fail_msg("%s: got '%.*s', expected '%s'", text, (int)answer.size,
			 answer.data ? answer.data : "", expected);
	expr_free(expr);
	mock_batch_free(batch);
	mock_host_destroy(&host);
}

/* It doesn't compile; the error is at `offset` and says `part`. */
static inline void assert_refused(const char *text, uint32_t offset, const char *part)
{
	struct weir_error error = {0};
	struct weir_expr *expr = NULL;

	if (expr_compile(weir_slice_of(text), &expr, &error) != WEIR_ERR_INVALID)
		fail_msg("%s: compiled", text);
	if (!strstr(error.text, part) || error.offset != offset)
		fail_msg("%s: at %u: %s", text, error.offset, error.text);
}

#endif
