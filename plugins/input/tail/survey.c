// SPDX-License-Identifier: MIT
#include "survey.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adopt.h"
#include "compressed.h"
#include "follow.h"
#include "known.h"
#include "legacy.h"
#include "opened.h"
#include "packed.h"
#include "refusal.h"
#include "rotated.h"
#include "scan.h"
#include "walk.h"

/* Memory for paths that a survey takes at once: beyond malloc's threshold (128 KiB), so that all goes back
 * to the system at its end. */
#define SURVEY_PATHS_BYTES ((size_t)256 << 10)

struct survey {
	struct catalog *catalog;
	struct survey_found {
		char *path;
		uint64_t inode; /* as its folder says; 0 = it does not */
		uint8_t matches;
		uint8_t regular; /* its folder says that it is a file, and no link */
		uint8_t taken;   /* it is followed */
	} * found;
	uint32_t count, capacity;
	struct survey_paths {
		struct survey_paths *next;
		size_t used;
		char text[SURVEY_PATHS_BYTES];
	} * paths; /* the newest first */
};

/* A copy that lives as long as the survey. */
static char *found_path(struct survey *survey, const char *path)
{
	size_t size = strlen(path) + 1;
	struct survey_paths *paths = survey->paths;

	if (!paths || sizeof(paths->text) - paths->used < size) {
		paths = malloc(sizeof(*paths));
		if (!paths)
			return NULL;
		paths->next = survey->paths;
		paths->used = 0;
		survey->paths = paths;
	}
	paths->used += size;
	return memcpy(paths->text + paths->used - size, path, size);
}

static void found_add(struct survey *survey, const char *path, const struct walk_entry *entry,
		      int matches)
{
	if (survey->count == survey->capacity) {
		uint32_t wanted = survey->capacity ? survey->capacity * 2 : 64;
		struct survey_found *grown = realloc(survey->found, wanted * sizeof(*grown));

		if (!grown)
			return; /* the next one sees it */
		survey->found = grown;
		survey->capacity = wanted;
	}
	survey->found[survey->count] = (struct survey_found){.path = found_path(survey, path),
							     .inode = entry->inode,
							     .matches = matches != 0,
							     .regular = entry->regular != 0};
	survey->count += survey->found[survey->count].path != NULL;
}

static void on_folder(void *user, const char *path, int files)
{
	struct survey *survey = user;

	if (atomic_load(&survey->catalog->watching))
		watcher_folder(&survey->catalog->watch, path, files);
}

/* Keeps what matches, and other names of files that are or were followed. */
static void on_entry(void *user, const char *folder, const struct walk_entry *entry)
{
	struct survey *survey = user;
	uint64_t inode = entry->inode;
	char path[PATH_MAX];
	int matches;

	if (!walk_path(folder, entry->name, path, sizeof(path)))
		return;
	matches = entry->matches && tail_options_allow(&survey->catalog->options, path);
	if (matches || rotated_name(survey->catalog, path) ||
	    (inode && (catalog_has_inode(survey->catalog, inode) ||
		       known_has_inode(survey->catalog, inode))))
		found_add(survey, path, entry, matches);
}

static void on_refused(void *user, const char *path, int error)
{
	const struct survey *survey = user;

	refusal_tell(survey->catalog, path, error);
}

static void survey_walk(struct catalog *catalog, struct survey *ret_survey)
{
	static const struct walk_calls calls = {on_folder, on_entry, on_refused};

	*ret_survey = (struct survey){.catalog = catalog};
	walk(&catalog->options.paths, &calls, ret_survey);
}

static void survey_done(struct survey *survey)
{
	while (survey->paths) {
		struct survey_paths *next = survey->paths->next;

		free(survey->paths);
		survey->paths = next;
	}
	free(survey->found);
}

/* True when an earlier run knew the inode. What the folder says of it need not be true: not where
 * something is mounted over a name, nor on every filesystem. */
static int was_known(const struct catalog *catalog, const struct survey_found *found)
{
	struct statx status;

	return known_has_inode(catalog, found->inode) ||
	       (file_status(AT_FDCWD, found->path, &status) == 0 && S_ISREG(status.stx_mode) &&
		known_has_inode(catalog, status.stx_ino));
}

/* First round: files that are on disk what they were, under whatever name. */
static void adopt_by_inode(struct catalog *catalog, const struct survey *survey)
{
	for (uint32_t i = 0; i < survey->count && catalog->known; i++) {
		struct survey_found *found = &survey->found[i];
		struct opened opened;

		if (!was_known(catalog, found) ||
		    refusal_open(catalog, found->path, found->regular, &opened) < 0)
			continue;
		found->taken = !catalog_has_file(catalog, &opened.place) &&
			       scan_adopt(catalog, found->path, &opened, 0);
		if (!found->taken)
			(void)close(opened.fd);
	}
}

