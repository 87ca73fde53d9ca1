// SPDX-License-Identifier: MIT
/* The filter parse, loaded as the host loads it: what files of lines can't show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "filter_fixture.h"

/* Gives every record the fields env=prod and message, in that order. */
static void add_field(struct fixture *f, struct weir_batch *batch)
{
	const struct weir_slice keys[] = {{"env", 3}, {"message", 7}};
	struct weir_value env, *row;
	uint16_t shape;
	char *text;

	assert_int_equal(f->host.services.batch_reserve(batch, 0, 2 * batch->record_count, 4),
			 WEIR_OK);
	assert_int_equal(f->host.services.batch_shape(batch, keys, 2, &shape), WEIR_OK);
	text = weir_batch_text(batch, 4, &env);
	assert_non_null(text);
	memcpy(text, "prod", 4);
	for (uint32_t i = 0; i < batch->record_count; i++) {
		struct weir_record *record = &batch->records[i];
		struct weir_value message = *weir_record_row(batch, record);

		row = weir_batch_row(batch, 2, &record->row);
		assert_non_null(row);
		row[0] = env;
		row[1] = message;
		record->shape = shape;
		record->capacity = 2;
	}
}

static void other_fields_come_along_and_the_parsed_one_goes(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	struct weir_error error;

	(void)state;
	start(&f, "{\"format\":\"json\"}");
	batch = mock_batch_lines(&f.host, weir_slice_of("{\"a\":1}\n{\"env\":\"own\"}\n"), 0);
	add_field(&f, batch);
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
	assert_true(mock_field_is(batch, 0, "a", "1"));
	assert_true(mock_field_is(batch, 0, "env", "prod"));
	assert_int_equal(mock_field(batch, 0, "message").size, UINT64_MAX);
	assert_int_equal(batch->shapes[batch->records[0].shape]->count, 2);
	/* A parsed field takes the place of one of the same name. */
	assert_true(mock_field_is(batch, 1, "env", "own"));
	assert_int_equal(batch->shapes[batch->records[1].shape]->count, 1);
	mock_batch_free(batch);
	done(&f);
}

static void another_field_can_be_parsed(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	struct weir_error error;

	(void)state;
	start(&f, "{\"format\":\"csv\",\"columns\":[\"x\"],\"field\":\"env\"}");
	batch = mock_batch_lines(&f.host, weir_slice_of("line\n"), 0);
	add_field(&f, batch);
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
	assert_true(mock_field_is(batch, 0, "x", "prod"));
	assert_true(mock_field_is(batch, 0, "message", "line"));
	mock_batch_free(batch);
	batch = process(&f, "no such field\n");
	assert_true(mock_field_is(batch, 0, "parse_error", "the record has no such field"));
	assert_true(batch->records[0].flags & WEIR_RECORD_UNPARSED);
	mock_batch_free(batch);
	done(&f);
}

static void records_that_are_gone_are_left_alone(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	struct weir_error error;

	(void)state;
	start(&f, "{\"format\":\"json\",\"on_error\":\"dead_letter\"}");
	batch = mock_batch_lines(&f.host, weir_slice_of("bad\nbad\n{}\n"), 0);
	batch->records[0].flags = WEIR_RECORD_DROPPED;
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
	assert_int_equal(f.host.dead_count, 1);
	assert_int_equal(f.host.dead[0].record, 1);
	assert_string_equal(f.host.dead[0].reason, "unparsed");
	assert_int_equal(mock_metric_value(&f.host, "unparsed_total"), 1);
	mock_batch_free(batch);
	done(&f);
}

static void a_batch_of_one_kind_of_line_reserves_and_asks_for_its_shape_once(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"json\"}");
	mock_batch_free(process(&f, "{\"a\":1,\"b\":\"x\"}\n"));
	f.host.reserve_calls = f.host.shape_calls = 0;
	batch = process(&f,
			"{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"a\":3,\"b\":\"z\"}\n");
	assert_int_equal(f.host.reserve_calls, 2); /* one is the mock's own, for the lines */
	assert_int_equal(f.host.shape_calls, 2);
	mock_batch_free(batch);
	done(&f);
}

