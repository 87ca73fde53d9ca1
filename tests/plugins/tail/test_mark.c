// SPDX-License-Identifier: MIT
/* Records from text in a block, against a plain splitter. */
#include "cmocka_all.h"

#include "mark.h"
#include "mock_host.h"

struct marking {
	struct mock_host host;
	struct catalog catalog;
	struct file file;
	struct weir_batch *batch;
	struct mark mark;
};

static void marking_start(struct marking *m, const char *text, size_t size)
{
	const struct weir_slice key = {"message", 7};

	memset(m, 0, sizeof(*m));
	mock_host_create(&m->host);
	m->catalog.host = &m->host.services;
	m->catalog.context = mock_context(&m->host);
	m->catalog.options.max_line = 1 << 20;
	m->file.hole_end = UINT64_MAX;
	m->batch = mock_batch_new(&m->host);
	assert_int_equal(m->host.services.batch_reserve(m->batch, 0, 0, (uint32_t)size + 8), 0);
	m->mark = (struct mark){.catalog = &m->catalog, .file = &m->file, .batch = m->batch};
	m->mark.base = 5; /* as after guard bytes */
	m->mark.size = (uint32_t)size;
	m->mark.position = 1000;
	memcpy(m->batch->blocks[0].data + 5, text, size);
	assert_int_equal(m->host.services.batch_shape(m->batch, &key, 1, &m->mark.shape), 0);
}

static void marking_done(struct marking *m)
{
	mock_batch_free(m->batch);
	mock_host_destroy(&m->host);
}

static void check_record(const struct marking *m, uint32_t index, const char *text,
			 uint64_t position, uint32_t span)
{
	const struct weir_record *record = &m->batch->records[index];
	struct weir_slice line = weir_record_line(m->batch, record);

	assert_true(index < m->batch->record_count);
	assert_int_equal(line.size, strlen(text));
	assert_memory_equal(line.data, text, line.size);
	assert_true(mock_field_is(m->batch, index, "message", text));
	assert_int_equal(record->position, position);
	assert_int_equal(record->span, span);
	assert_int_equal(record->capacity, 1);
	assert_int_equal(record->timestamp_ns, MOCK_READ_NS);
}

static void each_line_is_a_record_with_its_place(void **state)
{
	struct marking m;

	(void)state;
	marking_start(&m, "one\ntwo\r\n\nthree\nrest", 20);
	assert_int_equal(mark_text(&m.mark), 0);
	assert_int_equal(m.batch->record_count, 3);
	check_record(&m, 0, "one", 1000, 4);
	check_record(&m, 1, "two", 1004, 5);
	check_record(&m, 2, "three", 1010, 6);
	assert_int_equal(m.mark.consumed, 16);
	marking_done(&m);
}

static void the_rest_is_taken_when_asked(void **state)
{
	struct marking m;

	(void)state;
	marking_start(&m, "one\nrest", 8);
	m.mark.take_rest = 1;
	assert_int_equal(mark_text(&m.mark), 0);
	check_record(&m, 1, "rest", 1004, 4);
	assert_int_equal(m.mark.consumed, 8);
	assert_int_equal(m.file.cut, FILE_CUT_TORN);
	marking_done(&m);
}

static void random_text_is_split_as_by_hand(void **state)
{
	enum { SIZE = 20000 };
	char *text = malloc(SIZE);

	(void)state;
	srand(7);
	for (int round = 0; round < 60; round++) {
		struct marking m;
		uint32_t record = 0;
		size_t start = 0, consumed = 0;

		for (size_t i = 0; i < SIZE; i++) {
			int die = rand() % (5 + round * 3);

			text[i] = die == 0 ? '\n' : die == 1 ? '\r' : (char)('a' + die % 26);
		}
		marking_start(&m, text, SIZE);
		m.catalog.options.keep_empty = round % 2;
		assert_int_equal(mark_text(&m.mark), 0);
		for (size_t i = 0; i < SIZE; i++) {
			size_t length = i - start;

			if (text[i] != '\n')
				continue;
			length -= length && text[i - 1] == '\r';
			if (length || round % 2) {
				struct weir_slice line =
					weir_record_line(m.batch, &m.batch->records[record]);

				assert_int_equal(line.size, length);
				assert_memory_equal(line.data, text + start, length);
				assert_int_equal(m.batch->records[record].position, 1000 + start);
				assert_int_equal(m.batch->records[record].span, i - start + 1);
				record++;
			}
			consumed = start = i + 1;
		}
		assert_int_equal(record, m.batch->record_count);
		assert_int_equal(consumed, m.mark.consumed);
		marking_done(&m);
	}
	free(text);
}

