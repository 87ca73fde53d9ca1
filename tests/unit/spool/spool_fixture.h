// SPDX-License-Identifier: MIT
/*
 * A disk queue in a folder of its own, and records that say which they are, so that what comes out can
 * be compared with what went in.
 */
#ifndef SPOOL_FIXTURE_H
#define SPOOL_FIXTURE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch/batch.h"
#include "batch/json.h"
#include "batch/shape.h"
#include "spool/spool.h"
#include "spool/spool_survey.h"

#define FIXTURE_RECORDS_MAX 20000

struct fixture {
	char dir[64];
	char path[96];
	struct spool_options options;
	struct budget budget;
	struct batch_pool pool;
	struct spool *spool;
	struct spool_damage damage;
	uint8_t seen[FIXTURE_RECORDS_MAX]; /* how often each came out */
	uint32_t next;                     /* number of the next record that goes in */
	struct spool_lost lost;
	int in_order;
	int32_t last_seen;
	int fill; /* bytes of filling in each record */
};

/* The sources of what is read: one is enough, and it never goes. */
static struct weir_source_view fixture_source = {
	.struct_size = sizeof(fixture_source), .id = "0123456789abcde", .name = {"/var/log/x", 10}};

static inline void fixture_unref(const struct weir_source_view *view)
{
	(void)view;
}

static inline void fixture_relieved(void *user)
{
	(void)user;
}

static inline int64_t fixture_find(void *user, struct weir_batch *batch, const uint8_t id[16],
				   struct weir_slice name)
{
	uint32_t index;
	int added;

	(void)user;
	assert_memory_equal(id, fixture_source.id, 16);
	assert_true(weir_slice_equals(name, "/var/log/x"));
	assert_int_equal(batch_add_source(batch_of(batch), &fixture_source, &index, &added), 0);
	return index;
}

static inline void fixture_open(struct fixture *f)
{
	struct weir_error error = {0};
	int reset;

	if (spool_open(f->path, &f->options, &f->spool, &reset, &error) < 0)
		fail_msg("%s", error.text);
}

static inline void fixture_reopen(struct fixture *f)
{
	spool_close(f->spool);
	fixture_open(f);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/weir-spool-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/queue", f->dir);
	f->options = (struct spool_options){.limit_bytes = 1 << 20, .durable = 1};
	f->last_seen = -1;
	f->in_order = 1;
	budget_init(&f->budget, 64 << 20, 64 << 10, fixture_relieved, NULL);
	batch_pool_init(&f->pool, &f->budget, 16 << 10, fixture_unref);
	fixture_open(f);
	*state = f;
	return 0;
}

