// SPDX-License-Identifier: MIT
/* What is put is found again, by this agent, by the next one, and by a reader beside it. */
#include "state_folder.h"

#include "state/state_internal.h"

static void count_done(void *user)
{
	atomic_fetch_add((atomic_int *)user, 1);
}

static int count_source(void *user, const struct state_source *source)
{
	(void)source;
	(*(int *)user)++;
	return 0;
}

static int keep_source(void *user, const struct state_source *source)
{
	char *text = user;

	snprintf(text, 256, "%02x %s %s %.*s %.*s", source->id[0], source->pipeline, source->input,
		 (int)source->name.size, source->name.data, (int)source->identity.size,
		 source->identity.data);
	return 0;
}

static int keep_position(void *user, const char *output, uint64_t position)
{
	char *text = user;

	snprintf(text + strlen(text), 128, "%s=%llu ", output, (unsigned long long)position);
	return 0;
}

static void a_source_is_found_by_the_next_agent(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	char text[256] = "";

	put(state, 7, "/var/log/a.log");
	state_close(state);
	state = opened(folder->dir);
	assert_int_equal(state_each_source(state, "web", "tail", keep_source, text, NULL), 0);
	assert_string_equal(text, "07 web tail /var/log/a.log who");
	state_close(state);
}

static void done_runs_once_the_source_is_in_the_database(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct state_source source = source_of(1, "a");
	atomic_int done = 0;

	assert_int_equal(state_put_source(state, &source, count_done, &done), 0);
	AWAIT(atomic_load(&done) == 1);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources"), 1);
	state_close(state);
	assert_int_equal(atomic_load(&done), 1);
}

static void a_put_of_a_known_source_changes_its_name(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	char text[256] = "";
	int count = 0;

	put(state, 1, "a.log");
	put(state, 1, "a.log.1");
	sync_ok(state);
	assert_int_equal(state_each_source(state, NULL, NULL, count_source, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(state_each_source(state, NULL, NULL, keep_source, text, NULL), 0);
	assert_string_equal(text, "01 web tail a.log.1 who");
	state_close(state);
}

static void a_change_of_a_source_leaves_the_rest_of_it(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct state_source change = source_of(1, "a.log.1");
	char text[256] = "";

	put(state, 1, "a.log");
	change.pipeline = change.input = "another";
	change.identity = weir_slice_of("she");
	assert_int_equal(state_change_source(state, &change), 0);
	sync_ok(state);
	assert_int_equal(state_each_source(state, "web", "tail", keep_source, text, NULL), 0);
	assert_string_equal(text, "01 web tail a.log.1 she");
	state_close(state);
}

static void a_change_does_not_bring_back_a_source_that_is_forgotten(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct state_source change = source_of(1, "late");

	put(state, 1, "a.log");
	state_forget_source(state, change.id);
	assert_int_equal(state_change_source(state, &change), 0);
	sync_ok(state);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources"), 0);
	state_close(state);
}

static void move_and_see(void *user, struct state_writer *writer)
{
	const struct state_source moved = source_of(1, ""), seen = source_of(2, "");

	(void)user;
	state_write_position(writer, moved.id, "file", 1);
	state_write_position(writer, seen.id, "file", 1);
	state_write_seen(writer, seen.id);
}

static void only_a_source_that_is_said_to_be_seen_is_noted_beside_its_position(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);
	struct state_source old = source_of(1, "a");

	old.seen_ns = 1;
	assert_int_equal(state_put_source(state, &old, NULL, NULL), 0);
	memset(old.id, 2, sizeof(old.id));
	assert_int_equal(state_put_source(state, &old, NULL, NULL), 0);
	assert_int_equal(state_start(state, move_and_see, NULL, NULL), 0);
	sync_ok(state);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM positions"), 2);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources WHERE seen_ns = 1"
					    " AND id = x'01010101010101010101010101010101'"),
			 1);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources WHERE seen_ns > 1"), 1);
	state_close(state);
}

