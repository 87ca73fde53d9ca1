// SPDX-License-Identifier: MIT
/* What the process of a filter says that a call has brought about: what is done of it, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "isolate/mock_filter.h"

#define RECORDS 3
#define ROWS_BYTES (1u << 20)
/* Where a test puts rows and text of its own. */
#define FAR_ROWS (64u << 10)
#define FAR_TEXT (512u << 10)

struct fixture {
	struct mock_filter mock;
	struct batch_area rows;
	struct buffer list;  /* of DID_* */
	struct batch *batch; /* that the call is about */
	/* What was sent on last. */
	uint32_t seen, seen_records, seen_sources, seen_source[RECORDS];
};

static void note(void *user, const struct weir_batch *batch)
{
	struct fixture *f = user;

	f->seen++;
	f->seen_records = batch->record_count;
	f->seen_sources = batch->source_count;
	for (uint32_t i = 0; i < batch->record_count && i < RECORDS; i++)
		f->seen_source[i] = batch->records[i].source;
}

/* The rows are those of the batch, as a filter has them that changes nothing. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct weir_batch *view;

	f->rows = (struct batch_area){aligned_alloc(64, ROWS_BYTES), ROWS_BYTES, 0};
	assert_non_null(f->rows.data);
	mock_filter_open(&f->mock, f->rows);
	mock_filter_connect(&f->mock);
	f->mock.seen = note;
	f->mock.user = f;
	f->batch = mock_batch(&f->mock, RECORDS);
	view = &f->batch->view;
	memcpy(f->rows.data, view->records, RECORDS * sizeof(*view->records));
	memcpy(f->rows.data + RECORDS * sizeof(*view->records), view->values,
	       RECORDS * sizeof(*view->values));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->batch)
		batch_unref(f->batch);
	mock_filter_disconnect(&f->mock);
	mock_filter_close(&f->mock);
	buffer_done(&f->list);
	free(f->rows.data);
	free(f);
	return 0;
}

/* ---- what the process says ------------------------------------------------------------------- */

/* The first records of the rows, as a batch. */
static struct weir_slice image(uint64_t records, uint64_t ret_room[6])
{
	const uint64_t numbers[6] = {records, records, 0, RECORDS * sizeof(struct weir_record),
				     0,       0};

	memcpy(ret_room, numbers, sizeof(numbers));
	return (struct weir_slice){(const char *)ret_room, sizeof(numbers)};
}

static void put_change(struct fixture *f)
{
	uint64_t room[6];
	const struct weir_slice texts[3] = {{NULL, 0}, {NULL, 0}, image(RECORDS, room)};

	assert_int_equal(did_put(&f->list, DID_CHANGE, NULL, texts), 0);
}

static void put_hold(struct fixture *f, uint64_t record, uint64_t claim)
{
	assert_int_equal(did_put(&f->list, DID_HOLD, (const uint64_t[]){record, claim}, NULL), 0);
}

static void put_release(struct fixture *f, uint64_t claim)
{
	assert_int_equal(did_put(&f->list, DID_RELEASE, &claim, NULL), 0);
}

/* No records, but the sources of these claims. */
static void put_emit(struct fixture *f, const uint64_t *claims, size_t count)
{
	static const uint64_t nothing[6] = {0};
	const struct weir_slice list = {(const char *)claims, count * sizeof(*claims)};
	const struct weir_slice texts[4] = {
		list, list, {NULL, 0}, {(const char *)nothing, sizeof(nothing)}};

	assert_int_equal(did_put(&f->list, DID_EMIT, NULL, texts), 0);
}

/* A batch of records and text at the places for them, and of a shape with so many keys; as many values, none of which
 * has text. */
static void put_made(struct fixture *f, struct weir_slice claims, uint32_t records,
		     uint32_t text_bytes, uint32_t keys)
{
	/* Of the two blocks the first is that of every batch. */
	const uint64_t numbers[10] = {records, keys, FAR_ROWS, FAR_TEXT,   2,
				      0,       0,    FAR_TEXT, text_bytes, 1};
	struct buffer body = {0};
	int failed = buffer_append(&body, numbers, sizeof(numbers)) | parcel_put(&body, keys);

	for (uint32_t i = 0; i < keys; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", i);
		failed |= parcel_put_text(&body, weir_slice_of(key));
	}
	failed |= did_put(
		&f->list, DID_EMIT, NULL,
		(const struct weir_slice[]){claims, claims, {NULL, 0}, {body.data, body.size}});
	assert_int_equal(failed, 0);
	buffer_done(&body);
}

