// SPDX-License-Identifier: MIT
/* The file output: what an outcome promises, and what happens when the disk or others interfere. */
#include "output_host.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "await.h"

static atomic_int sync_failures; /* fdatasync() fails this often */
static atomic_int syncs;
static _Atomic(const char *) unlinked; /* removed at the next fdatasync() */

/* Stands in for libc's in the plugin as well. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
	const char *path = atomic_exchange(&unlinked, NULL);

	atomic_fetch_add(&syncs, 1);
	if (path)
		unlink(path);
	if (atomic_load(&sync_failures) > 0) {
		atomic_fetch_sub(&sync_failures, 1);
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

static int setup(void **user)
{
	int failed = host_create(user, "file");

	atomic_store(&sync_failures, 0);
	atomic_store(&syncs, 0);
	if (!failed)
		option_text(*user, "path", ((struct output_host *)*user)->path);
	return failed;
}

static void file_size_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void records_are_in_the_file_when_they_are_delivered(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	host_write(host, "line", 1, 3);
	await_delivered(host, 3);
	assert_file(host->path, "line 1\nline 2\nline 3\n");
	assert_true(atomic_load(&syncs) > 0);
}

static void only_selected_records_are_written(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	host->operations->write(host->instance, &host_lines(host, "line", 0, 6, 1, 0x2d)->view);
	await_delivered(host, 4);
	assert_file(host->path, "line 0\nline 2\nline 3\nline 5\n");
}

static void many_single_records_of_one_batch_are_all_written(void **user)
{
	struct output_host *host = *user;
	uint32_t lines = 0;
	char *text;

	host_start(host);
	for (int i = 0; i < 5; i++)
		host->operations->write(
			host->instance,
			&host_lines(host, "x", 0, 1024, 1, UINT64_C(0x5555555555555555))->view);
	await_delivered(host, 5 * 512);
	text = file_text(host->path);
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	free(text);
	assert_int_equal(lines, 5 * 512);
}

static void without_sync_nothing_is_synced(void **user)
{
	struct output_host *host = *user;

	option_number(host, "sync", 0);
	host_start(host);
	host_write(host, "line", 1, 1);
	await_delivered(host, 1);
	assert_int_equal(atomic_load(&syncs), 0);
	assert_file(host->path, "line 1\n");
}

static void what_could_not_be_synced_is_written_again(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	host_write(host, "first", 1, 1);
	await_delivered(host, 1);
	atomic_store(&sync_failures, 2);
	host_write(host, "second", 1, 1);
	await_stall(host, "Input/output error");
	await_delivered(host, 2);
	await_stall(host, "");
	assert_file(host->path, "first 1\nsecond 1\n");
}

static void a_full_disk_stalls_leaves_no_half_record_and_goes_on(void **user)
{
	struct output_host *host = *user;
	char *text;

	host_start(host);
	host_write(host, "before", 1, 1);
	await_delivered(host, 1);
	file_size_limit(12);
	host_write(host, "after", 1, 2);
	await_stall(host, "File too large");
	text = file_text(host->path);
	file_size_limit(RLIM_INFINITY);
	assert_string_equal(text, "before 1\n");
	free(text);
	await_delivered(host, 3);
	await_stall(host, "");
	assert_int_equal(host->stalls, 1);
	assert_file(host->path, "before 1\nafter 1\nafter 2\n");
}

static void half_a_record_from_a_crash_is_removed_and_reported(void **user)
{
	struct output_host *host = *user;

	file_put(host->path, "{\"a\":1}\n{\"a\":");
	host_start(host);
	assert_non_null(strstr(host->log, "file_repaired removed 5 bytes"));
	host_write(host, "line", 1, 1);
	await_delivered(host, 1);
	assert_file(host->path, "{\"a\":1}\nline 1\n");
}

static void half_a_line_of_someone_elses_is_kept(void **user)
{
	struct output_host *host = *user;

	file_put(host->path, "notes of mine");
	host_start(host);
	host_write(host, "line", 1, 1);
	await_delivered(host, 1);
	assert_file(host->path, "notes of mine\nline 1\n");
}

static void a_renamed_file_is_followed_by_a_new_one(void **user)
{
	struct output_host *host = *user;
	char moved[160];

	snprintf(moved, sizeof(moved), "%s.moved", host->path);
	host_start(host);
	host_write(host, "old", 1, 1);
	await_delivered(host, 1);
	assert_int_equal(rename(host->path, moved), 0);
	host_write(host, "new", 1, 1);
	await_delivered(host, 2);
	assert_file(moved, "old 1\n");
	assert_file(host->path, "new 1\n");
}

static void a_deleted_file_is_followed_by_a_new_one(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	host_write(host, "old", 1, 1);
	await_delivered(host, 1);
	assert_int_equal(unlink(host->path), 0);
	host_write(host, "new", 1, 1);
	await_delivered(host, 2);
	assert_file(host->path, "new 1\n");
}

static void a_file_deleted_while_it_is_written_is_written_again(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	atomic_store(&unlinked, host->path);
	host_write(host, "line", 1, 2);
	await_delivered(host, 2);
	assert_file(host->path, "line 1\nline 2\n");
}

static void a_file_cut_by_someone_else_is_appended_to(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	host_write(host, "old", 1, 1);
	await_delivered(host, 1);
	assert_int_equal(truncate(host->path, 0), 0);
	host_write(host, "new", 1, 1);
	await_delivered(host, 2);
	assert_file(host->path, "new 1\n");
}

static void rotation_begins_a_new_file_before_the_size_is_passed(void **user)
{
	struct output_host *host = *user;
	char name[160];

	option_rotate(host, 16, 2, 0);
	host_start(host);
	host_write(host, "line", 1, 6); /* 7 bytes each: two fit a file */
	await_delivered(host, 6);
	assert_file(host->path, "line 5\nline 6\n");
	snprintf(name, sizeof(name), "%s.1", host->path);
	assert_file(name, "line 3\nline 4\n");
	snprintf(name, sizeof(name), "%s.2", host->path);
	assert_file(name, "line 1\nline 2\n");
	host_write(host, "line", 7, 1);
	await_delivered(host, 7);
	assert_file(name, "line 3\nline 4\n");
	snprintf(name, sizeof(name), "%s.3", host->path);
	assert_null(file_text(name));
}

