// SPDX-License-Identifier: MIT
/* The format json scans several lines at once; whatever they are, each gives what it gives alone. */
#include "filter_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES 60
#define LINE_MAX 400

/* Fields and their texts, for comparison and for failures. */
static void describe(const struct weir_batch *batch, uint32_t record, char *out, size_t size)
{
	const struct weir_shape *shape = batch->shapes[batch->records[record].shape];
	const struct weir_value *row = weir_record_row(batch, &batch->records[record]);
	size_t used = 0;

	*out = '\0';
	for (uint32_t slot = 0; slot < shape->count; slot++) {
		struct weir_slice text = {"", 0};

		if (weir_value_has_text(&row[slot]))
			text = weir_value_slice(batch, &row[slot]);
		used += (size_t)snprintf(
			out + used, size - used, "%.*s/%d/%.*s;", (int)shape->keys[slot]->name.size,
			shape->keys[slot]->name.data, row[slot].tag, (int)text.size, text.data);
		assert_true(used < size);
	}
}

static void check_alone(struct fixture *f, const struct weir_batch *batch, uint32_t record,
			const char *line)
{
	char among[4 * LINE_MAX], alone[4 * LINE_MAX], text[LINE_MAX + 2];
	struct weir_batch *one;

	(void)snprintf(text, sizeof(text), "%s\n", line);
	one = process(f, text);
	describe(batch, record, among, sizeof(among));
	describe(one, 0, alone, sizeof(alone));
	if (strcmp(among, alone) != 0)
		fail_msg("%s gave among others %s, alone %s", line, among, alone);
	mock_batch_free(one);
}

/* Objects with the same keys, but for one line in `rare`, which can end in the middle of anything. */
static void make_line(char *out, int rare)
{
	static const char *const pieces[] = {
		"{",  "}",     "[",      "]",    ":",      ",",       "\"",           "\\",   " ",
		"\r", "\"a\"", "\"b\":", "1",    "-1.5e3", "\"\\n\"", "tru",          "true", "é",
		"{}", "x",     "{\"a\"", "\\\"", "null}",  "}}",      "\"x\\\\\",\"", "\x80", "]}",
		"[{", "\t",    "//"};
	static const char *const values[] = {
		"\"plain\"",       "\"\\\"q\\\"\"",   "12",   "0.25", "null",
		"[1, {\"c\":[]}]", "{\"d\" : \"}\"}", "\"é\""};
	char *at = out;

	*at = '\0';
	if (rand() % rare == 0) {
		for (int i = rand() % 12; i > 0; i--)
			at += sprintf(at, "%s", pieces[(size_t)rand() % 30]);
		return;
	}
	at += sprintf(at, "{\"a\":%s,\"long name of a field\":%s,\"b\":%s}", values[rand() % 8],
		      values[rand() % 8], values[rand() % 8]);
	if (rand() % rare == 0)
		out[rand() % (at - out)] = "{}[]:,\"\\ x"[rand() % 10];
	if (rand() % (2 * rare) == 0)
		out[rand() % (at - out)] = '\0';
}

static void a_line_among_others_gives_what_it_gives_alone(void **state)
{
	static char lines[LINES][LINE_MAX], text[LINES * LINE_MAX];
	struct fixture f;

	(void)state;
	srand(5);
	start(&f, "{\"format\":\"json\"}");
	for (int round = 0; round < 300; round++) {
		struct weir_batch *batch;
		char *at = text;

		for (int i = 0; i < LINES; i++) {
			make_line(lines[i], round % 3 ? 100 : 6);
			at += sprintf(at, "%s\n", lines[i]);
		}
		batch = process(&f, text);
		assert_int_equal(batch->record_count, LINES);
		for (uint32_t i = 0; i < LINES; i++)
			check_alone(&f, batch, i, lines[i]);
		mock_batch_free(batch);
	}
	done(&f);
}

static void lines_in_any_order_and_with_some_left_out_give_the_same(void **state)
{
	static char lines[LINES][LINE_MAX], text[LINES * LINE_MAX];
	struct fixture f;

	(void)state;
	srand(6);
	start(&f, "{\"format\":\"json\"}");
	for (int round = 0; round < 200; round++) {
		uint32_t order[LINES];
		struct weir_batch *batch;
		struct weir_error error;
		char *at = text;

		for (uint32_t i = 0; i < LINES; i++) {
			make_line(lines[i], round % 3 ? 100 : 6);
			at += sprintf(at, "%s\n", lines[i]);
			order[i] = i;
		}
		batch = mock_batch_lines(&f.host, weir_slice_of(text), 0);
		for (uint32_t i = 0; i < LINES; i++) {
			uint32_t other = rand() % 4 ? i : (uint32_t)rand() % LINES, was = order[i];
			struct weir_record record = batch->records[i];

			batch->records[i] = batch->records[other];
			batch->records[other] = record;
			order[i] = order[other];
			order[other] = was;
			if (rand() % 4 == 0)
				batch->records[i].flags = WEIR_RECORD_DROPPED;
		}
		assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
		for (uint32_t i = 0; i < LINES; i++)
			if (!(batch->records[i].flags & WEIR_RECORD_GONE))
				check_alone(&f, batch, i, lines[order[i]]);
		mock_batch_free(batch);
	}
	done(&f);
}

