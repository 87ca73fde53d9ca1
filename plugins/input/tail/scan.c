// SPDX-License-Identifier: MIT
#include "scan.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compressed.h"
#include "follow.h"
#include "hold.h"
#include "known.h"
#include "legacy.h"
#include "refusal.h"
#include "rotated.h"
#include "walk.h"

#define NS_PER_SECOND INT64_C(1000000000)

/* Memory for paths that a scan takes at once: beyond malloc's threshold (128 KiB), so that all goes back
 * to the system at its end. */
#define SCAN_PATHS_BYTES ((size_t)256 << 10)

/* ---- new files ------------------------------------------------------------------------------- */

/* The offset behind the last newline: a line that is being written is read whole. */
static uint64_t end_of_lines(const struct catalog *catalog, int fd, uint64_t size)
{
	char text[16 << 10];
	uint64_t at = size;

	while (at > 0 && size - at <= catalog->options.max_line) {
		size_t want = at < sizeof(text) ? (size_t)at : sizeof(text);

		if (file_read_at(&fd, text, want, at - want) != (int64_t)want)
			break;
		for (size_t i = want; i > 0; i--)
			if (text[i - 1] == '\n')
				return at - want + i;
		at -= want;
	}
	return at == 0 ? 0 : size;
}

static uint64_t first_offset(const struct catalog *catalog, int fd, uint64_t size)
{
	uint64_t end;

	if (catalog->appeared || catalog->place == SCAN_PLACE_BEGINNING)
		return 0;
	end = end_of_lines(catalog, fd, size);
	/* UTF-16 has its newlines at even offsets, with a NUL before or behind. */
	return catalog->options.encoding == ENCODING_UTF8 ? end : size & ~UINT64_C(1);
}

static int is_too_old(const struct catalog *catalog, const struct statx *status)
{
	return catalog->options.ignore_older_ns &&
	       catalog->host->wall_ns() - status->stx_mtime.tv_sec * NS_PER_SECOND >
		       (int64_t)catalog->options.ignore_older_ns;
}

/* Adopts the file if it is one of an earlier run, or of this one. Takes the descriptor if so. */
static int adopt(struct catalog *catalog, const char *path, int fd, const struct identity *place,
		 uint64_t size, int by_text)
{
	struct sibling found = {.fd = fd, .place = *place, .size = size};
	struct known *known;
	int stale;

	if (!catalog->known)
		return 0;
	known = known_take_file(catalog, place, fd, size, &stale);
	if (!known && by_text)
		known = known_take_text(catalog, fd, size);
	if (!known)
		return 0;
	found.path = strdup(path);
	if (!found.path) {
		(void)close(fd);
		free(known);
		return 1;
	}
	(void)follow_known(catalog, known, &found);
	return 1;
}

/* At a start, too, a copy may be there whose original is not truncated yet. An empty file is not held
 * then: nobody watches it yet. */
static int may_be_copy(const struct catalog *catalog, uint64_t size)
{
	return catalog->appeared ||
	       (catalog->resumed && catalog->place == SCAN_PLACE_BEGINNING && size > 0);
}

int scan_new(struct catalog *catalog, const char *path)
{
	struct identity place;
	struct statx status;
	int fd = refusal_open(catalog, path, &status);

	if (fd < 0)
		return 0;
	file_identify(&status, &place);
	if (catalog_has_file(catalog, &place) || is_too_old(catalog, &status)) {
		(void)close(fd);
		return 0;
	}
	if (adopt(catalog, path, fd, &place, status.stx_size, 1))
		return 0;
	if (!catalog->once && may_be_copy(catalog, status.stx_size)) {
		int answer = hold_file(catalog, path, fd, &place, status.stx_size);

		/* Nobody asked for copies under names that do not match. */
		if (answer == HOLD_WAIT ||
		    (answer == HOLD_COPY && !tail_options_match(&catalog->options, path))) {
			(void)close(fd);
			return answer == HOLD_WAIT;
		}
	}
	(void)identity_take_head(&place, file_read_at, &fd);
	(void)follow_new(catalog, path, fd, &place, first_offset(catalog, fd, status.stx_size));
	return 0;
}

/* What it reads, or what that was before it was rotated. */
static int is_named(const struct catalog *catalog, const char *path)
{
	return tail_options_match(&catalog->options, path) ||
	       (path[0] == '/' && !compressed_name(path) && rotated_name(catalog, path));
}

int32_t scan_place(struct catalog *catalog, const char *path, uint64_t position,
		   struct weir_error *error)
{
	struct identity place;
	struct statx status;
	int fd;