static void a_record_longer_than_the_rotation_size_gets_a_file_of_its_own(void **user)
{
	struct output_host *host = *user;
	char name[160];

	option_rotate(host, 4, 5, 0);
	host_start(host);
	host_write(host, "line", 1, 2);
	await_delivered(host, 2);
	assert_file(host->path, "line 2\n");
	snprintf(name, sizeof(name), "%s.1", host->path);
	assert_file(name, "line 1\n");
}

/* What gzip(1) makes of all files of the output, oldest first. */
static void assert_unzipped(struct output_host *host, const char *expected)
{
	char command[512], text[512] = "";
	size_t size;
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "cd %s && for f in $(ls -r); do case $f in *.gz) gzip -dc $f;; *) cat $f;; esac; "
		 "done",
		 host->dir);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	size = fread(text, 1, sizeof(text) - 1, pipe);
	text[size] = '\0';
	assert_int_equal(pclose(pipe), 0);
	assert_string_equal(text, expected);
}

static size_t files_like(struct output_host *host, const char *pattern)
{
	char path[160];
	glob_t found;
	size_t count;

	snprintf(path, sizeof(path), "%s/%s", host->dir, pattern);
	count = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return count;
}

static void finished_files_are_compressed_and_complete(void **user)
{
	struct output_host *host = *user;

	option_rotate(host, 16, 9, 1);
	host_start(host);
	for (uint32_t i = 1; i <= 8; i++)
		host_write(host, "line", i, 1);
	await_delivered(host, 8);
	AWAIT(files_like(host, "out.[0-9].gz") == 3);
	AWAIT(files_like(host, "out.[0-9]") == 0);
	assert_int_equal(files_like(host, "*.part"), 0);
	assert_unzipped(host, "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\n");
}

