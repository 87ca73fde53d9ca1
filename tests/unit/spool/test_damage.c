// SPDX-License-Identifier: MIT
/* Damage costs the damaged records and no other; each that is missing is counted. */
#include "spool_fixture.h"

#include <fcntl.h>

static void flip(const char *path, off_t at, uint8_t with)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= with;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void overwrite(const char *path, off_t at, size_t size)
{
	int fd = open(path, O_WRONLY);
	char junk[4096];

	assert_true(fd >= 0 && size <= sizeof(junk));
	memset(junk, 0xF5, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, size, at), size);
	close(fd);
}

static off_t size_of(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	return info.st_size;
}

/* Three chunks of several records, and three of one. */
static off_t fill_and_close(struct fixture *f, char ret_path[160])
{
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fixture_put(f, 6), 0);
		assert_int_equal(fixture_put(f, 1), 0);
	}
	fixture_sync(f);
	spool_close(f->spool);
	f->spool = NULL;
	fixture_segment(f, ret_path);
	return size_of(ret_path);
}

static void read_damaged(struct fixture *f)
{
	memset(f->seen, 0, sizeof(f->seen));
	f->damage = (struct spool_damage){0};
	f->last_seen = -1;
	f->in_order = 1;
	fixture_open(f);
	fixture_look(f);
	assert_true(f->in_order);
}

static void any_damaged_byte_costs_at_most_one_record(void **state)
{
	struct fixture *f = *state;
	char path[160];
	off_t size = fill_and_close(f, path);
	uint32_t whole = 0;

	for (off_t at = 0; at < size; at++) {
		uint8_t bit = (uint8_t)(1 << at % 8);
		uint32_t seen;

		flip(path, at, bit);
		read_damaged(f);
		seen = fixture_seen(f, 0, f->next);
		if (seen < f->next - 1 || seen + f->damage.records != f->next)
			fail_msg("byte %lld: %u of %u records, %llu known to be missing",
				 (long long)at, seen, f->next,
				 (unsigned long long)f->damage.records);
		whole += seen == f->next;
		spool_close(f->spool);
		flip(path, at, bit);
	}
	/* Heads, tables and seals are there twice or not needed. */
	assert_in_range(whole, size / 8, size - 1);
	fixture_open(f);
}

static void a_lost_sector_costs_what_was_in_it(void **state)
{
	struct fixture *f = *state;
	char path[160];
	uint32_t seen;

	f->fill = 100;
	assert_int_equal(fixture_put(f, 300), 0);
	fixture_sync(f);
	spool_close(f->spool);
	fixture_segment(f, path);
	overwrite(path, 8192, 4096);
	read_damaged(f);
	seen = fixture_seen(f, 0, 300);
	/* About 180 bytes a record: 4,096 hold 23, and two more lie across the edges. */
	assert_in_range(300 - seen, 15, 32);
	assert_int_equal(seen + f->damage.records, 300);
	assert_true(f->damage.bytes >= 4096 && f->damage.bytes < 5000);
}

static void a_segment_cut_short_gives_what_is_left(void **state)
{
	struct fixture *f = *state;
	char path[160];
	off_t size = fill_and_close(f, path);

	assert_int_equal(truncate(path, size / 2 + 3), 0);
	read_damaged(f);
	assert_in_range(fixture_seen(f, 0, f->next), f->next / 4, f->next - 1);
	assert_int_equal(fixture_seen(f, 0, 3), 3);
}

static void a_missing_segment_does_not_stop_the_next(void **state)
{
	struct fixture *f = *state;
	char path[160];

	f->fill = 1000;
	assert_int_equal(fixture_put(f, 500), 0);
	fixture_sync(f);
	fixture_segment(f, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fixture_put(f, 10), 0);
	fixture_sync(f);
	fixture_reopen(f);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 500, 10), 10);
	assert_in_range(fixture_seen(f, 0, 500), 300, 499);
}

static void lost_slots_mean_that_all_comes_again(void **state)
{
	struct fixture *f = *state;
	struct weir_error error = {0};
	char slots[160];
	int reset;

	f->fill = 1000;
	assert_int_equal(fixture_put(f, 200), 0);
	fixture_sync(f);
	spool_close(f->spool);
	snprintf(slots, sizeof(slots), "%s/state", f->path);
	overwrite(slots, 0, 4096);
	assert_int_equal(spool_open(f->path, &f->options, &f->spool, &reset, &error), 0);
	spool_close(f->spool);
	overwrite(slots, 0, 4096);
	overwrite(slots, 4096, 64);
	assert_int_equal(spool_open(f->path, &f->options, &f->spool, &reset, &error), 0);
	assert_int_equal(reset, 1);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 0, 200), 200);
}

