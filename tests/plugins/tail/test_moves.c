// SPDX-License-Identifier: MIT
/*
 * Files that are renamed before anybody looks. What is done to the files is done at once, and its events,
 * as inotify gives them, are told afterwards.
 */
#include "cmocka_all.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "catalog.h"
#include "mock_host.h"
#include "moves.h"
#include "scan.h"

#define EVENTS_MAX 2048

struct scene {
	struct mock_host host;
	struct catalog catalog;
	char folder[64];
	struct scene_event {
		char path[96];
		uint32_t what, cookie;
		int is_new, files;
	} events[EVENTS_MAX];
	uint32_t event_count, cookie;
};

static uint64_t later_ns; /* added to the clock */
static uint64_t sources;
static int disk_is_full;

static uint64_t clock_ns(void)
{
	return mock_monotonic_ns() + later_ns;
}

static int32_t source_open(struct weir_context *context, const struct weir_source_spec *spec,
			   struct weir_source **ret_source, struct weir_error *error)
{
	(void)context;
	(void)spec;
	if (disk_is_full)
		return weir_fail(error, WEIR_ERR_IO, "no space left on device");
	*ret_source = (struct weir_source *)(uintptr_t)++sources;
	return 0;
}

static void source_ready(struct weir_source *source)
{
	(void)source;
}

static struct weir_metric *metric(struct scene *scene, const char *name)
{
	return scene->host.services.metric(mock_context(&scene->host), WEIR_METRIC_COUNTER, name,
					   "help");
}

