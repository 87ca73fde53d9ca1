// SPDX-License-Identifier: MIT
/* The life of a disk queue: order, acknowledgement, starts, bounds. */
#include "spool_fixture.h"

#include <errno.h>
#include <pthread.h>

#include "spool/crc32c.h"

static void crc_is_that_of_the_rfc(void **state)
{
	uint8_t zeros[32] = {0};

	(void)state;
	/* RFC 3720, appendix B.4; and the usual check value. */
	assert_int_equal(crc32c(0, zeros, 32), 0x8A9136AA);
	assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
	assert_int_equal(crc32c_portable(0, "123456789", 9), 0xE3069283);
	for (uint32_t size = 0; size < 32; size++) {
		uint8_t bytes[32];

		for (uint32_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(i * 37 + size);
		assert_int_equal(crc32c(size, bytes, size), crc32c_portable(size, bytes, size));
		assert_int_equal(
			crc32c(crc32c(0, bytes, size / 2), bytes + size / 2, size - size / 2),
			crc32c(0, bytes, size));
	}
}

static void records_come_out_as_they_went_in(void **state)
{
	struct fixture *f = *state;

	for (uint32_t count = 1; count < 900; count *= 3) {
		assert_int_equal(fixture_put(f, count), 0);
		fixture_sync(f);
		fixture_drain(f);
	}
	assert_int_equal(fixture_seen(f, 0, f->next), f->next);
	assert_true(f->in_order);
	assert_true(spool_is_drained(f->spool));
	assert_int_equal(f->damage.records, 0);
	assert_int_equal(f->damage.bytes, 0);
}

static void nothing_is_read_before_it_is_synced(void **state)
{
	struct fixture *f = *state;
	uint64_t end;

	assert_int_equal(fixture_put(f, 10), 0);
	assert_int_equal(fixture_take(f, &end), 0);
	fixture_sync(f);
	assert_int_equal(fixture_take(f, &end), 1);
	assert_int_equal(fixture_seen(f, 0, 10), 10);
}

static void what_was_not_acknowledged_comes_again_after_a_start(void **state)
{
	struct fixture *f = *state;
	uint64_t end;

	f->fill = 200;
	assert_int_equal(fixture_put(f, 500), 0);
	fixture_sync(f);
	assert_int_equal(fixture_take(f, &end), 1);
	spool_acked(f->spool, end);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 0, 500), 500);
	memset(f->seen, 0, sizeof(f->seen));
	f->last_seen = -1;
	/* Put back to after the first batch, as a crash would have left it. */
	assert_int_equal(fixture_put(f, 100), 0);
	fixture_sync(f);
	fixture_reopen(f);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 500, 100), 100);
	assert_int_equal(fixture_seen(f, 0, 500), 0);
	assert_true(f->in_order);
}

static void a_process_that_dies_loses_nothing_that_was_synced(void **state)
{
	struct fixture *f = *state;
	struct spool *dead;
	char command[256];
	uint64_t end;

	assert_int_equal(fixture_put(f, 300), 0);
	fixture_sync(f);
	assert_int_equal(fixture_take(f, &end), 1);
	spool_acked(f->spool, end);
	assert_int_equal(spool_save(f->spool, NULL), 0);
	/* A copy of the folder is what a kill would have left. */
	snprintf(command, sizeof(command), "cp -a %s %s/copy", f->path, f->dir);
	assert_int_equal(system(command), 0);
	dead = f->spool;
	snprintf(f->path, sizeof(f->path), "%s/copy", f->dir);
	fixture_open(f);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 0, 300), 300);
	assert_true(f->in_order);
	assert_int_equal(f->damage.bytes, 0);
	spool_close(dead);
}

static void the_last_position_that_was_saved_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t end;

	/* A close saves as well: once and twice turn by turn, so that each of the two places on disk
	 * has the newer one. */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fixture_put(f, 100), 0);
		fixture_sync(f);
		assert_int_equal(fixture_take(f, &end), 1);
		spool_acked(f->spool, end);
		if (i % 2)
			assert_int_equal(spool_save(f->spool, NULL), 0);
		assert_int_equal(fixture_put(f, 1), 0); /* what waits keeps the segment */
		fixture_reopen(f);
		assert_int_equal(spool_start(f->spool), end);
		fixture_drain(f);
	}
}