static void a_finished_file_left_plain_by_a_kill_is_compressed(void **user)
{
	struct output_host *host = *user;
	char name[160];

	snprintf(name, sizeof(name), "%s.1", host->path);
	file_put(name, "line 1\n");
	snprintf(name, sizeof(name), "%s.gz.part", host->path);
	file_put(name, "half");
	option_rotate(host, 16, 9, 1);
	host_start(host);
	AWAIT(files_like(host, "out.1.gz") == 1);
	AWAIT(files_like(host, "out.1") == 0);
	AWAIT(files_like(host, "*.part") == 0);
	assert_unzipped(host, "line 1\n");
}

static void max_bytes_stalls_instead_of_losing(void **user)
{
	struct output_host *host = *user;

	option_number(host, "max_bytes", 20);
	host_start(host);
	host_write(host, "line", 1, 4); /* two of them fit */
	await_stall(host, "max_bytes (20)");
	assert_file(host->path, "line 1\nline 2\n");
	assert_int_equal(unlink(host->path), 0);
	await_delivered(host, 4);
	await_stall(host, "");
	assert_file(host->path, "line 3\nline 4\n");
}

static void max_bytes_counts_finished_files_too(void **user)
{
	struct output_host *host = *user;
	char name[160];

	snprintf(name, sizeof(name), "%s.1", host->path);
	option_number(host, "max_bytes", 28);
	option_rotate(host, 14, 5, 0);
	host_start(host);
	host_write(host, "line", 1, 5);
	await_stall(host, "max_bytes (28)");
	assert_int_equal(unlink(name), 0);
	await_delivered(host, 5);
}

static void the_time_in_the_path_is_that_of_writing(void **user)
{
	struct output_host *host = *user;
	char pattern[160], name[160];

	snprintf(pattern, sizeof(pattern), "%s/%%Y/%%m%%d-%%H.log", host->dir);
	host->options.values[0].text = weir_slice_of(pattern);
	host->now_ns = INT64_C(1700000000) * 1000000000; /* 2023-11-14T22:13:20Z */
	host_start(host);
	host_write(host, "line", 1, 1);
	await_delivered(host, 1);
	pthread_mutex_lock(&host->lock);
	host->now_ns += INT64_C(3600) * 1000000000;
	pthread_mutex_unlock(&host->lock);
	host_write(host, "line", 2, 1);
	await_delivered(host, 2);
	snprintf(name, sizeof(name), "%s/2023/1114-22.log", host->dir);
	assert_file(name, "line 1\n");
	snprintf(name, sizeof(name), "%s/2023/1114-23.log", host->dir);
	assert_file(name, "line 2\n");
}

static void an_unknown_letter_in_the_path_is_refused(void **user)
{
	struct output_host *host = *user;
	struct weir_error error;

	host->options.values[0].text = weir_slice_of("/tmp/%S.log");
	assert_int_equal(host_try(host, &error), WEIR_ERR_INVALID);
	assert_non_null(strstr(error.text, "%Y, %m, %d, %H"));
}

static void a_folder_in_place_of_the_file_is_refused(void **user)
{
	struct output_host *host = *user;
	struct weir_error error;

	assert_int_equal(mkdir(host->path, 0700), 0);
	assert_int_equal(host_try(host, &error), WEIR_ERR_IO);
	assert_non_null(strstr(error.text, "is a folder"));
}

static void a_pipe_in_place_of_the_file_is_refused(void **user)
{
	struct output_host *host = *user;
	struct weir_error error;

	assert_int_equal(mkfifo(host->path, 0600), 0);
	assert_int_equal(host_try(host, &error), WEIR_ERR_IO);
	assert_non_null(strstr(error.text, "stdout output"));
}

static void a_file_in_use_by_another_writer_is_waited_for(void **user)
{
	struct output_host *host = *user;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(host->path, O_RDWR | O_CREAT, 0600);

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	host_start(host);
	host_write(host, "line", 1, 1);
	await_stall(host, "another output or agent");
	close(fd);
	await_delivered(host, 1);
	assert_file(host->path, "line 1\n");
}