static void a_long_line_is_cut_into_parts_that_are_marked(void **state)
{
	struct marking m;

	(void)state;
	marking_start(&m, "0123456789abcdef0123\nx\n", 23);
	m.catalog.options.max_line = 8;
	assert_int_equal(mark_text(&m.mark), 0);
	check_record(&m, 0, "01234567", 1000, 8);
	check_record(&m, 1, "89abcdef", 1008, 8);
	check_record(&m, 2, "0123", 1016, 5);
	check_record(&m, 3, "x", 1021, 2);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(m.batch->records[i].flags, i < 3 ? WEIR_RECORD_CUT : 0);
	assert_int_equal(m.mark.long_lines, 1);
	marking_done(&m);
}

static void parts_of_a_long_line_go_to_the_dead_letter_if_wanted(void **state)
{
	struct marking m;

	(void)state;
	marking_start(&m, "0123456789\nx\n", 13);
	m.catalog.options.max_line = 8;
	m.catalog.options.long_dead = 1;
	assert_int_equal(mark_text(&m.mark), 0);
	assert_int_equal(m.host.dead_count, 2);
	assert_string_equal(m.host.dead[1].reason, "long_line");
	marking_done(&m);
}

static void header_lines_are_skipped_once(void **state)
{
	struct marking m;

	(void)state;
	marking_start(&m, "h1\nh2\na\nb\n", 10);
	m.file.header_left = 2;
	assert_int_equal(mark_text(&m.mark), 0);
	assert_int_equal(m.batch->record_count, 2);
	check_record(&m, 0, "a", 1006, 2);
	assert_int_equal(m.mark.consumed, 10);
	assert_int_equal(m.file.header_left, 0);
	marking_done(&m);
}

static void a_batch_of_very_short_lines_is_bounded(void **state)
{
	enum { SIZE = 100000 };
	char *text = malloc(SIZE);
	struct marking m;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		text[i] = i % 2 ? '\n' : 'x';
	marking_start(&m, text, SIZE);
	assert_int_equal(mark_text(&m.mark), 0);
	assert_true(m.mark.full);
	assert_in_range(m.batch->record_count, MARK_RECORDS_MAX, MARK_RECORDS_MAX + 1024);
	assert_int_equal(m.mark.consumed, 2 * m.batch->record_count);
	marking_done(&m);
	free(text);
}

static void without_memory_it_fails_and_consumes_nothing_more(void **state)
{
	struct marking m;

	(void)state;
	marking_start(&m, "one\n", 4);
	m.host.reserve_fails = 1;
	assert_int_equal(mark_text(&m.mark), WEIR_ERR_MEMORY);
	assert_int_equal(m.mark.consumed, 0);
	marking_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_a_record_with_its_place),
		cmocka_unit_test(the_rest_is_taken_when_asked),
		cmocka_unit_test(random_text_is_split_as_by_hand),
		cmocka_unit_test(a_long_line_is_cut_into_parts_that_are_marked),
		cmocka_unit_test(parts_of_a_long_line_go_to_the_dead_letter_if_wanted),
		cmocka_unit_test(header_lines_are_skipped_once),
		cmocka_unit_test(a_batch_of_very_short_lines_is_bounded),
		cmocka_unit_test(without_memory_it_fails_and_consumes_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
