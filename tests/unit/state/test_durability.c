// SPDX-License-Identifier: MIT
/* What is acknowledged survives a kill; a full disk, a lock and a damaged file are survived. */
#include "state_folder.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int refused(const char *dir, struct weir_error *error)
{
	struct state *state = NULL;
	int reset;

	memset(error, 0, sizeof(*error));
	return state_open(dir, &state, &reset, error);
}

static void a_second_agent_is_refused_and_told_who_holds_the_folder(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);
	struct weir_error error;
	char pid[32];

	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_int_equal(refused(folder->dir, &error), WEIR_ERR_REFUSED);
	assert_non_null(strstr(error.text, pid));
	state_close(state);
	state_close(opened(folder->dir));
}

static void the_folder_is_made_private_when_its_parent_exists(void **user)
{
	struct folder *folder = *user;
	char path[128];
	struct stat info;

	snprintf(path, sizeof(path), "%s/new", folder->dir);
	state_close(opened(path));
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_missing_parent_is_named(void **user)
{
	struct folder *folder = *user;
	struct weir_error error;
	char path[128];

	snprintf(path, sizeof(path), "%s/no/state", folder->dir);
	assert_int_equal(refused(path, &error), WEIR_ERR_NOT_FOUND);
	assert_non_null(strstr(error.text, "folder above it doesn't exist"));
}

static void a_newer_schema_is_refused_and_left_alone(void **user)
{
	struct folder *folder = *user;
	struct weir_error error;

	state_close(opened(folder->dir));
	query(folder->dir, "PRAGMA user_version = 99");
	assert_int_equal(refused(folder->dir, &error), WEIR_ERR_REFUSED);
	assert_non_null(strstr(error.text, "newer weir"));
	assert_int_equal(query(folder->dir, "PRAGMA user_version"), 99);
}

static void another_programs_database_is_refused(void **user)
{
	struct folder *folder = *user;
	struct weir_error error;
	sqlite3 *handle;
	char path[128];

	snprintf(path, sizeof(path), "%s/state.db", folder->dir);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "CREATE TABLE cats (name)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(handle);
	assert_int_equal(refused(folder->dir, &error), WEIR_ERR_REFUSED);
	assert_non_null(strstr(error.text, "not a state database"));
}

/* Overwrites `size` bytes of the database from `offset` on. */
static void damage(const char *dir, off_t offset, size_t size)
{
	char path[128];
	char *junk = malloc(size);
	int fd;

	memset(junk, 0xa5, size);
	snprintf(path, sizeof(path), "%s/state.db", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, size, offset), (ssize_t)size);
	close(fd);
	free(junk);
}

static size_t files_set_aside(const char *dir)
{
	char pattern[128];
	glob_t found;
	size_t count;

	snprintf(pattern, sizeof(pattern), "%s/state.db.corrupt-*", dir);
	count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return count;
}

static struct state *opened_after_damage(const char *dir, int expected_reset)
{
	struct weir_error error = {0};
	struct state *state = NULL;
	int reset = -1;