static void more_kinds_of_line_than_layouts_are_remembered_stay_right(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	char lines[32768], *at = lines;

	(void)state;
	start(&f, "{\"format\":\"json\"}");
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 500; i++)
			at += sprintf(at, "{\"k%d\":%d,\"n\":%d}\n", i, i, round);
	batch = process(&f, lines);
	for (uint32_t i = 0; i < 1000; i++) {
		char key[16], value[16];

		(void)snprintf(key, sizeof(key), "k%u", i % 500);
		(void)snprintf(value, sizeof(value), "%u", i % 500);
		assert_true(mock_field_is(batch, i, key, value));
		assert_true(mock_field_is(batch, i, "n", i < 500 ? "0" : "1"));
	}
	mock_batch_free(batch);
	done(&f);
}

/* Shapes as a host makes them that has seen too many: without an id, gone with their batch. */
static struct weir_shape *passing[64];
static uint32_t passing_count;

static int32_t passing_shape(struct weir_batch *batch, const struct weir_slice *keys,
			     uint32_t count, uint16_t *ret_shape)
{
	const struct weir_shape *lasting =
		mock_shape(&mock_of_batch(batch)->host->shapes, keys, count);
	const struct weir_key **pointers;
	struct weir_shape *shape = calloc(1, sizeof(*shape) + (count + 1) * sizeof(*pointers));

	assert_true(shape && passing_count < 64);
	pointers = (const struct weir_key **)(void *)(shape + 1);
	for (uint32_t i = 0; i < count; i++)
		pointers[i] = lasting->keys[i];
	*shape = *lasting;
	shape->id = 0;
	shape->keys = pointers;
	passing[passing_count++] = shape;
	batch->shapes = mock_move(batch->shapes, sizeof(struct weir_shape *), batch->shape_count,
				  batch->shape_count + 1);
	batch->shapes[batch->shape_count] = shape;
	*ret_shape = (uint16_t)batch->shape_count++;
	return WEIR_OK;
}

static void shapes_that_pass_with_their_batch_are_not_remembered(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"json\"}");
	f.host.services.batch_shape = passing_shape;
	for (int round = 0; round < 6; round++) {
		batch = process(&f, "{\"a\":1}\n{\"a\":2}\nbad\n{\"a\":3,\"b\":4}\n{\"a\":5}\n");
		assert_true(mock_field_is(batch, 1, "a", "2"));
		assert_true(mock_field_is(batch, 2, "message", "bad"));
		assert_true(mock_field_is(batch, 3, "b", "4"));
		assert_true(mock_field_is(batch, 4, "a", "5"));
		mock_batch_free(batch);
		while (passing_count) { /* overwritten too, for builds without a sanitizer */
			passing_count--;
			memset(passing[passing_count], 0xee, sizeof(*passing[0]));
			free(passing[passing_count]);
		}
	}
	done(&f);
}

static void no_memory_is_an_error_in_words(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	struct weir_error error = {.code = 0};

	(void)state;
	start(&f, "{\"format\":\"combined\"}");
	batch = mock_batch_lines(&f.host, weir_slice_of("x\n"), 0);
	f.host.reserve_fails = 1;
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_ERR_MEMORY);
	assert_non_null(strstr(error.text, "memory_limit"));
	mock_batch_free(batch);
	done(&f);
}