	if (!is_named(catalog, path))
		return weir_fail(error, WEIR_ERR_NOT_FOUND, "`paths` does not name %s", path);
	fd = refusal_open(catalog, path, &status);
	if (fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "%s can't be read", path);
	file_identify(&status, &place);
	if (status.stx_size < position || catalog_has_file(catalog, &place)) {
		(void)close(fd);
		return weir_fail(error, WEIR_ERR_INVALID,
				 status.stx_size < position
					 ? "%s is shorter than what was read of it"
					 : "%s is followed already, under another name",
				 path);
	}
	(void)identity_take_head(&place, file_read_at, &fd);
	return follow_new(catalog, path, fd, &place, position) < 0
		       ? weir_fail(error, WEIR_ERR_MEMORY, "no memory for %s", path)
		       : WEIR_OK;
}

/* ---- files that are followed ------------------------------------------------------------------- */

/* True when the path leads to this file. */
static int leads_to(const char *path, const struct identity *identity)
{
	struct identity place;
	struct statx status;

	if (file_status(AT_FDCWD, path, &status) < 0)
		return 0;
	file_identify(&status, &place);
	return identity_same_file(&place, identity);
}

static void named(struct catalog *catalog, struct file *file, const char *path)
{
	int renamed = strcmp(file->path->text, path) != 0;

	if (renamed && !file->gone && leads_to(file->path->text, &file->identity))
		return; /* a hard link */
	if (renamed) {
		catalog->host->metric_add(catalog->metrics.rotated, 1);
		if (catalog_name(catalog, file, path) < 0)
			return;
	}
	if (!renamed && !file->gone)
		return;
	pthread_mutex_lock(&catalog->lock);
	file->gone = 0;
	catalog_signal_locked(file, FILE_RENAMED);
	pthread_mutex_unlock(&catalog->lock);
}

static void left(struct catalog *catalog, struct file *file)
{
	if (leads_to(file->path->text, &file->identity))
		return;
	pthread_mutex_lock(&catalog->lock);
	file->gone = 1;
	catalog_signal_locked(file, FILE_LEFT);
	pthread_mutex_unlock(&catalog->lock);
}

/* The path is there: is it a file that is followed, under this or another name? */
static struct file *find_followed(struct catalog *catalog, const struct identity *place)
{
	struct file *file;

	pthread_mutex_lock(&catalog->lock);
	file = catalog_by_inode_locked(catalog, place->device, place->inode);
	pthread_mutex_unlock(&catalog->lock);
	if (file && !identity_same_file(&file->identity, place)) {
		/* The inode of a deleted file, used again. */
		left(catalog, file);
		catalog_unlist(catalog, file);
		file = NULL;
	}
	return file;
}

static void scan_path(struct catalog *catalog, const char *path, int matches)
{
	struct identity place;
	struct statx status;
	struct file *file;

	if (file_status(AT_FDCWD, path, &status) < 0 || !S_ISREG(status.stx_mode)) {
		if (matches)
			(void)scan_new(catalog, path); /* says why not */
		return;
	}
	file_identify(&status, &place);
	file = find_followed(catalog, &place);
	if (!file) {
		if (matches || rotated_unseen(catalog, path, &status))
			(void)scan_new(catalog, path);
		return;
	}
	file->generation = catalog->generation;
	named(catalog, file, path);
	if (status.stx_size != atomic_load(&file->seen_size)) {
		pthread_mutex_lock(&catalog->lock);
		catalog_signal_locked(file, 0);
		pthread_mutex_unlock(&catalog->lock);
	}
}

/* ---- whole scans ----------------------------------------------------------------------------------- */

struct scan {
	struct catalog *catalog;
	struct scan_found {
		char *path;
		int matches;
	} * found;
	uint32_t count, capacity;
	struct scan_paths {
		struct scan_paths *next;
		size_t used;
		char text[SCAN_PATHS_BYTES];
	} * paths; /* the newest first */
};

/* A copy that lives as long as the scan. */
static char *found_path(struct scan *scan, const char *path)
{
	size_t size = strlen(path) + 1;
	struct scan_paths *paths = scan->paths;

	if (!paths || sizeof(paths->text) - paths->used < size) {
		paths = malloc(sizeof(*paths));
		if (!paths)
			return NULL;
		paths->next = scan->paths;
		paths->used = 0;
		scan->paths = paths;
	}
	paths->used += size;
	return memcpy(paths->text + paths->used - size, path, size);
}