	if (state_open(dir, &state, &reset, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(reset, expected_reset);
	return state;
}

static void a_file_that_is_no_database_is_set_aside(void **user)
{
	struct folder *folder = *user;
	struct state *state;

	damage(folder->dir, 0, 4096);
	state = opened_after_damage(folder->dir, 1);
	assert_int_equal(files_set_aside(folder->dir), 1);
	put(state, 1, "a");
	sync_ok(state);
	state_close(state);
}

static void a_damaged_page_is_noticed_and_set_aside(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	int64_t size;

	for (int i = 1; i < 200; i++)
		put(state, (uint8_t)i, "/var/log/some/long/name/to/fill/pages/with/text.log");
	state_close(state);
	size = query(folder->dir, "PRAGMA page_size");
	damage(folder->dir, size, (size_t)size); /* the second page: the root of `sources` */
	state_close(opened_after_damage(folder->dir, 1));
	assert_int_equal(files_set_aside(folder->dir), 1);
}

static void a_reset_is_told_until_an_input_has_gone_on(void **user)
{
	struct folder *folder = *user;
	struct state *state;

	damage(folder->dir, 0, 4096);
	state_close(opened_after_damage(folder->dir, 1));
	state = opened_after_damage(folder->dir, 1);
	assert_true(state_concerned(state, "web", "tail"));
	assert_true(state_concerned(state, "db", "tail"));
	assert_int_equal(state_mark_seen(state, "web", "tail", NULL), 0);
	assert_false(state_concerned(state, "web", "tail"));
	state_close(state);
	state = opened_after_damage(folder->dir, 0);
	assert_true(state_concerned(state, "db", "tail"));
	assert_int_equal(files_set_aside(folder->dir), 1);
	state_close(state);
}

static void a_reset_is_told_though_the_agent_was_killed_amid_it(void **user)
{
	struct folder *folder = *user;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/state.db.reset", folder->dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	close(fd);
	state_close(opened_after_damage(folder->dir, 1));
	assert_int_not_equal(access(path, F_OK), 0);
}

static void nothing_is_concerned_without_a_reset(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);

	assert_false(state_concerned(state, "web", "tail"));
	state_close(state);
}

/* ---- kill ------------------------------------------------------------------------------------ */

struct reported {
	int fd;
	uint8_t id;
};

static void report(void *user)
{
	struct reported *reported = user;

	if (write(reported->fd, &reported->id, 1) != 1)
		_exit(2);
}

/* Puts sources until it is killed, and writes the number of each that became durable. */
static void put_for_ever(struct folder *folder, int fd)
{
	struct state *state = started(folder);
	struct reported *reported = calloc(256, sizeof(*reported));

	for (int i = 1; i < 256; i++) {
		struct state_source source = source_of((uint8_t)i, "name");

		reported[i] = (struct reported){fd, (uint8_t)i};
		state_put_source(state, &source, report, &reported[i]);
		watch_for_ns(NS_PER_MS / 5);
	}
	pause();
}

static int mark_id(void *user, const struct state_source *source)
{
	((uint8_t *)user)[source->id[0]] = 1;
	return 0;
}

static void acknowledged_sources_survive_a_kill(void **user)
{
	struct folder *folder = *user;
	uint8_t found[256] = {0}, ids[256];
	size_t acknowledged = 0;
	int ends[2];
	pid_t child;
	struct state *state;
	ssize_t size;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		put_for_ever(folder, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	while (acknowledged < 40) {
		size = read(ends[0], ids + acknowledged, sizeof(ids) - acknowledged);
		assert_true(size > 0);
		acknowledged += (size_t)size;
	}
	kill(child, SIGKILL);
	while ((size = read(ends[0], ids + acknowledged, sizeof(ids) - acknowledged)) > 0)
		acknowledged += (size_t)size;
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	state = opened(folder->dir);
	state_each_source(state, NULL, NULL, mark_id, found, NULL);
	for (size_t i = 0; i < acknowledged; i++)
		assert_true(found[ids[i]]);
	state_close(state);
}

/* ---- full and locked ------------------------------------------------------------------------- */

/* The write after the limit fails with EFBIG, as one on a full disk does with ENOSPC. */
static void file_size_limit(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_failing_commit_is_logged_once_and_made_up_for(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct state_source source = source_of(1, "a");
	struct weir_error error = {0};
	int failed;

	assert_int_equal(state_put_source(state, &source, NULL, NULL), 0);
	sync_ok(state);
	assert_false(stalled(state));
	file_size_limit(4096);
	collected_set(&folder->collected, 1, "file", 12345);
	failed = state_sync(state, &error);
	put(state, 2, "b");
	AWAIT(stalled(state));
	assert_int_not_equal(state_sync(state, NULL), 0);
	file_size_limit(RLIM_INFINITY);
	assert_int_not_equal(failed, 0);
	assert_true(error.text[0]);
	assert_int_equal(atomic_load(&logged_errors), 1);
	AWAIT(!stalled(state));
	AWAIT(query(folder->dir, "SELECT position FROM positions") == 12345);
	AWAIT(query(folder->dir, "SELECT count(*) FROM sources") == 2);
	state_close(state);
}

static void a_lock_of_another_program_stalls_until_it_ends(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	sqlite3 *other;
	char path[128], text[WEIR_ERROR_TEXT];

	snprintf(path, sizeof(path), "%s/state.db", folder->dir);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	put(state, 1, "a");
	AWAIT(stalled(state));
	state_stalled(state, text, sizeof(text));
	assert_non_null(strstr(text, "locked by another program"));
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	AWAIT(!stalled(state));
	AWAIT(query(folder->dir, "SELECT count(*) FROM sources") == 1);
	state_close(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_create, folder_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_second_agent_is_refused_and_told_who_holds_the_folder),
		TEST(the_folder_is_made_private_when_its_parent_exists),
		TEST(a_missing_parent_is_named),
		TEST(a_newer_schema_is_refused_and_left_alone),
		TEST(another_programs_database_is_refused),
		TEST(a_file_that_is_no_database_is_set_aside),
		TEST(a_damaged_page_is_noticed_and_set_aside),
		TEST(a_reset_is_told_until_an_input_has_gone_on),
		TEST(a_reset_is_told_though_the_agent_was_killed_amid_it),
		TEST(nothing_is_concerned_without_a_reset),
		TEST(acknowledged_sources_survive_a_kill),
		TEST(a_failing_commit_is_logged_once_and_made_up_for),
		TEST(a_lock_of_another_program_stalls_until_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