static void options_that_cannot_work_are_refused_with_the_reason(void **state)
{
	static const char *const cases[][2] = {
		{"{\"format\":\"regex\"}", "needs a pattern"},
		{"{\"format\":\"regex\",\"pattern\":\"(?<a>x\"}", "missing closing parenthesis"},
		{"{\"format\":\"regex\",\"pattern\":\"x\"}", "no named group"},
		{"{\"format\":\"regex\",\"pattern\":\"(?J)(?<a>x)(?<a>y)\"}", "two groups"},
		{"{\"format\":\"regex\",\"pattern\":\"(*UTF)(?<a>x)\"}", "UTF"},
		{"{\"format\":\"csv\"}", "need columns"},
		{"{\"format\":\"csv\",\"columns\":[\"a\",\"a\"]}", "two columns are named a"},
		{"{\"format\":\"csv\",\"columns\":\"a\",\"delimiter\":\"||\"}", "one byte"},
		{"{\"format\":\"json\",\"types\":{\"a\":\"number\"}}", "must be string, int"},
		{"{\"format\":\"json\",\"time\":{\"field\":\"t\"}}", "both field and format"},
		{"{\"format\":\"json\",\"time\":{\"field\":\"t\",\"format\":\"%Q\"}}", "%Q"},
		{"{\"format\":\"grok\"}", "needs a pattern"},
		{"{\"format\":\"grok\",\"pattern\":\"%{IP}\"}", "names no field"},
		{"{\"format\":\"grok\",\"pattern\":\"%{NONE:a}\"}", "no pattern named NONE"},
		{"{\"format\":\"grok\",\"pattern\":\"%{IP:a\"}", "there must be NAME}"},
		{"{\"format\":\"grok\",\"pattern\":\"%{IP:}\"}", "there must be NAME}"},
		{"{\"format\":\"grok\",\"pattern\":\"%{IP:a:number}\"}", "the type of a must be"},
		{"{\"format\":\"grok\",\"pattern\":\"%{IP:a} (\"}", "missing closing parenthesis"},
		{"{\"format\":\"grok\",\"pattern\":\"%{IP:a}\",\"patterns\":{\"A\":\"%{B}\",\"B\":"
		 "\"%{WORD} %{A}\"}}",
		 "part of itself: A, which uses B, which uses A again"},
		{"{\"format\":\"grok\",\"pattern\":\"%{IP:a}\",\"patterns\":{\"IP\":\"x%{IP}\"}}",
		 "part of itself: IP, which uses IP again"},
		{"{\"format\":\"grok\",\"pattern\":\"%{A:a}\",\"patterns\":{\"A\":\"%{B}%{B}%{B}%{"
		 "B}"
		 "\",\"B\":\"%{C}%{C}%{C}%{C}\",\"C\":\"%{D}%{D}%{D}%{D}\",\"D\":\"%{URI}%{URI}"
		 "\"}}",
		 "longer than"},
		{"{\"format\":\"key_value\",\"pair_separator\":\"\"}", "at least one byte"},
		{"{\"format\":\"key_value\",\"pair_separator\":\"=\"}", "must be different"},
		{"{\"format\":\"key_value\",\"quotes\":\"'=\"}", "both a quote and"},
		{"{\"format\":\"json\",\"names\":\"kinesis_agent\"}",
		 "no names for the fields of json"},
		{"{\"format\":\"syslog\",\"time\":{\"zone\":\"Mars/Base\"}}", "time zone"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		struct weir_error error = {.code = 0};

		assert_int_not_equal(create(&f, cases[i][0], &error), WEIR_OK);
		if (!strstr(error.text, cases[i][1]))
			fail_msg("%s gave: %s", cases[i][0], error.text);
		mock_host_destroy(&f.host);
		mock_pool_free(&f.pool);
	}
}

static void a_grok_pattern_may_use_patterns_of_the_users_own_in_place_of_known_ones(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"grok\",\"pattern\":\"^%{LEVEL:level} %{WORD:word}$\",\"patterns\":"
		  "{\"WORD\":\"[a-z]+\",\"LEVEL\":\"<%{WORD}>\"}}");
	batch = process(&f, "<info> word\n<info> WORD\n");
	assert_true(mock_field_is(batch, 0, "level", "<info>"));
	assert_true(mock_field_is(batch, 0, "word", "word"));
	assert_true(mock_field_is(batch, 1, "parse_error", "the pattern does not match"));
	mock_batch_free(batch);
	done(&f);
}

static void of_grok_groups_with_one_name_the_last_that_matched_counts(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"grok\",\"pattern\":\"^%{INT:a:int}(?: %{INT:b}| (?<b>x))?(?: "
		  "%{WORD:a})?$\"}");
	batch = process(&f, "1 2 w\n1 x\n7\n");
	assert_true(mock_field_is(batch, 0, "a", "w"));
	assert_true(mock_field_is(batch, 0, "b", "2"));
	assert_true(mock_field_is(batch, 1, "a", "1"));
	assert_true(mock_field_is(batch, 1, "b", "x"));
	assert_int_equal(mock_field(batch, 2, "b").size, UINT64_MAX);
	assert_int_equal(batch->shapes[batch->records[0].shape]->count, 2);
	mock_batch_free(batch);
	done(&f);
}