static void an_empty_name_or_identity_leaves_the_old_one(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct state_source source = source_of(1, "");
	char text[256] = "";

	put(state, 1, "a.log");
	assert_int_equal(state_put_source(state, &source, NULL, NULL), 0);
	source = source_of(1, "b.log");
	source.identity = weir_slice_of("");
	assert_int_equal(state_put_source(state, &source, NULL, NULL), 0);
	sync_ok(state);
	state_each_source(state, NULL, NULL, keep_source, text, NULL);
	assert_string_equal(text, "01 web tail b.log who");
	state_close(state);
}

static void sources_are_told_apart_by_pipeline_and_input(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);
	struct state_source other = source_of(2, "b");
	int web = 0, db = 0, all = 0;

	other.pipeline = "db";
	put(state, 1, "a");
	assert_int_equal(state_put_source(state, &other, NULL, NULL), 0);
	sync_ok(state);
	state_each_source(state, "web", "tail", count_source, &web, NULL);
	state_each_source(state, "db", NULL, count_source, &db, NULL);
	state_each_source(state, NULL, NULL, count_source, &all, NULL);
	assert_int_equal(web, 1);
	assert_int_equal(db, 1);
	assert_int_equal(all, 2);
	state_close(state);
}

static void a_forgotten_source_leaves_no_position(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	uint8_t id[16];

	memset(id, 1, sizeof(id));
	put(state, 1, "a");
	collected_set(&folder->collected, 1, "file", 10);
	sync_ok(state);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM positions"), 1);
	collected_set(&folder->collected, 1, "file", 20);
	state_forget_source(state, id);
	sync_ok(state);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources"), 0);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM positions"), 0);
	state_close(state);
}

static void an_armed_position_is_committed_by_itself(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);

	put(state, 1, "a");
	collected_set(&folder->collected, 1, "file", 4711);
	state_arm(state);
	AWAIT(query(folder->dir, "SELECT position FROM positions") == 4711);
	state_close(state);
}

static void arming_many_times_asks_the_collector_once_an_interval(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	uint64_t began_ns = clock_monotonic_ns();

	for (int i = 0; i < 100000; i++)
		state_arm(state);
	AWAIT(atomic_load(&folder->collected.asked) > 0);
	assert_true(clock_monotonic_ns() - began_ns >= STATE_COMMIT_MS * NS_PER_MS);
	assert_true(atomic_load(&folder->collected.asked) <=
		    (int)((clock_monotonic_ns() - began_ns) / (STATE_COMMIT_MS * NS_PER_MS)) + 1);
	state_close(state);
}

static void nothing_armed_asks_nobody(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct state_source source = source_of(1, "a");
	atomic_int done = 0;

	assert_int_equal(state_put_source(state, &source, count_done, &done), 0);
	AWAIT(atomic_load(&done) == 1);
	assert_int_equal(atomic_load(&folder->collected.asked), 0);
	state_close(state);
	assert_int_equal(atomic_load(&folder->collected.asked), 1);
}

/* The commits that another connection sees. */
struct commits {
	sqlite3_stmt *version;
	int last;
	atomic_int seen, done;
};

static void count_commit(void *user)
{
	struct commits *commits = user;

	assert_int_equal(sqlite3_step(commits->version), SQLITE_ROW);
	if (sqlite3_column_int(commits->version, 0) != commits->last)
		atomic_fetch_add(&commits->seen, 1);
	commits->last = sqlite3_column_int(commits->version, 0);
	sqlite3_reset(commits->version);
	atomic_fetch_add(&commits->done, 1);
}

static void new_sources_that_come_one_after_the_other_share_commits(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct commits commits = {.last = -1};
	uint64_t began_ns = clock_monotonic_ns();
	sqlite3 *database;
	char path[128];

	snprintf(path, sizeof(path), "%s/state.db", folder->dir);
	assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(database, "PRAGMA data_version", -1, &commits.version, NULL),
		SQLITE_OK);
	for (int i = 0; i < 2000; i++) {
		struct state_source source = source_of(0, "a");

		memcpy(source.id, &i, sizeof(i));
		assert_int_equal(state_put_source(state, &source, count_commit, &commits), 0);
	}
	AWAIT(atomic_load(&commits.done) == 2000);
	assert_true((uint64_t)atomic_load(&commits.seen) <=
		    (clock_monotonic_ns() - began_ns) / (STATE_GATHER_MS * NS_PER_MS) + 2);
	sqlite3_finalize(commits.version);
	sqlite3_close(database);
	state_close(state);
}