static void scene_start(struct scene *scene)
{
	struct weir_error error;
	char pattern[96];

	memset(scene, 0, sizeof(*scene));
	later_ns = sources = 0;
	mock_host_create(&scene->host);
	scene->host.services.monotonic_ns = clock_ns;
	scene->host.services.source_open = source_open;
	scene->host.services.source_ready = source_ready;
	catalog_init(&scene->catalog, &scene->host.services, mock_context(&scene->host));
	scene->catalog.metrics = (struct catalog_metrics){.missed = metric(scene, "missed")};
	/* Nobody asks for the others. */
	scene->catalog.metrics.files = scene->catalog.metrics.open = metric(scene, "any");
	scene->catalog.metrics.held = scene->catalog.metrics.rotated = metric(scene, "other");
	scene->catalog.metrics.refused = metric(scene, "refused");
	scene->catalog.appeared = 1;
	(void)snprintf(scene->folder, sizeof(scene->folder), "%s", "/tmp/unit-tail-moves-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	(void)snprintf(pattern, sizeof(pattern), "%s/*.log", scene->folder);
	assert_int_equal(glob_add(&scene->catalog.options.paths, pattern, 0, &error), 0);
}

static void scene_end(struct scene *scene)
{
	char command[128];

	catalog_done(&scene->catalog);
	glob_list_done(&scene->catalog.options.paths);
	(void)snprintf(command, sizeof(command), "rm -r %s", scene->folder);
	assert_int_equal(system(command), 0);
	mock_host_destroy(&scene->host);
}

static const char *in(const struct scene *scene, const char *name)
{
	static char paths[4][PATH_MAX];
	static uint32_t turn;
	char *path = paths[turn++ % 4];

	(void)snprintf(path, PATH_MAX, "%s/%s", scene->folder, name);
	return path;
}

/* ---- what is done ------------------------------------------------------------------------------ */

static void add(struct scene *scene, const char *name, uint32_t what, uint32_t cookie, int is_new)
{
	struct scene_event *event = &scene->events[scene->event_count++];

	assert_true(scene->event_count < EVENTS_MAX);
	(void)snprintf(event->path, sizeof(event->path), "%s", in(scene, name));
	event->what = what;
	event->cookie = cookie;
	event->is_new = is_new;
	event->files =
		strchr(name, '/') == NULL; /* others' folders are watched for their own sake */
}

static void append(struct scene *scene, const char *name, const char *text)
{
	int fd = open(in(scene, name), O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int64_t)strlen(text));
	add(scene, name, WATCHER_MODIFIED, 0, 0);
	(void)close(fd);
}

static void make(struct scene *scene, const char *name, const char *text)
{
	int fd = open(in(scene, name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
	add(scene, name, WATCHER_APPEARED, 0, 1);
	if (text[0])
		append(scene, name, text);
}

static void move_away(struct scene *scene, const char *from, const char *to)
{
	assert_int_equal(rename(in(scene, from), in(scene, to)), 0);
	add(scene, from, WATCHER_LEFT, ++scene->cookie, 0);
}

static void move(struct scene *scene, const char *from, const char *to)
{
	move_away(scene, from, to);
	add(scene, to, WATCHER_APPEARED, scene->cookie, 1);
}

static void delete (struct scene *scene, const char *name)
{
	assert_int_equal(unlink(in(scene, name)), 0);
	add(scene, name, WATCHER_LEFT, 0, 0);
}

static void compress_file(struct scene *scene, const char *name, const char *text)
{
	char packed[64];
	gzFile file;

	(void)snprintf(packed, sizeof(packed), "%s.gz", name);
	file = gzopen(in(scene, packed), "wb");
	assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
	assert_int_equal(gzclose(file), Z_OK);
	add(scene, packed, WATCHER_APPEARED, 0, 1);
	add(scene, packed, WATCHER_MODIFIED, 0, 0);
	delete (scene, name);
}

/* ---- what comes of it -------------------------------------------------------------------------- */

static void tell(struct scene *scene)
{
	for (uint32_t i = 0; i < scene->event_count; i++) {
		const struct scene_event *e = &scene->events[i];
		struct watcher_event event = {.what = e->what,
					      .cookie = e->cookie,
					      .is_new = e->is_new,
					      .files = e->files};

		if (e->files || atomic_load(&scene->catalog.watch.tracks))
			scan_name(&scene->catalog, e->path, &event);
	}
	scene->event_count = 0;
}

static void wait_long(struct scene *scene)
{
	later_ns += MOVES_KEEP_NS;
	pthread_mutex_lock(&scene->catalog.structure_lock);
	moves_settle(&scene->catalog);
	pthread_mutex_unlock(&scene->catalog.structure_lock);
	assert_null(scene->catalog.moves);
	assert_int_equal(atomic_load(&scene->catalog.watch.tracks), 0);
}

/* The names under which files are followed, in order. */
static void check(struct scene *scene, const char *names, int64_t missed)
{
	const char *list[16];
	char all[512] = "";
	uint32_t count = 0;

	for (const struct file *file = scene->catalog.files; file; file = file->next)
		list[count++] = file->path->text + strlen(scene->folder) + 1;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = i + 1; k < count; k++)
			if (strcmp(list[i], list[k]) > 0) {
				const char *other = list[i];

				list[i] = list[k];
				list[k] = other;
			}
	for (uint32_t i = 0; i < count; i++) {
		(void)strcat(all, i ? " " : "");
		(void)strcat(all, list[i]);
	}
	assert_string_equal(all, names);
	assert_int_equal(mock_metric_value(&scene->host, "missed"), missed);
}

static const struct file *file_named(struct scene *scene, const char *name)
{
	const struct file *file = scene->catalog.files;

	while (file && strcmp(file->path->text, in(scene, name)) != 0)
		file = file->next;
	assert_non_null(file);
	return file;
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void a_file_renamed_at_once_is_followed_under_its_new_name(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.old");
	make(&scene, "app.log", "two\n");
	tell(&scene);
	check(&scene, "app.log app.old", 0);
	wait_long(&scene);
	check(&scene, "app.log app.old", 0);
	scene_end(&scene);
}

static void two_rotations_at_once_lose_none_of_three_files(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.old");
	make(&scene, "app.log", "two\n");
	move(&scene, "app.old", "app.older");
	move(&scene, "app.log", "app.old");
	make(&scene, "app.log", "three\n");
	tell(&scene);
	check(&scene, "app.log app.old app.older", 0);
	scene_end(&scene);
}

static void a_file_is_found_in_a_folder_that_is_watched_for_others(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	assert_int_equal(mkdir(in(&scene, "done"), 0700), 0);
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "done/a");
	move(&scene, "done/a", "done/b");
	tell(&scene);
	check(&scene, "done/b", 0);
	assert_int_equal(file_named(&scene, "done/b")->gone, 1); /* nothing tells when it grows */
	scene_end(&scene);
}

static void a_file_compressed_at_once_is_followed_in_that(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.old");
	compress_file(&scene, "app.old", "one\n");
	make(&scene, "app.log", "two\n");
	tell(&scene);
	check(&scene, "app.log app.old.gz", 0);
	scene_end(&scene);
}

static void a_compressed_file_that_was_renamed_is_followed_too(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.1");
	compress_file(&scene, "app.1", "one\n");
	move(&scene, "app.1.gz", "app.2.gz");
	make(&scene, "app.log", "two\n");
	move(&scene, "app.log", "app.1");
	compress_file(&scene, "app.1", "two\n");
	tell(&scene);
	check(&scene, "app.1.gz app.2.gz", 0);
	wait_long(&scene);
	check(&scene, "app.1.gz app.2.gz", 0);
	scene_end(&scene);
}

static void what_nobody_can_read_any_more_is_counted(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.old");
	delete (&scene, "app.old");
	tell(&scene);
	check(&scene, "", 1);
	make(&scene, "app.log", "two\n");
	delete (&scene, "app.log");
	tell(&scene);
	check(&scene, "", 2);
	make(&scene, "app.log", "three\n");
	delete (&scene, "app.log");
	make(&scene, "app.log", "four\n");
	tell(&scene);
	check(&scene, "app.log", 3);
	scene_end(&scene);
}

static void a_file_moved_out_of_all_watched_folders_is_counted(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	assert_int_equal(mkdir(in(&scene, "elsewhere"), 0700), 0);
	make(&scene, "app.log", "one\n");
	move_away(&scene, "app.log", "elsewhere/app.log");
	tell(&scene);
	check(&scene, "", 0);
	wait_long(&scene);
	check(&scene, "", 1);
	scene_end(&scene);
}

static void a_file_that_another_was_renamed_over_is_counted(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.old");
	make(&scene, "app.log", "two\n");
	move(&scene, "app.log", "app.old");
	tell(&scene);
	check(&scene, "app.old", 1);
	scene_end(&scene);
}

static void an_empty_file_that_comes_and_goes_is_no_loss(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "");
	delete (&scene, "app.log");
	make(&scene, "app.log", "");
	move(&scene, "app.log", "app.old");
	delete (&scene, "app.old");
	tell(&scene);
	wait_long(&scene);
	check(&scene, "", 0);
	scene_end(&scene);
}

static void a_file_that_is_followed_is_neither_missed_nor_followed_twice(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	tell(&scene);
	check(&scene, "app.log", 0);
	move(&scene, "app.log", "app.old");
	compress_file(&scene, "app.old", "one\n");
	make(&scene, "app.log", "two\n");
	tell(&scene);
	wait_long(&scene);
	check(&scene, "app.log app.log", 0); /* the deleted file has its reader still */
	assert_int_equal(sources, 2);
	scene_end(&scene);
}

/* The reader comes to the end of a deleted file before the watcher comes to its events. */
static void a_file_that_was_read_before_its_events_came_is_not_missed(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	atomic_store(&scene.catalog.watching, 1);
	make(&scene, "app.log", "one\n");
	tell(&scene);
	move(&scene, "app.log", "app.old");
	compress_file(&scene, "app.old", "one\n");
	make(&scene, "app.log", "two\n");
	catalog_remove(&scene.catalog, scene.catalog.files);
	tell(&scene);
	wait_long(&scene);
	check(&scene, "app.log", 0);
	assert_int_equal(sources, 2);
	scene_end(&scene);
}

/* Its folder is read again, and the deleted file found missing, before its events come. */
static void a_file_that_a_survey_missed_before_its_events_came_is_not_followed_twice(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	tell(&scene);
	move(&scene, "app.log", "app.old");
	compress_file(&scene, "app.old", "one\n");
	pthread_mutex_lock(&scene.catalog.structure_lock);
	scan_left(&scene.catalog, scene.catalog.files);
	pthread_mutex_unlock(&scene.catalog.structure_lock);
	tell(&scene);
	wait_long(&scene);
	check(&scene, "app.log", 0);
	assert_int_equal(sources, 1);
	scene_end(&scene);
}

/* A new file that is empty is held back: copies begin empty, too. */
static void a_file_that_was_empty_when_it_was_looked_at_is_found_or_counted(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "");
	tell(&scene);
	check(&scene, "", 0);
	append(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.old");
	tell(&scene);
	check(&scene, "app.old", 0);
	make(&scene, "app.log", "");
	tell(&scene);
	append(&scene, "app.log", "two\n");
	delete (&scene, "app.log");
	tell(&scene);
	check(&scene, "app.old", 1);
	scene_end(&scene);
}

static void a_deleted_file_that_is_written_to_is_not_missed(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "app.log", "one\n");
	tell(&scene);
	delete (&scene, "app.log");
	add(&scene, "app.log", WATCHER_MODIFIED, 0, 0);
	tell(&scene);
	wait_long(&scene);
	check(&scene, "app.log", 0);
	scene_end(&scene);
}