static void found_add(struct scan *scan, const char *path, int matches)
{
	if (scan->count == scan->capacity) {
		uint32_t wanted = scan->capacity ? scan->capacity * 2 : 64;
		struct scan_found *grown = realloc(scan->found, wanted * sizeof(*grown));

		if (!grown)
			return; /* the next scan sees it */
		scan->found = grown;
		scan->capacity = wanted;
	}
	scan->found[scan->count].path = found_path(scan, path);
	scan->found[scan->count].matches = matches;
	scan->count += scan->found[scan->count].path != NULL;
}

static void on_folder(void *user, const char *path, int files)
{
	struct scan *scan = user;

	if (atomic_load(&scan->catalog->watching))
		watcher_folder(&scan->catalog->watch, path, files);
}

/* Keeps what matches, and other names of files that are or were followed. */
static void on_entry(void *user, const char *folder, const char *name, uint64_t inode, int matches)
{
	struct scan *scan = user;
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/%s", folder[1] ? folder : "", name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return;
	matches = matches && tail_options_match(&scan->catalog->options, path);
	if (matches || rotated_name(scan->catalog, path) ||
	    (inode &&
	     (catalog_has_inode(scan->catalog, inode) || known_has_inode(scan->catalog, inode))))
		found_add(scan, path, matches);
}

static void on_refused(void *user, const char *path, int error)
{
	const struct scan *scan = user;

	refusal_tell(scan->catalog, path, error);
}

static void scan_walk(struct catalog *catalog, struct scan *ret_scan)
{
	static const struct walk_calls calls = {on_folder, on_entry, on_refused};

	*ret_scan = (struct scan){.catalog = catalog};
	walk(&catalog->options.paths, &calls, ret_scan);
}

static void scan_done(struct scan *scan)
{
	while (scan->paths) {
		struct scan_paths *next = scan->paths->next;

		free(scan->paths);
		scan->paths = next;
	}
	free(scan->found);
}

/* First round: files that are on disk what they were, under whatever name. */
static void adopt_by_inode(struct catalog *catalog, const struct scan *scan)
{
	for (uint32_t i = 0; i < scan->count && catalog->known; i++) {
		const char *path = scan->found[i].path;
		struct identity place;
		struct statx status;
		int fd;

		if (file_status(AT_FDCWD, path, &status) < 0 || !S_ISREG(status.stx_mode) ||
		    !known_has_inode(catalog, status.stx_ino))
			continue;
		fd = refusal_open(catalog, path, &status);
		if (fd < 0)
			continue;
		file_identify(&status, &place);
		if (catalog_has_file(catalog, &place) ||
		    !adopt(catalog, path, fd, &place, status.stx_size, 0))
			(void)close(fd);
	}
}

/* Second round: copies and compressed files beside where they were. `shorter`: copies that end before
 * what was read, of files that are still there, but not with their text: they were truncated. */
static void adopt_by_text(struct catalog *catalog, int shorter)
{
	struct known *next;

	for (struct known *known = catalog->known; known; known = next) {
		const struct identity *identity = &known->identity;
		uint64_t size = known->position > identity->tail_offset ? known->position
									: identity->tail_offset;
		struct sibling found;

		next = known->next;
		if (shorter || identity->shorter)
			size = identity->tail_offset;
		if ((known->position > 0 && identity->tail_size == 0) ||
		    (shorter && (identity->head_size < IDENTITY_HEAD_STRONG ||
				 !leads_to(known->path, identity))) ||
		    !sibling_by_text(catalog, known->path, identity, size, 0, &found))
			continue;
		known_take(catalog, known);
		(void)follow_known(catalog, known, &found);
	}
}

/* True when the file of the same name without its suffix is followed, and this has its text, or no
 * text yet. */
static int is_being_compressed(struct catalog *catalog, const char *path, int fd)
{
	struct identity identity = {0};
	struct compressed *stream;
	char plain[PATH_MAX];
	uint8_t first;
	int answer = 0;

	(void)snprintf(plain, sizeof(plain), "%.*s", (int)(strrchr(path, '.') - path), path);
	pthread_mutex_lock(&catalog->lock);
	if (catalog_by_name_locked(catalog, plain))
		identity = catalog_by_name_locked(catalog, plain)->file->identity;
	pthread_mutex_unlock(&catalog->lock);
	fd = identity.head_size ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0)
		return 0;
	stream = compressed_open(fd);
	if (!stream) {
		(void)close(fd);
		return 1;
	}
	answer = compressed_read_at(stream, &first, 1, 0) == 0 ||
		 identity_head_matches(&identity, compressed_read_at, stream);
	compressed_close(stream);
	return answer;
}