/* The answer to a call about the batch, or about none. Returns filter_take_result(). */
static int answered(struct fixture *f, struct batch *batch, struct weir_error *error)
{
	struct answer answer = {.list = {f->list.data, f->list.size, 0, 0}};
	int status = filter_take_result(&f->mock.filter, batch, &answer, error);

	buffer_clear(&f->list);
	return status;
}

static void is_taken(struct fixture *f, struct batch *batch)
{
	struct weir_error error = {0};

	assert_int_equal(answered(f, batch, &error), 0);
	assert_false(pipeline_has_failed(f->mock.pipeline));
}

static void pass_on(struct fixture *f)
{
	mock_pass_on(&f->mock, f->batch);
	f->batch = NULL;
}

static void is_refused(struct fixture *f, const char *why)
{
	struct weir_error error = {0};

	assert_int_equal(answered(f, f->batch, &error), WEIR_ERR_INVALID);
	assert_string_equal(error.text, why);
	assert_int_equal(f->mock.filter.kept.alive, 0);
	assert_int_equal(f->batch->view.records[0].flags, 0);
}

static int64_t used(const struct fixture *f)
{
	return atomic_load(&f->mock.pipeline->memory->budget.used);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void what_is_held_is_charged_until_it_is_given_up(void **state)
{
	struct fixture *f = *state;
	int64_t before;

	put_hold(f, 0, 1);
	put_hold(f, 2, 2);
	put_change(f);
	is_taken(f, f->batch);
	pass_on(f);
	assert_int_equal(f->mock.filter.kept.alive, 2);
	before = used(f);
	assert_true(before > 2 * (int64_t)(sizeof("line") + sizeof("aline")));
	put_release(f, 1);
	is_taken(f, NULL);
	assert_int_equal(used(f), before / 2);
	put_release(f, 2);
	is_taken(f, NULL);
	assert_int_equal(used(f), 0);
}

static void what_is_sent_on_names_a_source_that_is_given_up_in_the_same_call(void **state)
{
	struct fixture *f = *state;
	const uint64_t claim = 1;

	put_hold(f, 0, 1);
	put_release(f, 1);
	put_emit(f, &claim, 1);
	put_change(f);
	is_taken(f, f->batch);
	assert_int_equal(f->seen, 1);
	assert_int_equal(f->seen_sources, 1);
	assert_int_equal(f->mock.filter.kept.alive, 0);
	pass_on(f);
}

static void two_claims_of_one_source_are_one_source(void **state)
{
	struct fixture *f = *state;
	const uint64_t claims[2] = {1, 2};
	struct weir_record records[2] = {{.line_length = 0, .source = 1}, {.source = 0}};
	const struct weir_slice list = {(const char *)claims, sizeof(claims)};

	put_hold(f, 0, 1);
	put_hold(f, 1, 2);
	put_change(f);
	is_taken(f, f->batch);
	pass_on(f);
	memcpy(f->rows.data + FAR_ROWS, records, sizeof(records));
	put_made(f, list, 2, 0, 0);
	is_taken(f, NULL);
	assert_int_equal(f->seen_records, 2);
	assert_int_equal(f->seen_sources, 1);
	assert_int_equal(f->seen_source[0], 0);
	assert_int_equal(f->seen_source[1], 0);
}

static void a_record_that_the_plugin_was_not_to_see_is_not_held(void **state)
{
	static const uint64_t aside = 1;
	struct fixture *f = *state;

	f->mock.filter.merge.aside = &aside;
	f->mock.filter.merge.aside_count = RECORDS;
	put_hold(f, 0, 1);
	put_change(f);
	is_refused(f, "it names records that it does not hold");
	put_hold(f, 1, 1);
	put_change(f);
	is_taken(f, f->batch);
	pass_on(f);
}

static void a_held_record_of_a_source_that_is_yet_to_be_named_is_the_end(void **state)
{
	struct fixture *f = *state;
	uint64_t claims[1000], room[6];
	const struct weir_slice list = {(const char *)claims, sizeof(claims)};
	const struct weir_slice texts[3] = {list, list, image(RECORDS, room)};
	struct weir_error error = {0};

	for (size_t i = 0; i < 1000; i++)
		claims[i] = 1;
	((struct weir_record *)(void *)f->rows.data)[0].source = 1000;
	put_hold(f, 0, 1);
	assert_int_equal(did_put(&f->list, DID_CHANGE, NULL, texts), 0);
	assert_int_equal(answered(f, f->batch, &error), 0);
	assert_true(pipeline_has_failed(f->mock.pipeline));
	assert_int_equal(f->batch->view.records[0].source, 0);
	pass_on(f);
}

static void the_length_of_a_value_without_text_counts_for_nothing(void **state)
{
	struct fixture *f = *state;
	struct weir_record *record = (struct weir_record *)(void *)f->rows.data;
	struct weir_value *value = (struct weir_value *)(void *)(record + RECORDS);

	*value = (struct weir_value){.tag = WEIR_INT, .length = UINT32_MAX, .as.i64 = 7};
	put_change(f);
	is_taken(f, f->batch);
	assert_int_equal(f->batch->view.values[0].as.i64, 7);
	assert_int_equal(f->batch->view.values[0].length, 0);
	pass_on(f);
}

static void no_more_is_sent_on_than_there_was_room_for(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i <= ROWS_BYTES / f->mock.pipeline->pool.block_bytes; i++)
		put_emit(f, NULL, 0);
	put_change(f);
	is_refused(f, "it sends on more than there is room for");
	assert_int_equal(f->seen, 0);
}