/* Keys are compared with those of the line before; every way to differ must be seen. */
static void pairs_with_other_keys_than_the_line_before_get_their_own_fields(void **state)
{
	static const char *const formats[] = {"{\"format\":\"logfmt\"}",
					      "{\"format\":\"key_value\"}"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		struct weir_batch *batch;

		start(&f, formats[i]);
		batch = process(&f, "a=1 b=2\na=3 b=4\na=5\na=6 b=7 c=8\nb=9 a=10\na=1 bb=2\n"
				    "a=3 b=4 b=5\na=6 b=7\n");
		assert_ptr_equal(batch->shapes[batch->records[0].shape],
				 batch->shapes[batch->records[7].shape]);
		assert_true(mock_field_is(batch, 1, "b", "4"));
		assert_int_equal(batch->shapes[batch->records[2].shape]->count, 1);
		assert_true(mock_field_is(batch, 3, "c", "8"));
		assert_true(mock_field_is(batch, 4, "a", "10"));
		assert_true(mock_field_is(batch, 5, "bb", "2"));
		assert_true(mock_field_is(batch, 6, "b", "5"));
		assert_int_equal(batch->shapes[batch->records[6].shape]->count, 2);
		mock_batch_free(batch);
		done(&f);
	}
}

static void a_line_of_more_pairs_than_a_record_can_have_does_not_parse(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	char *line = malloc(65536), *at = line;

	(void)state;
	assert_non_null(line);
	for (int i = 0; i <= WEIR_SHAPE_KEYS_MAX; i++)
		at += sprintf(at, "k%d= ", i);
	start(&f, "{\"format\":\"logfmt\"}");
	batch = process(&f, line);
	assert_true(mock_field_is(batch, 0, "parse_error", "more fields than a record can have"));
	mock_batch_free(batch);
	free(line);
	done(&f);
}

static void a_pattern_that_backtracks_without_end_costs_one_line(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"regex\",\"pattern\":\"^(?<a>(x+x+)+)[yz]$\"}");
	batch = process(&f, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nxxy\n");
	assert_true(mock_field_is(batch, 0, "parse_error", "the pattern takes too many steps"));
	assert_true(mock_field_is(batch, 1, "a", "xx"));
	mock_batch_free(batch);
	done(&f);
}

/* ---- lines in parts -------------------------------------------------------------------------- */

#define PART "2016-10-06T00:17:10Z stdout P part "
#define LAST "2016-10-06T00:17:11Z stdout F last"

static void a_joined_line_stands_for_all_its_parts(void **state)
{
	struct fixture f;
	struct weir_batch *first, *second;

	(void)state;
	start(&f, "{\"format\":\"cri\"}");
	assert_true(f.host.stateful);
	first = process(&f, PART "\n" PART "\n");
	mock_batch_free(first);
	assert_int_equal(f.host.claims_live, 2);
	assert_true(f.host.memory > 0);
	second = process(&f, LAST "\n");
	assert_true(mock_field_is(second, 0, "message", "part part last"));
	/* The whole line takes the place of the last part's, for the dead letter. */
	assert_true(weir_slice_equals(weir_record_line(second, &second->records[0]),
				      "2016-10-06T00:17:11Z stdout F part part last"));
	assert_int_equal(f.host.claims_live, 2); /* until the batch is done with */
	assert_int_equal(f.host.memory, 0);
	mock_batch_free(second);
	assert_int_equal(f.host.claims_live, 0);
	done(&f);
}

static void sources_are_joined_each_by_itself(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"cri\"}");
	mock_batch_free(process(&f, PART "\n"));
	f.host.source.id[0] = 1;
	batch = process(&f, LAST "\n");
	assert_true(mock_field_is(batch, 0, "message", "last"));
	mock_batch_free(batch);
	f.host.source.id[0] = 0;
	batch = process(&f, LAST "\n");
	assert_true(mock_field_is(batch, 0, "message", "part last"));
	mock_batch_free(batch);
	done(&f);
}

static void what_is_held_is_kept_on_stop_and_let_go_at_the_end(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"cri\"}");
	mock_batch_free(process(&f, PART "\n"));
	f.ops->flush(f.instance, WEIR_FLUSH_STOP);
	assert_int_equal(f.host.emitted_count, 0);
	f.ops->flush(f.instance, WEIR_FLUSH_MEMORY);
	assert_int_equal(f.host.emitted_count, 1);
	batch = mock_take_emitted(&f.host);
	assert_true(mock_field_is(batch, 0, "message", "part "));
	assert_true(batch->records[0].flags & WEIR_RECORD_CUT);
	assert_int_equal(mock_metric_value(&f.host, "cut_total"), 1);
	mock_batch_free(batch);
	mock_batch_free(process(&f, PART "\n"));
	/* Destroyed without its end: the host, which has stopped filters by then, reads it again. */
	f.ops->destroy(f.instance);
	assert_int_equal(f.host.claims_live, 0);
	assert_int_equal(f.host.memory, 0);
	mock_host_destroy(&f.host);
	mock_pool_free(&f.pool);
}

