// SPDX-License-Identifier: MIT
/* Text out of compressed files, made by the libraries' own compressors. */
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "compressed.h"

#define LINES 50000

/* A sanitizer's allocator ends the process when it is asked for too much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static char *text;
static size_t text_size;

static int make_text(void **state)
{
	(void)state;
	text = malloc(LINES * 16);
	for (int i = 0; i < LINES; i++)
		text_size += (size_t)sprintf(text + text_size, "line %d\n", i * 7919 % 100003);
	return 0;
}

static int free_text(void **state)
{
	(void)state;
	free(text);
	return 0;
}

/* A gzip file of the text, made in `members` pieces, cut to `keep` percent. */
static int gzip_file(int members, int keep)
{
	char path[] = "/tmp/weir-test-XXXXXX";
	int fd = mkstemp(path);
	size_t at = 0;

	assert_true(fd >= 0);
	for (int i = 0; i < members; i++) {
		size_t end = i + 1 == members ? text_size : at + text_size / (size_t)members;
		gzFile file = gzdopen(dup(fd), "wb");

		assert_int_equal(gzwrite(file, text + at, (unsigned)(end - at)), end - at);
		assert_int_equal(gzclose(file), Z_OK);
		at = end;
	}
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) * keep / 100), 0);
	unlink(path);
	return fd;
}

/* Reads as a tail does: from the start of what was not used last time. */
static size_t check_all(struct compressed *stream, size_t step)
{
	char *got = malloc(step);
	size_t at = 0;

	for (;;) {
		int64_t size = compressed_read_at(stream, got, step, at);

		assert_true(size >= 0 && at + (size_t)size <= text_size);
		assert_memory_equal(got, text + at, size);
		if (size < (int64_t)step) {
			free(got);
			return at + (size_t)size;
		}
		at += step - step / 3;
	}
}

static void a_gzip_file_gives_its_text(void **state)
{
	(void)state;
	for (size_t step = 100; step < 400000; step = step * 7 + 1) {
		struct compressed *stream = compressed_open(gzip_file(1, 100));

		assert_int_equal(check_all(stream, step), text_size);
		assert_null(compressed_fault(stream));
		compressed_close(stream);
	}
}

static void members_one_after_the_other_give_one_text(void **state)
{
	struct compressed *stream = compressed_open(gzip_file(5, 100));

	(void)state;
	assert_int_equal(check_all(stream, 10000), text_size);
	assert_null(compressed_fault(stream));
	compressed_close(stream);
}

static void any_offset_can_be_read_first(void **state)
{
	struct compressed *stream = compressed_open(gzip_file(1, 100));
	char got[100];
	static const size_t offsets[] = {300000, 5, 400000, 399990, 0, 200000};

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		assert_int_equal(compressed_read_at(stream, got, 100, offsets[i]), 100);
		assert_memory_equal(got, text + offsets[i], 100);
	}
	assert_int_equal(compressed_read_at(stream, got, 100, text_size), 0);
	assert_int_equal(compressed_read_at(stream, got, 100, text_size + 1000), 0);
	compressed_close(stream);
}

static void a_truncated_file_gives_what_decodes_and_the_fault(void **state)
{
	struct compressed *stream = compressed_open(gzip_file(1, 60));
	size_t size = check_all(stream, 10000);

	(void)state;
	assert_true(size > text_size / 3 && size < text_size);
	assert_string_equal(compressed_fault(stream), "it ends in the middle");
	compressed_close(stream);
}

static void a_damaged_file_gives_what_decodes_and_the_fault(void **state)
{
	int fd = gzip_file(1, 100);
	off_t middle = lseek(fd, 0, SEEK_END) / 2;
	struct compressed *stream;
	char got[1000];
	size_t at = 0;
	int64_t size;

	(void)state;
	assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, middle), 8);
	stream = compressed_open(fd);
	while ((size = compressed_read_at(stream, got, sizeof(got), at)) > 0)
		at += (size_t)size;
	assert_string_equal(compressed_fault(stream), "it is damaged");
	assert_true(at > text_size / 4);
	compressed_close(stream);
}

static void a_file_that_is_not_compressed_is_refused(void **state)
{
	char path[] = "/tmp/weir-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "plain text\n", 11), 11);
	assert_null(compressed_open(fd));
	assert_int_equal(lseek(fd, 0, SEEK_END), 11); /* still the caller's */
	close(fd);
	unlink(path);
}

static void names_tell_what_is_compressed(void **state)
{
	(void)state;
	assert_true(compressed_name("/a/b.log.1.gz"));
	assert_false(compressed_name("/a/gz"));
	assert_false(compressed_name("/a/b.gz.log"));
	assert_true(compressed_suffix("/a/b.bz2"));
	assert_false(compressed_suffix("/a/b.log"));
}

/* What follows must not be taken for the end of the file: it would never be read. */
static void without_memory_nothing_is_read_and_nothing_ends(void **state)
{
	struct compressed *stream;
	char got[100];

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	stream = compressed_open(gzip_file(1, 100));
	assert_non_null(stream);
	assert_int_equal(compressed_read_at(stream, got, SIZE_MAX / 4, 0), -1);
	assert_null(compressed_fault(stream));
	assert_int_equal(compressed_read_at(stream, got, sizeof(got), 0), sizeof(got));
	assert_memory_equal(got, text, sizeof(got));
	compressed_close(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_nothing_is_read_and_nothing_ends),
		cmocka_unit_test(a_gzip_file_gives_its_text),
		cmocka_unit_test(members_one_after_the_other_give_one_text),
		cmocka_unit_test(any_offset_can_be_read_first),
		cmocka_unit_test(a_truncated_file_gives_what_decodes_and_the_fault),
		cmocka_unit_test(a_damaged_file_gives_what_decodes_and_the_fault),
		cmocka_unit_test(a_file_that_is_not_compressed_is_refused),
		cmocka_unit_test(names_tell_what_is_compressed),
	};

	return cmocka_run_group_tests(tests, make_text, free_text);
}