static void one_lost_slot_loses_no_position(void **state)
{
	struct fixture *f = *state;
	char slots[160];
	uint64_t end;

	assert_int_equal(fixture_put(f, 2000), 0);
	fixture_sync(f);
	snprintf(slots, sizeof(slots), "%s/state", f->path);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fixture_take(f, &end), 1);
		spool_acked(f->spool, end);
		assert_int_equal(spool_save(f->spool, NULL), 0);
	}
	spool_close(f->spool);
	/* The older of the two: generation 1 is in slot 1, generation 2 in slot 0. */
	overwrite(slots, 4096, 64);
	memset(f->seen, 0, sizeof(f->seen));
	fixture_open(f);
	assert_int_equal(spool_start(f->spool), end);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 1990, 10), 10);
}

static void a_survey_counts_what_reading_finds(void **state)
{
	struct fixture *f = *state;
	struct spool_survey survey;
	struct weir_error error = {0};
	char path[160];

	f->fill = 100;
	assert_int_equal(fixture_put(f, 300), 0);
	fixture_sync(f);
	spool_close(f->spool);
	f->spool = NULL;
	assert_int_equal(spool_survey(f->path, &survey, NULL, NULL, &error), 0);
	assert_int_equal(survey.total.records, 300);
	assert_int_equal(survey.total.waiting, 300);
	assert_int_equal(survey.bad_segments, 0);
	fixture_segment(f, path);
	overwrite(path, 8192, 4096);
	assert_int_equal(spool_survey(f->path, &survey, NULL, NULL, &error), 0);
	assert_int_equal(survey.bad_segments, 1);
	read_damaged(f);
	assert_int_equal(survey.total.records, fixture_seen(f, 0, 300));
	assert_int_equal(survey.total.missing, f->damage.records);
	assert_int_equal(survey.total.damaged, f->damage.bytes);
}

static void repair_leaves_a_whole_queue_with_the_same_records(void **state)
{
	struct fixture *f = *state;
	struct spool_survey before, after;
	struct weir_error error = {0};
	char path[160];
	uint64_t end;

	f->fill = 100;
	assert_int_equal(fixture_put(f, 600), 0);
	fixture_sync(f);
	assert_int_equal(fixture_take(f, &end), 1);
	spool_acked(f->spool, end);
	spool_close(f->spool);
	fixture_segment(f, path);
	overwrite(path, 40000, 4096);
	f->spool = NULL;
	assert_int_equal(spool_repair(f->path, &before, &error), 0);
	assert_int_equal(before.bad_segments, 1);
	assert_int_equal(spool_survey(f->path, &after, NULL, NULL, &error), 0);
	assert_int_equal(after.bad_segments, 0);
	assert_int_equal(after.total.records, before.total.waiting);
	assert_int_equal(after.total.waiting, before.total.waiting);
	memset(f->seen, 0, sizeof(f->seen));
	f->last_seen = -1;
	fixture_open(f);
	fixture_drain(f);
	assert_true(f->in_order);
	assert_int_equal(fixture_seen(f, 0, 600), before.total.waiting);
	assert_int_equal(f->damage.records + f->damage.bytes, 0);
}

static void repair_is_refused_while_the_queue_is_in_use(void **state)
{
	struct fixture *f = *state;
	struct spool_survey survey;
	struct weir_error error = {0};

	assert_int_equal(spool_repair(f->path, &survey, &error), WEIR_ERR_REFUSED);
}

static void a_segment_of_a_newer_weir_is_refused_and_kept(void **state)
{
	struct fixture *f = *state;
	struct weir_error error = {0};
	struct spool_segment segment = {0};
	uint8_t head[SPOOL_FRAME_HEADER];
	struct batch *batch;
	char path[160];
	uint64_t end;
	int fd;

	assert_int_equal(fixture_put(f, 3), 0);
	fixture_sync(f);
	fixture_segment(f, path);
	assert_int_equal(spool_segment_parse(strrchr(path, '/') + 1, &segment), 1);
	spool_frame_open(head, SPOOL_FRAME_HEAD, 0);
	spool_frame_close(head, SPOOL_FORMAT_VERSION + 1, segment.salt, 0);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, head, sizeof(head), 0), sizeof(head));
	close(fd);
	batch = batch_acquire(&f->pool);
	assert_int_equal(
		spool_read(f->spool, &batch->view, fixture_find, f, &end, &f->damage, &error),
		WEIR_ERR_REFUSED);
	batch_unref(batch);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		CASE(any_damaged_byte_costs_at_most_one_record),
		CASE(a_lost_sector_costs_what_was_in_it),
		CASE(a_segment_cut_short_gives_what_is_left),
		CASE(a_missing_segment_does_not_stop_the_next),
		CASE(lost_slots_mean_that_all_comes_again),
		CASE(one_lost_slot_loses_no_position),
		CASE(a_survey_counts_what_reading_finds),
		CASE(repair_leaves_a_whole_queue_with_the_same_records),
		CASE(repair_is_refused_while_the_queue_is_in_use),
		CASE(a_segment_of_a_newer_weir_is_refused_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