static void rename_and_move(void *user, struct state_writer *writer)
{
	const struct state_source source = source_of(1, "new");

	put(user, 1, "new");
	state_write_position(writer, source.id, "file", 5);
}

static void what_is_put_before_a_position_moves_is_committed_with_it(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);

	put(state, 1, "old");
	assert_int_equal(state_start(state, rename_and_move, state, NULL), 0);
	state_arm(state);
	AWAIT(query(folder->dir, "SELECT count(*) FROM positions") == 1);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources WHERE name = 'new'"), 1);
	state_close(state);
}

static void hurrying_commits_before_the_interval_is_over(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	uint64_t began_ns = clock_monotonic_ns();

	state_arm(state);
	state_hurry(state);
	AWAIT(atomic_load(&folder->collected.asked) > 0);
	assert_true(clock_monotonic_ns() - began_ns < STATE_COMMIT_MS * NS_PER_MS);
	state_close(state);
}

static void closing_commits_what_is_armed(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);

	put(state, 1, "a");
	collected_set(&folder->collected, 1, "file", 99);
	state_arm(state);
	state_close(state);
	assert_int_equal(query(folder->dir, "SELECT position FROM positions"), 99);
}

static void positions_are_kept_per_output(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	char text[256] = "";
	uint8_t id[16];

	memset(id, 1, sizeof(id));
	put(state, 1, "a");
	collected_set(&folder->collected, 1, "http", UINT64_MAX);
	sync_ok(state);
	collected_set(&folder->collected, 1, "file", 5);
	sync_ok(state);
	collected_set(&folder->collected, 1, "file", 6);
	sync_ok(state);
	assert_int_equal(state_each_position(state, id, keep_position, text, NULL), 0);
	assert_string_equal(text, "file=6 http=18446744073709551615 ");
	state_close(state);
}

struct nested {
	struct state *state;
	char text[256];
};

static int ask_position(void *user, const struct state_source *source)
{
	struct nested *nested = user;

	return state_each_position(nested->state, source->id, keep_position, nested->text, NULL);
}

static void positions_can_be_asked_for_while_sources_are_listed(void **user)
{
	struct folder *folder = *user;
	struct nested nested = {started(folder), ""};

	put(nested.state, 1, "a");
	collected_set(&folder->collected, 1, "file", 5);
	sync_ok(nested.state);
	assert_int_equal(state_each_source(nested.state, NULL, NULL, ask_position, &nested, NULL),
			 0);
	assert_string_equal(nested.text, "file=5 ");
	state_close(nested.state);
}

static void inputs_and_outputs_are_seen_once_they_are_marked(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);

	assert_false(state_seen(state, "web", "tail"));
	assert_false(state_output_seen(state, "web", "file"));
	assert_int_equal(state_mark_seen(state, "web", "tail", NULL), 0);
	assert_int_equal(state_mark_output_seen(state, "web", "file", NULL), 0);
	assert_int_equal(state_mark_seen(state, "web", "tail", NULL), 0);
	state_close(state);
	state = opened(folder->dir);
	assert_true(state_seen(state, "web", "tail"));
	assert_true(state_output_seen(state, "web", "file"));
	assert_false(state_seen(state, "web", "file"));
	assert_false(state_output_seen(state, "db", "file"));
	state_close(state);
}

static void a_reader_sees_what_a_running_agent_has_committed(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	struct state *reader = NULL;
	struct weir_error error = {0};
	char text[256] = "";

	put(state, 1, "a.log");
	sync_ok(state);
	if (state_open_readonly(folder->dir, &reader, &error) != 0)
		fail_msg("%s", error.text);
	state_each_source(reader, NULL, NULL, keep_source, text, NULL);
	assert_string_equal(text, "01 web tail a.log who");
	assert_int_equal(state_mark_seen(reader, "web", "tail", NULL), WEIR_ERR_STATE);
	state_close(reader);
	state_close(state);
}