/* Files that were rotated before anyone saw them. */
static void follow_unseen(struct catalog *catalog, const char *path)
{
	struct statx status;

	if (file_status(AT_FDCWD, path, &status) < 0 || !S_ISREG(status.stx_mode) ||
	    !rotated_unseen(catalog, path, &status))
		return;
	if (compressed_name(path))
		(void)packed_follow(catalog, path);
	else
		(void)scan_new(catalog, path);
}

/* The folders of what links lead to are watched for their files, too. At the start these may have grown
 * since they were read. */
static void watch_targets(struct catalog *catalog)
{
	if (!atomic_load(&catalog->watching))
		return;
	for (struct file *file = catalog->files; file; file = file->next) {
		char folder[PATH_MAX];
		char *slash;

		if (!file->target || strlen(file->target->text) >= sizeof(folder))
			continue;
		(void)strcpy(folder, file->target->text);
		slash = strrchr(folder, '/');
		if (slash && slash != folder) {
			*slash = 0;
			watcher_folder(&catalog->watch, folder, 1);
			if (!catalog->appeared)
				catalog_wake(catalog, file);
		}
	}
}

/* Unread bytes of a file that is unlinked; 0 when it is not, or is being read just now. */
static uint64_t unlinked_unread(struct file *file)
{
	struct stat status;

	if (file->fd < 0 || fstat(file->fd, &status) < 0 || status.st_nlink > 0 ||
	    (uint64_t)status.st_size <= file->offset)
		return 0;
	atomic_store(&file->seen_size, (uint64_t)status.st_size);
	return (uint64_t)status.st_size - file->offset;
}

/* Files that no longer have a name: how much of them is unread, and whether that is too much. Under
 * memory pressure nobody reads, so what is given up is closed here; its reader then ends it. */
static void check_nameless(struct catalog *catalog)
{
	uint64_t limit = catalog->options.unlinked_limit;
	uint64_t unread = 0;

	pthread_mutex_lock(&catalog->lock);
	for (struct file *file = catalog->files; file; file = file->next) {
		if (!file->gone)
			continue;
		if (file_try_turn(file)) {
			uint64_t rest = unlinked_unread(file);

			if (limit && rest && unread + rest > limit) {
				(void)close(file->fd);
				file->fd = -1;
				file->given_up = 1;
				rest = 0;
			}
			unread += rest;
			file_leave_turn(file);
		}
		catalog_signal_locked(file, 0);
	}
	pthread_mutex_unlock(&catalog->lock);
	catalog->host->metric_add(catalog->metrics.unlinked_unread, (int64_t)unread);
}

static void survey_begin(struct catalog *catalog)
{
	pthread_mutex_lock(&catalog->structure_lock);
	catalog->generation++;
	catalog_look_at_limit(catalog);
	catalog_gather_begin(catalog);
}

static void survey_end(struct catalog *catalog, struct survey *survey)
{
	survey_done(survey);
	catalog_gather_end(catalog);
	watch_targets(catalog);
	check_nameless(catalog);
	catalog_rest_lookalikes(catalog);
	catalog->appeared = 1;
	pthread_mutex_unlock(&catalog->structure_lock);
}

void survey_first(struct catalog *catalog)
{
	struct survey survey;

	survey_begin(catalog);
	known_load(catalog);
	survey_walk(catalog, &survey);
	adopt_by_inode(catalog, &survey);
	legacy_take_up(catalog);
	adopt_by_text(catalog, 0);
	adopt_by_text(catalog, 1);
	for (uint32_t i = 0; i < survey.count; i++) {
		const struct survey_found *found = &survey.found[i];

		if (found->matches && !found->taken)
			(void)scan_listed(catalog, found->path, found->regular);
		else if (!found->matches && !compressed_name(found->path))
			follow_unseen(catalog, found->path);
	}
	/* The last, for what is just being compressed is there twice. */
	for (uint32_t i = 0; i < survey.count; i++)
		if (compressed_name(survey.found[i].path))
			follow_unseen(catalog, survey.found[i].path);
	survey_end(catalog, &survey);
}

void survey_again(struct catalog *catalog)
{
	struct survey survey;

	survey_begin(catalog);
	survey_walk(catalog, &survey);
	for (uint32_t i = 0; i < survey.count; i++)
		scan_path(catalog, survey.found[i].path, survey.found[i].matches);
	for (struct file *file = catalog->files, *next; file; file = next) {
		next = file->next;
		if (file->generation != catalog->generation && !file->gone)
			scan_left(catalog, file);
	}
	survey_end(catalog, &survey);
}