static void an_empty_queue_leaves_no_segment(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_put(f, 300), 0);
	fixture_sync(f);
	fixture_drain(f);
	fixture_reopen(f);
	assert_int_equal(fixture_segments(f), 0);
	assert_int_equal(spool_bytes(f->spool), 0);
	/* And its numbers go on, so that no old position is taken for a new one. */
	assert_int_equal(fixture_put(f, 7), 0);
	fixture_sync(f);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 300, 7), 7);
}

static void a_full_queue_refuses_and_goes_on_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	uint64_t end;

	f->fill = 1000;
	while (fixture_put(f, 20) == 0)
		fixture_sync(f);
	assert_true(spool_bytes(f->spool) <= f->options.limit_bytes);
	assert_true(spool_bytes(f->spool) > f->options.limit_bytes * 9 / 10);
	while (f->next < 5000) {
		int freed = 0;

		while (!freed && fixture_take(f, &end))
			freed = spool_acked(f->spool, end);
		while (f->next < 5000 && fixture_put(f, 20) == 0)
			fixture_sync(f);
		fixture_sync(f);
		assert_true(spool_bytes(f->spool) <= f->options.limit_bytes);
	}
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 0, f->next), f->next);
	assert_true(f->in_order);
	assert_int_equal(f->lost.own, 0);
}

static void a_queue_that_drops_counts_every_record_it_loses(void **state)
{
	struct fixture *f = *state;
	uint32_t seen;

	f->options.drop_oldest = 1;
	fixture_reopen(f);
	f->fill = 1000;
	while (f->next < 3000) {
		assert_int_equal(fixture_put(f, 20), 0);
		fixture_sync(f);
		assert_true(spool_bytes(f->spool) <= f->options.limit_bytes);
	}
	fixture_drain(f);
	seen = fixture_seen(f, 0, f->next);
	assert_true(seen > 500 && seen < 2000);
	assert_int_equal(seen + f->lost.own, f->next);
	/* The newest are those that stay. */
	assert_int_equal(fixture_seen(f, f->next - seen, seen), seen);
	assert_true(f->in_order);
}

/* Beside the writer: reads in order, acknowledges at once. */
struct beside {
	struct fixture *f;
	_Atomic uint32_t next;
	_Atomic int wrong, stop;
};

static void *read_beside(void *user)
{
	struct beside *beside = user;
	struct spool_damage damage = {0};
	struct weir_error error;
	uint64_t end;
	int status = 0, last = 0;

	while (status >= 0 && !beside->wrong && !(last && status == 0)) {
		struct batch *batch = batch_acquire(&beside->f->pool);

		last = beside->stop; /* before the read that is to find nothing more */
		status = spool_read(beside->f->spool, &batch->view, fixture_find, NULL, &end,
				    &damage, &error);
		for (uint32_t i = 0; i < batch->view.record_count; i++)
			beside->wrong |= batch->view.records[i].timestamp_ns != beside->next++;
		batch_unref(batch);
		if (status == 1)
			spool_acked(beside->f->spool, end);
	}
	beside->wrong |= status < 0 || damage.bytes || damage.records;
	return NULL;
}

static void a_reader_beside_the_writer_misses_nothing(void **state)
{
	struct fixture *f = *state;
	struct beside beside = {.f = f};
	pthread_t reader;

	f->options.durable = 0;
	fixture_reopen(f);
	f->fill = 400;
	assert_int_equal(pthread_create(&reader, NULL, read_beside, &beside), 0);
	while (f->next < 60000 && !beside.wrong) {
		(void)fixture_put(f, 100); /* what does not fit is put again */
		fixture_sync(f);
	}
	beside.stop = 1;
	pthread_join(reader, NULL);
	assert_int_equal(beside.wrong, 0);
	assert_int_equal(beside.next, f->next);
	assert_true(spool_is_drained(f->spool));
}