static void a_source_unseen_for_a_month_expires_with_its_positions(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);

	put(state, 1, "gone");
	put(state, 2, "here");
	collected_set(&folder->collected, 1, "file", 5);
	state_close(state);
	query(folder->dir, "UPDATE sources SET seen_ns = seen_ns - 31 * 86400 * 1000000000"
			   " WHERE name = 'gone'");
	state_close(opened(folder->dir));
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources WHERE name = 'gone'"), 0);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources WHERE name = 'here'"), 1);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM positions"), 0);
}

static void nothing_expires_while_the_agent_stands_still(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);

	put(state, 1, "a");
	put(state, 2, "b");
	state_close(state);
	query(folder->dir, "UPDATE sources SET seen_ns = seen_ns - 400 * 86400 * 1000000000");
	state_close(opened(folder->dir));
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources"), 2);
}

static void see_all(void *user, struct state_writer *writer)
{
	const struct state_source idle = source_of(1, "");

	if (!state_writes_all(writer))
		return;
	atomic_fetch_add((atomic_int *)user, 1);
	state_write_seen(writer, idle.id);
}

static void once_a_day_every_source_is_asked_for(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);
	struct state_source idle = source_of(1, "idle");
	atomic_int asked = 0;

	idle.seen_ns -= 29 * 86400 * NS_PER_SECOND;
	assert_int_equal(state_put_source(state, &idle, NULL, NULL), 0);
	assert_int_equal(state_start(state, see_all, &asked, NULL), 0);
	sync_ok(state);
	assert_int_equal(atomic_load(&asked), 0);
	state->all_seen_ns -= 86400 * NS_PER_SECOND; /* a day later */
	sync_ok(state);
	sync_ok(state);
	assert_int_equal(atomic_load(&asked), 1);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM sources WHERE seen_ns >"
					    " (unixepoch() - 3600) * 1000000000"),
			 1);
	state_close(state);
}

static void write_many(void *user, struct state_writer *writer)
{
	uint8_t id[16] = {0};

	(void)user;
	for (uint32_t i = 0; i < 10000; i++) {
		memcpy(id, &i, sizeof(i));
		state_write_position(writer, id, "file", i);
		state_write_position(writer, id, "http", i + 1);
	}
}

static void ten_thousand_positions_fit_one_commit(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);
	struct state_source source = source_of(0, "a");

	for (uint32_t i = 0; i < 10000; i++) {
		memcpy(source.id, &i, sizeof(i));
		assert_int_equal(state_put_source(state, &source, NULL, NULL), 0);
	}
	assert_int_equal(state_start(state, write_many, NULL, NULL), 0);
	sync_ok(state);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM positions"), 20000);
	assert_int_equal(query(folder->dir, "SELECT sum(position) FROM positions"), 100000000);
	state_close(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_create, folder_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_is_found_by_the_next_agent),
		TEST(done_runs_once_the_source_is_in_the_database),
		TEST(a_put_of_a_known_source_changes_its_name),
		TEST(a_change_of_a_source_leaves_the_rest_of_it),
		TEST(a_change_does_not_bring_back_a_source_that_is_forgotten),
		TEST(only_a_source_that_is_said_to_be_seen_is_noted_beside_its_position),
		TEST(an_empty_name_or_identity_leaves_the_old_one),
		TEST(sources_are_told_apart_by_pipeline_and_input),
		TEST(a_forgotten_source_leaves_no_position),
		TEST(an_armed_position_is_committed_by_itself),
		TEST(arming_many_times_asks_the_collector_once_an_interval),
		TEST(nothing_armed_asks_nobody),
		TEST(new_sources_that_come_one_after_the_other_share_commits),
		TEST(what_is_put_before_a_position_moves_is_committed_with_it),
		TEST(hurrying_commits_before_the_interval_is_over),
		TEST(closing_commits_what_is_armed),
		TEST(positions_are_kept_per_output),
		TEST(positions_can_be_asked_for_while_sources_are_listed),
		TEST(inputs_and_outputs_are_seen_once_they_are_marked),
		TEST(a_reader_sees_what_a_running_agent_has_committed),
		TEST(a_source_unseen_for_a_month_expires_with_its_positions),
		TEST(nothing_expires_while_the_agent_stands_still),
		TEST(once_a_day_every_source_is_asked_for),
		TEST(ten_thousand_positions_fit_one_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