/* Files that were rotated before anyone saw them. */
static void scan_unseen(struct catalog *catalog, const char *path)
{
	struct identity place;
	struct statx status;
	int fd;

	if (file_status(AT_FDCWD, path, &status) < 0 || !S_ISREG(status.stx_mode) ||
	    !rotated_unseen(catalog, path, &status))
		return;
	if (!compressed_name(path)) {
		(void)scan_new(catalog, path);
		return;
	}
	file_identify(&status, &place);
	fd = catalog_has_file(catalog, &place) ? -1 : refusal_open(catalog, path, &status);
	if (fd >= 0 && is_being_compressed(catalog, path, fd))
		(void)close(fd);
	else if (fd >= 0)
		(void)follow_compressed(catalog, path, fd, &place);
}

void scan_first(struct catalog *catalog)
{
	struct scan scan;

	pthread_mutex_lock(&catalog->structure_lock);
	catalog->generation++;
	known_load(catalog);
	scan_walk(catalog, &scan);
	adopt_by_inode(catalog, &scan);
	legacy_take_up(catalog);
	adopt_by_text(catalog, 0);
	adopt_by_text(catalog, 1);
	for (uint32_t i = 0; i < scan.count; i++)
		if (scan.found[i].matches)
			(void)scan_new(catalog, scan.found[i].path);
		else if (!compressed_name(scan.found[i].path))
			scan_unseen(catalog, scan.found[i].path);
	/* The last, for what is just being compressed is there twice. */
	for (uint32_t i = 0; i < scan.count; i++)
		if (compressed_name(scan.found[i].path))
			scan_unseen(catalog, scan.found[i].path);
	catalog->appeared = 1;
	scan_done(&scan);
	pthread_mutex_unlock(&catalog->structure_lock);
}

/* The folders of what links lead to are watched for their files, too. */
static void watch_targets(struct catalog *catalog)
{
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
		if (pthread_mutex_trylock(&file->turn) == 0) {
			uint64_t rest = unlinked_unread(file);

			if (limit && rest && unread + rest > limit) {
				(void)close(file->fd);
				file->fd = -1;
				file->given_up = 1;
				rest = 0;
			}
			unread += rest;
			pthread_mutex_unlock(&file->turn);
		}
		catalog_signal_locked(file, 0);
	}
	pthread_mutex_unlock(&catalog->lock);
	catalog->host->metric_add(catalog->metrics.unlinked_unread, (int64_t)unread);
}

void scan_again(struct catalog *catalog)
{
	struct scan scan;

	pthread_mutex_lock(&catalog->structure_lock);
	catalog->generation++;
	scan_walk(catalog, &scan);
	for (uint32_t i = 0; i < scan.count; i++)
		scan_path(catalog, scan.found[i].path, scan.found[i].matches);
	scan_done(&scan);
	for (struct file *file = catalog->files, *next; file; file = next) {
		next = file->next;
		if (file->generation != catalog->generation && !file->gone)
			left(catalog, file);
	}
	watch_targets(catalog);
	check_nameless(catalog);
	pthread_mutex_unlock(&catalog->structure_lock);
}

/* The files of this name lost it, unless they did not. */
static void name_left(struct catalog *catalog, const char *path)
{
	struct file *files[8];
	struct file_name *name;
	uint32_t count = 0;

	pthread_mutex_lock(&catalog->lock);
	for (name = catalog_by_name_locked(catalog, path); name && count < 8; name = name->next)
		if (strcmp(name->text, path) == 0)
			files[count++] = name->file;
	pthread_mutex_unlock(&catalog->lock);
	for (uint32_t i = 0; i < count; i++)
		left(catalog, files[i]);
}

/* Wakes the readers of this name; 0 when no file that still has it is followed. */
static int name_changed(struct catalog *catalog, const char *path)
{
	int any = 0;

	pthread_mutex_lock(&catalog->lock);
	for (struct file_name *name = catalog_by_name_locked(catalog, path); name;
	     name = name->next)
		if (strcmp(name->text, path) == 0) {
			catalog_signal_locked(name->file, 0);
			/* A deleted file may be written to still, beside a new one of its name. */
			any |= !name->file->gone;
		}
	pthread_mutex_unlock(&catalog->lock);
	return any;
}

void scan_name(struct catalog *catalog, const char *path, uint32_t what)
{
	if (what == WATCHER_MODIFIED && name_changed(catalog, path))
		return;
	pthread_mutex_lock(&catalog->structure_lock);
	if (what == WATCHER_LEFT)
		name_left(catalog, path);
	else
		scan_path(catalog, path, tail_options_match(&catalog->options, path));
	pthread_mutex_unlock(&catalog->structure_lock);
}