/* The field may be a part of what lies in the block: what is behind it is not the line's. */
static void text_behind_a_field_does_not_count(void **state)
{
	static const char text[] = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":\"x\"}\n{\"a\":5}\n";
	struct fixture f;

	(void)state;
	start(&f, "{\"format\":\"json\"}");
	for (uint32_t cut = 0; cut < 7; cut++) {
		struct weir_batch *batch = mock_batch_lines(&f.host, weir_slice_of(text), 0);
		struct weir_error error;

		weir_record_row(batch, &batch->records[2])->length -= cut;
		weir_record_row(batch, &batch->records[3])->length -= cut;
		weir_record_row(batch, &batch->records[4])->as.offset += cut;
		weir_record_row(batch, &batch->records[4])->length -= cut;
		assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
		assert_true(mock_field_is(batch, 1, "a", "2"));
		if (cut) {
			for (uint32_t i = 2; i < 5; i++)
				assert_int_not_equal(mock_field(batch, i, "parse_error").size,
						     UINT64_MAX);
		} else {
			assert_true(mock_field_is(batch, 2, "a", "3"));
			assert_true(mock_field_is(batch, 4, "a", "5"));
		}
		mock_batch_free(batch);
	}
	done(&f);
}

/* Nor is what is before it: here a quote, by which the object would be a string. */
static void text_before_a_field_does_not_count(void **state)
{
	struct weir_batch *batch;
	struct weir_error error;
	struct fixture f;

	(void)state;
	start(&f, "{\"format\":\"json\"}");
	batch = mock_batch_lines(
		&f.host, weir_slice_of("{\"a\":1}\n{\"a\":2}\n\"{\"a\":3}\"\n{\"a\":4}\n"), 0);
	weir_record_row(batch, &batch->records[2])->as.offset++;
	weir_record_row(batch, &batch->records[2])->length -= 2;
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
	assert_true(mock_field_is(batch, 2, "a", "3"));
	assert_true(mock_field_is(batch, 3, "a", "4"));
	mock_batch_free(batch);
	done(&f);
}

static void text_that_changed_between_batches_is_read_anew(void **state)
{
	struct fixture f;
	struct weir_batch *batch;
	struct weir_error error;

	(void)state;
	start(&f, "{\"format\":\"json\",\"keep\":true}");
	batch = mock_batch_lines(&f.host, weir_slice_of("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"), 0);
	batch->records[2].flags = WEIR_RECORD_DROPPED;
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
	assert_true(mock_field_is(batch, 1, "a", "2"));
	memcpy(batch->blocks[0].data + 16, "{ \"\":6}", 7);
	batch->records[0].flags = batch->records[1].flags = WEIR_RECORD_DROPPED;
	batch->records[2].flags = 0;
	assert_int_equal(f.ops->process(f.instance, batch, &error), WEIR_OK);
	assert_true(mock_field_is(batch, 2, "", "6"));
	mock_batch_free(batch);
	done(&f);
}

static void more_members_than_there_was_room_for_are_all_read(void **state)
{
	struct fixture f;
	char *text = malloc(1 << 20), *at = text;
	struct weir_batch *batch;

	(void)state;
	assert_non_null(text);
	start(&f, "{\"format\":\"json\"}");
	at += sprintf(at, "{\"a\":1}\n{");
	for (int i = 0; i < 1000; i++)
		at += sprintf(at, "%s\"k%d\":%d", i ? "," : "", i, i);
	at += sprintf(at, "}\n{\"a\":1}\n{");
	for (int i = 0; i <= WEIR_SHAPE_KEYS_MAX; i++)
		at += sprintf(at, "%s\"k%d\":%d", i ? "," : "", i, i);
	(void)sprintf(at, "}\n{\"a\":2}\n");
	batch = process(&f, text);
	assert_true(mock_field_is(batch, 1, "k0", "0"));
	assert_true(mock_field_is(batch, 1, "k999", "999"));
	assert_true(mock_field_is(batch, 3, "parse_error", "more fields than a record can have"));
	assert_true(mock_field_is(batch, 4, "a", "2"));
	mock_batch_free(batch);
	free(text);
	done(&f);
}

static void nested_values_are_bounded_in_depth(void **state)
{
	static const struct {
		int depth, parses;
	} cases[] = {{1000, 1}, {1024, 1}, {1025, 0}, {100000, 0}};
	char *text = malloc(300000);
	struct fixture f;

	(void)state;
	assert_non_null(text);
	start(&f, "{\"format\":\"json\"}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_batch *batch;
		char *at = text + sprintf(text, "{\"a\":");

		memset(at, '[', (size_t)cases[i].depth);
		memset(at + cases[i].depth, ']', (size_t)cases[i].depth);
		memcpy(at + 2 * cases[i].depth, "}\n", 3);
		batch = process(&f, text);
		assert_int_equal(mock_field(batch, 0, "parse_error").size == UINT64_MAX,
				 cases[i].parses);
		mock_batch_free(batch);
	}
	free(text);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_among_others_gives_what_it_gives_alone),
		cmocka_unit_test(lines_in_any_order_and_with_some_left_out_give_the_same),
		cmocka_unit_test(text_behind_a_field_does_not_count),
		cmocka_unit_test(text_before_a_field_does_not_count),
		cmocka_unit_test(text_that_changed_between_batches_is_read_anew),
		cmocka_unit_test(more_members_than_there_was_room_for_are_all_read),
		cmocka_unit_test(nested_values_are_bounded_in_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