static void mode_is_that_of_a_new_file(void **user)
{
	struct output_host *host = *user;
	struct stat info;

	option_text(host, "mode", "0604");
	umask(0);
	host_start(host);
	assert_int_equal(stat(host->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0604);
}

static void an_encoding_without_memory_is_tried_again(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	host->encode_failures = 2;
	host_write(host, "line", 1, 1);
	await_stall(host, "no memory");
	await_delivered(host, 1);
	assert_file(host->path, "line 1\n");
}

static void stopping_during_a_stall_does_not_wait_for_its_end(void **user)
{
	struct output_host *host = *user;
	struct weir_delivery *delivery = host_lines(host, "line", 1, 4, 1, UINT64_MAX);

	option_number(host, "max_bytes", 8);
	host_start(host);
	host->operations->write(host->instance, &delivery->view);
	await_stall(host, "max_bytes");
	host_stop(host);
	assert_int_equal(host->delivered, 0);
	free(delivery->data);
	free(delivery);
}

/* The words of the options reach the encoder as the spec says. */
static void the_options_reach_the_encoder(void **user)
{
	struct output_host *host = *user;
	struct host_map list = {0};
	uint32_t i = host->options.node.count;

	option_add(&list, "", WEIR_TYPE_STRING, "status", 0);
	option_add(&list, "", WEIR_TYPE_STRING, "path", 0);
	list.node.type = WEIR_TYPE_LIST;
	option_add(&host->options, "fields", WEIR_TYPE_LIST, "", 0);
	host->options.items[i] = &list.node;
	option_text(host, "format", "text");
	option_text(host, "separator", "\\t|");
	host_start(host);
	host_write(host, "line", 1, 1);
	await_delivered(host, 1);
	assert_int_equal(host->spec.format, WEIR_ENCODE_TEXT);
	assert_int_equal(host->spec.field_count, 2);
	assert_memory_equal(host->spec.fields[1].data, "path", 4);
	assert_int_equal(host->spec.separator.size, 2);
	assert_memory_equal(host->spec.separator.data, "\t|", 2);
	host_stop(host);
}

static void format_text_without_fields_is_refused(void **user)
{
	struct output_host *host = *user;
	struct weir_error error;

	option_text(host, "format", "text");
	assert_int_equal(host_try(host, &error), WEIR_ERR_INVALID);
	assert_non_null(strstr(error.text, "needs `fields`"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, host_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_are_in_the_file_when_they_are_delivered),
		TEST(only_selected_records_are_written),
		TEST(many_single_records_of_one_batch_are_all_written),
		TEST(without_sync_nothing_is_synced),
		TEST(what_could_not_be_synced_is_written_again),
		TEST(a_full_disk_stalls_leaves_no_half_record_and_goes_on),
		TEST(half_a_record_from_a_crash_is_removed_and_reported),
		TEST(half_a_line_of_someone_elses_is_kept),
		TEST(a_renamed_file_is_followed_by_a_new_one),
		TEST(a_deleted_file_is_followed_by_a_new_one),
		TEST(a_file_deleted_while_it_is_written_is_written_again),
		TEST(a_file_cut_by_someone_else_is_appended_to),
		TEST(rotation_begins_a_new_file_before_the_size_is_passed),
		TEST(a_record_longer_than_the_rotation_size_gets_a_file_of_its_own),
		TEST(finished_files_are_compressed_and_complete),
		TEST(a_finished_file_left_plain_by_a_kill_is_compressed),
		TEST(max_bytes_stalls_instead_of_losing),
		TEST(max_bytes_counts_finished_files_too),
		TEST(the_time_in_the_path_is_that_of_writing),
		TEST(an_unknown_letter_in_the_path_is_refused),
		TEST(a_folder_in_place_of_the_file_is_refused),
		TEST(a_pipe_in_place_of_the_file_is_refused),
		TEST(a_file_in_use_by_another_writer_is_waited_for),
		TEST(mode_is_that_of_a_new_file),
		TEST(an_encoding_without_memory_is_tried_again),
		TEST(stopping_during_a_stall_does_not_wait_for_its_end),
		TEST(the_options_reach_the_encoder),
		TEST(format_text_without_fields_is_refused),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