static void a_file_that_can_not_be_followed_yet_is_tried_again(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	disk_is_full = 1;
	make(&scene, "app.log", "one\n");
	move(&scene, "app.log", "app.old");
	tell(&scene);
	for (int i = 0; i < 3; i++) {
		later_ns += MOVES_KEEP_NS;
		disk_is_full = i < 2;
		check(&scene, "", 0);
		moves_settle(&scene.catalog);
	}
	check(&scene, "app.old", 0);
	wait_long(&scene);
	scene_end(&scene);
}

static void other_files_are_left_alone_wherever_they_go(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	make(&scene, "notes", "one\n");
	move(&scene, "notes", "notes.old");
	make(&scene, "notes", "two\n");
	compress_file(&scene, "notes", "two\n");
	tell(&scene);
	check(&scene, "", 0);
	assert_null(scene.catalog.moves);
	scene_end(&scene);
}

static void more_on_their_way_than_are_remembered_are_counted(void **state)
{
	struct scene scene;
	char name[32];

	(void)state;
	scene_start(&scene);
	assert_int_equal(mkdir(in(&scene, "elsewhere"), 0700), 0);
	for (int i = 0; i < MOVES_MAX + 3; i++) {
		(void)snprintf(name, sizeof(name), "elsewhere/%d", i);
		make(&scene, "app.log", "one\n");
		move_away(&scene, "app.log", name);
	}
	tell(&scene);
	assert_int_equal(atomic_load(&scene.catalog.watch.tracks), MOVES_MAX);
	check(&scene, "", 3);
	wait_long(&scene);
	check(&scene, "", MOVES_MAX + 3);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_renamed_at_once_is_followed_under_its_new_name),
		cmocka_unit_test(two_rotations_at_once_lose_none_of_three_files),
		cmocka_unit_test(a_file_is_found_in_a_folder_that_is_watched_for_others),
		cmocka_unit_test(a_file_compressed_at_once_is_followed_in_that),
		cmocka_unit_test(a_compressed_file_that_was_renamed_is_followed_too),
		cmocka_unit_test(what_nobody_can_read_any_more_is_counted),
		cmocka_unit_test(a_file_moved_out_of_all_watched_folders_is_counted),
		cmocka_unit_test(a_file_that_another_was_renamed_over_is_counted),
		cmocka_unit_test(an_empty_file_that_comes_and_goes_is_no_loss),
		cmocka_unit_test(a_file_that_is_followed_is_neither_missed_nor_followed_twice),
		cmocka_unit_test(a_file_that_was_read_before_its_events_came_is_not_missed),
		cmocka_unit_test(
			a_file_that_a_survey_missed_before_its_events_came_is_not_followed_twice),
		cmocka_unit_test(a_file_that_was_empty_when_it_was_looked_at_is_found_or_counted),
		cmocka_unit_test(a_deleted_file_that_is_written_to_is_not_missed),
		cmocka_unit_test(a_file_that_can_not_be_followed_yet_is_tried_again),
		cmocka_unit_test(other_files_are_left_alone_wherever_they_go),
		cmocka_unit_test(more_on_their_way_than_are_remembered_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