static void a_record_larger_than_a_segment_passes(void **state)
{
	struct fixture *f = *state;

	for (f->fill = 1000; f->fill < 200000; f->fill *= 3) {
		assert_int_equal(fixture_put(f, 1), 0);
		fixture_sync(f);
		/* As long as the filling is what it was: the check compares with it. */
		fixture_drain(f);
	}
	assert_int_equal(fixture_seen(f, 0, f->next), f->next);
}

/* In place of libc's: a disk that fails when it is told to. */
static int disk_fails;

int fdatasync(int fd)
{
	if (disk_fails) {
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

static void after_a_failed_sync_nothing_of_it_is_believed(void **state)
{
	struct fixture *f = *state;
	struct weir_error error = {0};

	assert_int_equal(fixture_put(f, 10), 0);
	fixture_sync(f);
	assert_int_equal(fixture_put(f, 10), 0);
	disk_fails = 1;
	assert_int_equal(spool_sync(f->spool, &error), WEIR_ERR_IO);
	disk_fails = 0;
	assert_int_equal(spool_cuts(f->spool), 1);
	/* A second sync must not make good what the first has lost: it is put again. */
	fixture_sync(f);
	fixture_drain(f);
	assert_int_equal(fixture_seen(f, 0, 20), 10);
	f->next = 10;
	assert_int_equal(fixture_put(f, 10), 0);
	fixture_sync(f);
	fixture_drain(f);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(f->seen[i], 1);
	assert_int_equal(f->damage.records + f->damage.bytes, 0);
}

static void a_record_that_can_never_fit_is_named(void **state)
{
	struct fixture *f = *state;
	uint64_t selected[1] = {7};
	struct spool_chunk chunk = {0};
	struct batch *batch;
	uint32_t at = 0, too_large;

	batch = batch_acquire(&f->pool);
	fixture_record(f, &batch->view, 0);
	f->fill = (int)spool_record_max(f->spool);
	fixture_record(f, &batch->view, 1);
	f->fill = 0;
	fixture_record(f, &batch->view, 2);
	assert_int_equal(spool_chunk_build(&chunk, &batch->view, selected, &at,
					   spool_record_max(f->spool), &too_large),
			 0);
	assert_int_equal(too_large, 1);
	assert_int_equal(chunk.records, 1);
	assert_int_equal(at, 2);
	assert_int_equal(spool_chunk_build(&chunk, &batch->view, selected, &at,
					   spool_record_max(f->spool), &too_large),
			 0);
	assert_int_equal(too_large, UINT32_MAX);
	assert_int_equal(chunk.records, 1);
	spool_chunk_done(&chunk);
	batch_unref(batch);
}

static void a_second_user_is_refused(void **state)
{
	struct fixture *f = *state;
	struct weir_error error = {0};
	struct spool *second;
	int reset;

	assert_int_equal(spool_open(f->path, &f->options, &second, &reset, &error),
			 WEIR_ERR_REFUSED);
}

static void start_takes_the_same_time_whatever_is_queued(void **state)
{
	struct fixture *f = *state;
	char path[160];

	/* A start that read the segments would find them broken, and say so before the first read. */
	f->fill = 1000;
	assert_int_equal(fixture_put(f, 500), 0);
	fixture_sync(f);
	spool_close(f->spool);
	fixture_segment(f, path);
	assert_int_equal(truncate(path, 0), 0);
	fixture_open(f);
	assert_int_equal(f->damage.bytes, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_that_of_the_rfc),
		CASE(records_come_out_as_they_went_in),
		CASE(nothing_is_read_before_it_is_synced),
		CASE(what_was_not_acknowledged_comes_again_after_a_start),
		CASE(a_process_that_dies_loses_nothing_that_was_synced),
		CASE(the_last_position_that_was_saved_counts),
		CASE(an_empty_queue_leaves_no_segment),
		CASE(a_full_queue_refuses_and_goes_on_when_there_is_room),
		CASE(a_queue_that_drops_counts_every_record_it_loses),
		CASE(a_reader_beside_the_writer_misses_nothing),
		CASE(a_record_larger_than_a_segment_passes),
		CASE(after_a_failed_sync_nothing_of_it_is_believed),
		CASE(a_record_that_can_never_fit_is_named),
		CASE(a_second_user_is_refused),
		CASE(start_takes_the_same_time_whatever_is_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
