// SPDX-License-Identifier: MIT
/* Which lines belong together: each text is given with '|' before every line that begins a record. */
#include "cmocka_all.h"

#include "mock_options.h"
#include "multiline.h"
#include "options.h"

static struct multiline *rules_of(struct mock_pool *pool, const char *json)
{
	const struct weir_node *options = mock_options(pool, tail_option_list, json);
	struct multiline *rules = NULL;
	struct weir_error error = {0};

	if (multiline_create(weir_node_find(options, "multiline"), &rules, &error) < 0)
		fail_msg("%s", error.text);
	return rules;
}

static void check(const char *json, const char *text)
{
	struct mock_pool pool = {0};
	struct multiline *rules = rules_of(&pool, json);
	struct multiline_scratch *scratch = multiline_scratch_new();
	uint8_t group = MULTILINE_DONE;

	for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
		int begins = *at == '|';
		const uint8_t *line = (const uint8_t *)at + begins;
		uint32_t size = (uint32_t)strcspn((const char *)line, "\n");
		int joins = group != MULTILINE_DONE &&
			    multiline_join(rules, scratch, &group, line, size);

		if (joins == begins)
			fail_msg("%s: `%.*s` should %s", json, (int)size, (const char *)line,
				 begins ? "begin a record" : "join");
		if (!joins)
			group = multiline_begin(rules, scratch, line, size);
	}
	multiline_scratch_free(scratch);
	multiline_destroy(rules);
	mock_pool_free(&pool);
}

static void java_traces(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"preset\":\"java\"}}",
	      "|2026-11-24 10:00:00 INFO start\n"
	      "|2026-11-24 10:00:01 ERROR failed\n"
	      "java.lang.RuntimeException: outer\n"
	      "\tat com.example.Main.run(Main.java:10)\n"
	      "\tSuppressed: java.io.IOException: x\n"
	      "\t\tat com.example.Other.close(Other.java:3)\n"
	      "Caused by: java.lang.IllegalStateException: inner\n"
	      "\tat com.example.Main.inner(Main.java:20)\n"
	      "\t... 1 more\n"
	      "|2026-11-24 10:00:02 INFO on\n"
	      "|Exception in thread \"main\" java.lang.Error: no\n"
	      "    at com.example.Main.main(Main.java:1)\n"
	      "|done\n");
}

static void python_traces(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"preset\":\"python\"}}",
	      "|INFO start\n"
	      "|ERROR failed\n"
	      "Traceback (most recent call last):\n"
	      "  File \"a.py\", line 1, in <module>\n"
	      "    f()\n"
	      "ValueError: one\n"
	      "\n"
	      "During handling of the above exception, another exception occurred:\n"
	      "\n"
	      "Traceback (most recent call last):\n"
	      "  File \"a.py\", line 3, in <module>\n"
	      "KeyError: 'two'\n"
	      "|INFO on\n"
	      "Traceback (most recent call last):\n"
	      "  File \"b.py\", line 1, in <module>\n"
	      "package.module.CustomError: three\n"
	      "|INFO end\n");
}

static void go_panics(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"preset\":\"go\"}}",
	      "|starting\n"
	      "|panic: runtime error: index out of range [5] with length 3\n"
	      "\n"
	      "goroutine 1 [running]:\n"
	      "main.work(0x1, 0x2)\n"
	      "\t/src/main.go:12 +0x1d\n"
	      "main.main()\n"
	      "\t/src/main.go:20 +0x20\n"
	      "\n"
	      "goroutine 5 [chan receive]:\n"
	      "created by main.start\n"
	      "\t/src/main.go:30 +0x50\n"
	      "exit status 2\n"
	      "|started again\n");
}

static void ruby_traces(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"preset\":\"ruby\"}}",
	      "|I, start\n"
	      "|app.rb:3:in `work': failed (RuntimeError)\n"
	      "\tfrom app.rb:7:in `block in run'\n"
	      "\tfrom app.rb:9:in `<main>'\n"
	      "|I, on\n");
}

static void dotnet_traces(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"preset\":\"dotnet\"}}",
	      "|info: start\n"
	      "|Unhandled exception. System.InvalidOperationException: outer\n"
	      " ---> System.IO.IOException: inner\n"
	      "   at App.Inner() in /src/App.cs:line 3\n"
	      "   --- End of inner exception stack trace ---\n"
	      "   at App.Main() in /src/App.cs:line 9\n"
	      "|info: on\n");
}

static void a_start_pattern_begins_records(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"start\":\"^[0-9]\"}}",
	      "|1 a\n b\nc\n|2 d\n|3 e\n\nf\n");
}

static void a_continue_pattern_joins_lines(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"continue\":\"^ \"}}",
	      "|a\n b\n c\n|d\n|e\n f\n");
}

static void an_end_pattern_ends_records(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"end\":\";$\"}}", "|a\nb;\n|c;\n|d\ne;\n");
}

static void patterns_that_are_not_anchored_match_anywhere(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"start\":\"BEGIN|START\"}}",
	      "|x BEGIN\ny\n|zz START\n");
}

/* The bytes by which a match can begin are a short cut, never a change of meaning. */
static void alternatives_and_classes_at_the_start_are_not_missed(void **state)
{
	(void)state;
	check("{\"paths\":[\"/x\"],\"multiline\":{\"start\":\"^(?:a|[0-9]{2}|\\\\S+ x|$)\"}}",
	      "|a\nb\n|12\n1\n|q x\nq\n|\nz\n");
}

static void a_preset_with_own_patterns_is_refused(void **state)
{
	static const char *const wrong[] = {
		"{\"paths\":[\"/x\"],\"multiline\":{\"preset\":\"java\",\"start\":\"x\"}}",
		"{\"paths\":[\"/x\"],\"multiline\":{\"timeout\":\"1s\"}}"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mock_pool pool = {0};
		const struct weir_node *options = mock_options(&pool, tail_option_list, wrong[i]);
		struct multiline *rules = NULL;
		struct weir_error error = {0};

		assert_int_equal(
			multiline_create(weir_node_find(options, "multiline"), &rules, &error),
			WEIR_ERR_INVALID);
		assert_non_null(strstr(error.text, "either a preset, or"));
		mock_pool_free(&pool);
	}
}

static void a_wrong_pattern_is_refused_with_its_place(void **state)
{
	struct mock_pool pool = {0};
	const struct weir_node *options = mock_options(
		&pool, tail_option_list, "{\"paths\":[\"/x\"],\"multiline\":{\"start\":\"ab(\"}}");
	struct multiline *rules = NULL;
	struct weir_error error = {0};

	(void)state;
	assert_int_equal(multiline_create(weir_node_find(options, "multiline"), &rules, &error),
			 WEIR_ERR_INVALID);
	assert_int_equal(error.offset, 3);
	mock_pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(java_traces),
		cmocka_unit_test(python_traces),
		cmocka_unit_test(go_panics),
		cmocka_unit_test(ruby_traces),
		cmocka_unit_test(dotnet_traces),
		cmocka_unit_test(a_start_pattern_begins_records),
		cmocka_unit_test(a_continue_pattern_joins_lines),
		cmocka_unit_test(an_end_pattern_ends_records),
		cmocka_unit_test(patterns_that_are_not_anchored_match_anywhere),
		cmocka_unit_test(alternatives_and_classes_at_the_start_are_not_missed),
		cmocka_unit_test(a_preset_with_own_patterns_is_refused),
		cmocka_unit_test(a_wrong_pattern_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