static inline int fixture_remove(const char *path, const struct stat *info, int flag,
				 struct FTW *ftw)
{
	(void)info;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	spool_close(f->spool);
	assert_int_equal(f->budget.used, 0);
	batch_pool_done(&f->pool);
	shape_table_clear();
	nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* A record numbered n: its line is "record N ...", and it has fields of every kind. */
static inline void fixture_record(struct fixture *f, struct weir_batch *batch, uint32_t n)
{
	static const char *const names[] = {"message", "number", "extra", "ratio", "when", "none"};
	struct weir_slice keys[6];
	struct weir_value line, extra;
	struct weir_record *record;
	struct weir_value *row;
	char text[64];
	uint32_t size = (uint32_t)snprintf(text, sizeof(text), "record %u ", n);

	for (int i = 0; i < 6; i++)
		keys[i] = weir_slice_of(names[i]);
	assert_int_equal(batch_reserve(batch, 1, 6, size + (uint32_t)f->fill + 8), 0);
	memset(weir_batch_text(batch, size + (uint32_t)f->fill, &line), '.',
	       size + (uint32_t)f->fill);
	memcpy(batch->blocks[line.block].data + line.as.offset, text, size);
	memcpy(weir_batch_text(batch, 8, &extra), "of its o", 8);
	record = weir_batch_record(batch);
	assert_int_equal(batch_shape(batch, keys, 3 + n % 4, &record->shape), 0);
	row = weir_batch_row(batch, 6, &record->row);
	row[0] = line;
	row[1] = n % 2 ? weir_value_int(-(int64_t)n)
		       : weir_value_text(WEIR_INT, WEIR_VALUE_TEXT, line.block, line.as.offset + 7,
					 size - 8);
	row[2] = extra;
	if (n % 4 > 0)
		row[3] = weir_value_double(n / 8.0);
	if (n % 4 > 1)
		row[4] = weir_value_timestamp(n * INT64_C(1000000007));
	record->capacity = 6;
	record->line_block = line.block;
	record->line_offset = (uint32_t)line.as.offset;
	record->line_length = line.length;
	record->position = n * UINT64_C(1000);
	record->ordinal = n % 3;
	record->span = 900;
	record->timestamp_ns = n;
	record->flags = n % 5 ? 0 : WEIR_RECORD_UNPARSED;
}

static inline struct batch *fixture_batch(struct fixture *f, uint32_t first, uint32_t count)
{
	struct batch *batch = batch_acquire(&f->pool);
	uint32_t index;
	int added;

	assert_int_equal(batch_add_source(batch, &fixture_source, &index, &added), 0);
	for (uint32_t i = 0; i < count; i++)
		fixture_record(f, &batch->view, first + i);
	return batch;
}

/* Appends the next `count` records; 0, or what spool_append() answered. What was refused is not
 * counted. */
static inline int fixture_put(struct fixture *f, uint32_t count)
{
	uint64_t selected[FIXTURE_RECORDS_MAX / 64 + 1];
	struct batch *batch = fixture_batch(f, f->next, count);
	struct spool_chunk chunk = {0};
	struct weir_error error = {0};
	uint32_t at = 0, too_large;
	int status = 0;

	memset(selected, 0xFF, sizeof(selected));
	while (status == 0 && at < count) {
		assert_int_equal(spool_chunk_build(&chunk, &batch->view, selected, &at,
						   spool_record_max(f->spool), &too_large),
				 0);
		assert_int_equal(too_large, UINT32_MAX);
		status = spool_append(f->spool, &chunk, &f->lost, &error);
		if (status == 0)
			f->next += chunk.records;
	}
	spool_chunk_done(&chunk);
	batch_unref(batch);
	return status;
}

/* The record must be exactly what went in. */
static inline void fixture_check(struct fixture *f, const struct weir_batch *batch,
				 const struct weir_record *record)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON};
	struct weir_slice line = weir_record_line(batch, record);
	struct weir_slice no_host = {NULL, 0};
	struct buffer got = {0}, want = {0};
	struct batch *original;
	uint32_t n;

	assert_true(line.size > 8 && memcmp(line.data, "record ", 7) == 0);
	n = (uint32_t)strtoul(line.data + 7, NULL, 10);
	assert_true(n < f->next);
	original = fixture_batch(f, n, 1);
	assert_int_equal(json_append_record(&got, batch, record, &spec, no_host), 0);
	assert_int_equal(
		json_append_record(&want, &original->view, original->view.records, &spec, no_host),
		0);
	assert_string_equal(buffer_cstr(&got), buffer_cstr(&want));
	assert_int_equal(record->position, n * UINT64_C(1000));
	assert_int_equal(record->ordinal, n % 3);
	assert_int_equal(record->span, 900);
	assert_int_equal(record->timestamp_ns, n);
	assert_int_equal(record->flags, n % 5 ? 0 : WEIR_RECORD_UNPARSED);
	assert_ptr_equal(batch->sources[record->source], &fixture_source);
	if ((int32_t)n <= f->last_seen)
		f->in_order = 0;
	f->last_seen = (int32_t)n;
	f->seen[n]++;
	buffer_done(&got);
	buffer_done(&want);
	batch_unref(original);
}

/* Reads one batch; 0 when there was none. */
static inline int fixture_take(struct fixture *f, uint64_t *ret_end)
{
	struct batch *batch = batch_acquire(&f->pool);
	struct weir_error error = {0};
	int status =
		spool_read(f->spool, &batch->view, fixture_find, f, ret_end, &f->damage, &error);

	if (status < 0)
		fail_msg("%s", error.text);
	for (uint32_t i = 0; i < batch->view.record_count; i++)
		fixture_check(f, &batch->view, &batch->view.records[i]);
	batch_unref(batch);
	return status;
}

/* Reads all there is and acknowledges it. */
static inline void fixture_drain(struct fixture *f)
{
	uint64_t end;

	while (fixture_take(f, &end))
		spool_acked(f->spool, end);
}

/* Reads all there is, and leaves the queue as it was. */
static inline void fixture_look(struct fixture *f)
{
	uint64_t end;

	while (fixture_take(f, &end))
		;
}

static inline uint32_t fixture_seen(const struct fixture *f, uint32_t first, uint32_t count)
{
	uint32_t seen = 0;

	for (uint32_t i = first; i < first + count; i++)
		seen += f->seen[i] != 0;
	return seen;
}

static inline void fixture_sync(struct fixture *f)
{
	struct weir_error error = {0};

	if (spool_sync(f->spool, &error) < 0)
		fail_msg("%s", error.text);
}

/* The only segment's path, or that of the first. */
static inline void fixture_segment(const struct fixture *f, char ret_path[160])
{
	struct spool_segment segment = {0};
	char command[160];
	FILE *list;

	snprintf(command, sizeof(command), "ls %s/*.seg | head -1", f->path);
	list = popen(command, "r");
	assert_non_null(list);
	assert_non_null(fgets(ret_path, 160, list));
	ret_path[strcspn(ret_path, "\n")] = '\0';
	pclose(list);
	assert_int_equal(spool_segment_parse(strrchr(ret_path, '/') + 1, &segment), 1);
}

static inline uint32_t fixture_segments(const struct fixture *f)
{
	struct spool_survey survey;
	struct weir_error error = {0};

	assert_int_equal(spool_survey(f->path, &survey, NULL, NULL, &error), 0);
	return survey.segments;
}

#endif