static void a_line_whose_end_never_comes_goes_on_after_a_time(void **state)
{
	struct fixture f;
	struct weir_batch *batch;

	(void)state;
	start(&f, "{\"format\":\"cri\",\"partial_timeout\":\"1ms\"}");
	mock_batch_free(process(&f, PART "\n"));
	assert_int_equal(f.host.timers[0], 1000000);
	for (uint64_t from = mock_monotonic_ns(); mock_monotonic_ns() - from < 2000000;)
		continue;
	f.ops->timer(f.instance, 0);
	batch = mock_take_emitted(&f.host);
	assert_non_null(batch);
	assert_true(mock_field_is(batch, 0, "message", "part "));
	mock_batch_free(batch);
	assert_int_equal(f.host.claims_live, 0);
	done(&f);
}

static void a_young_part_waits_on_with_its_timer_set_again(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "{\"format\":\"cri\",\"partial_timeout\":\"1h\"}");
	mock_batch_free(process(&f, PART "\n"));
	f.host.timers[0] = 0;
	f.ops->timer(f.instance, 0);
	assert_int_equal(f.host.emitted_count, 0);
	assert_true(f.host.timers[0] > UINT64_C(3000000000000));
	f.ops->flush(f.instance, WEIR_FLUSH_END);
	done(&f);
}

static void a_part_that_is_let_go_has_the_other_fields_too(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	struct weir_error error;

	(void)state;
	start(&f, "{\"format\":\"docker\"}");
	batch = mock_batch_lines(&f.host,
				 weir_slice_of("{\"log\":\"a\",\"stream\":\"stdout\",\"time\":"
					       "\"2016-10-06T00:17:10Z\"}\n"),
				 0);
	add_field(&f, batch);
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
	mock_batch_free(batch);
	f.host.reserve_fails = 1;
	f.ops->flush(f.instance, WEIR_FLUSH_MEMORY);
	assert_int_equal(f.host.claims_live, 1); /* no memory: it waits on */
	mock_batch_free(mock_take_emitted(&f.host));
	f.host.reserve_fails = 0;
	f.ops->flush(f.instance, WEIR_FLUSH_END);
	batch = mock_take_emitted(&f.host);
	assert_int_equal(batch->record_count, 1);
	assert_true(mock_field_is(batch, 0, "log", "a"));
	assert_true(mock_field_is(batch, 0, "env", "prod"));
	mock_batch_free(batch);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_fields_come_along_and_the_parsed_one_goes),
		cmocka_unit_test(another_field_can_be_parsed),
		cmocka_unit_test(records_that_are_gone_are_left_alone),
		cmocka_unit_test(a_batch_of_one_kind_of_line_reserves_and_asks_for_its_shape_once),
		cmocka_unit_test(more_kinds_of_line_than_layouts_are_remembered_stay_right),
		cmocka_unit_test(shapes_that_pass_with_their_batch_are_not_remembered),
		cmocka_unit_test(no_memory_is_an_error_in_words),
		cmocka_unit_test(options_that_cannot_work_are_refused_with_the_reason),
		cmocka_unit_test(
			a_grok_pattern_may_use_patterns_of_the_users_own_in_place_of_known_ones),
		cmocka_unit_test(of_grok_groups_with_one_name_the_last_that_matched_counts),
		cmocka_unit_test(pairs_with_other_keys_than_the_line_before_get_their_own_fields),
		cmocka_unit_test(a_line_of_more_pairs_than_a_record_can_have_does_not_parse),
		cmocka_unit_test(a_pattern_that_backtracks_without_end_costs_one_line),
		cmocka_unit_test(a_joined_line_stands_for_all_its_parts),
		cmocka_unit_test(sources_are_joined_each_by_itself),
		cmocka_unit_test(what_is_held_is_kept_on_stop_and_let_go_at_the_end),
		cmocka_unit_test(a_line_whose_end_never_comes_goes_on_after_a_time),
		cmocka_unit_test(a_young_part_waits_on_with_its_timer_set_again),
		cmocka_unit_test(a_part_that_is_let_go_has_the_other_fields_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