/* So many records after those of the batch, all with that line and the row at 0. */
static void fill_rows(struct fixture *f, uint32_t count, uint32_t line_length, uint16_t capacity)
{
	struct weir_record *records = (struct weir_record *)(void *)(f->rows.data + FAR_ROWS);

	assert_true(count * sizeof(*records) <= FAR_TEXT - FAR_ROWS);
	for (uint32_t i = 0; i < count; i++)
		records[i] = (struct weir_record){
			.line_block = 1, .line_length = line_length, .capacity = capacity};
	memset(f->rows.data + FAR_TEXT, 0, ROWS_BYTES - FAR_TEXT);
}

/* The filter holds a record by that number and sends on so many that all have the same line. */
static void put_lines(struct fixture *f, uint64_t claim, uint32_t count)
{
	uint32_t line = ROWS_BYTES - FAR_TEXT;

	fill_rows(f, count, line, 0);
	put_hold(f, 0, claim);
	put_made(f, (struct weir_slice){(const char *)&claim, sizeof(claim)}, count, line, 0);
	put_change(f);
}

static void one_text_is_not_many_records(void **state)
{
	struct fixture *f = *state;
	uint32_t most = (uint32_t)(link_room(&f->mock.filter.link) / (ROWS_BYTES - FAR_TEXT));

	put_lines(f, 1, most + 1);
	is_refused(f, "its records have more than there is room for");
	put_lines(f, 1, most - 1);
	is_taken(f, f->batch);
	assert_int_equal(f->seen_records, most - 1);
	pass_on(f);
}

static void one_row_is_not_many_records(void **state)
{
	struct fixture *f = *state;
	uint64_t row = WEIR_SHAPE_KEYS_MAX * sizeof(struct weir_value);
	uint32_t more = (uint32_t)(link_room(&f->mock.filter.link) / row) + 1;

	fill_rows(f, more, 0, WEIR_SHAPE_KEYS_MAX);
	put_made(f, (struct weir_slice){NULL, 0}, more, 0, WEIR_SHAPE_KEYS_MAX);
	is_refused(f, "its records have more than there is room for");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_held_is_charged_until_it_is_given_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			what_is_sent_on_names_a_source_that_is_given_up_in_the_same_call, setup,
			teardown),
		cmocka_unit_test_setup_teardown(two_claims_of_one_source_are_one_source, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_record_that_the_plugin_was_not_to_see_is_not_held,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_held_record_of_a_source_that_is_yet_to_be_named_is_the_end, setup,
			teardown),
		cmocka_unit_test_setup_teardown(one_text_is_not_many_records, setup, teardown),
		cmocka_unit_test_setup_teardown(one_row_is_not_many_records, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_length_of_a_value_without_text_counts_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_is_sent_on_than_there_was_room_for, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
