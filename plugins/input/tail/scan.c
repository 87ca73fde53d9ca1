// SPDX-License-Identifier: MIT
#include "scan.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compressed.h"
#include "ending.h"
#include "follow.h"
#include "hold.h"
#include "known.h"
#include "moves.h"
#include "opened.h"
#include "refusal.h"
#include "rotated.h"

#define NS_PER_SECOND INT64_C(1000000000)
/* So long after a file has come or gone in a folder, nothing is put off. */
#define SCAN_ATTENTION_NS (30 * (uint64_t)NS_PER_SECOND)

/* ---- new files ------------------------------------------------------------------------------- */

/* The offset behind the last newline: a line that is being written is read whole. */
static uint64_t end_of_lines(const struct catalog *catalog, struct opened *opened)
{
	char text[16 << 10];
	uint64_t size = opened->status.stx_size;
	uint64_t at = size;

	while (at > 0 && size - at <= catalog->options.max_line) {
		size_t want = at < sizeof(text) ? (size_t)at : sizeof(text);

		if (opened_read(opened, text, want, at - want) != (int64_t)want)
			break;
		for (size_t i = want; i > 0; i--)
			if (text[i - 1] == '\n')
				return at - want + i;
		at -= want;
	}
	return at == 0 ? 0 : size;
}

static uint64_t first_offset(const struct catalog *catalog, struct opened *opened)
{
	uint64_t end;

	if (catalog->appeared || catalog->place == SCAN_PLACE_BEGINNING)
		return 0;
	end = end_of_lines(catalog, opened);
	/* UTF-16 has its newlines at even offsets, with a NUL before or behind. */
	return catalog->options.encoding == ENCODING_UTF8 ? end
							  : opened->status.stx_size & ~UINT64_C(1);
}

static int is_too_old(const struct catalog *catalog, const struct statx *status)
{
	return catalog->options.ignore_older_ns &&
	       catalog->host->wall_ns() - status->stx_mtime.tv_sec * NS_PER_SECOND >
		       (int64_t)catalog->options.ignore_older_ns;
}

int scan_adopt(struct catalog *catalog, const char *path, struct opened *opened, int by_text)
{
	struct sibling found = {.fd = opened->fd,
				.opened = opened,
				.place = opened->place,
				.size = opened->status.stx_size};
	struct known *known;
	int stale;

	if (!catalog->known)
		return 0;
	known = known_take_file(catalog, opened, &stale);
	if (!known && by_text)
		known = known_take_text(catalog, path, opened);
	if (!known)
		return 0;
	found.path = strdup(path);
	if (!found.path) {
		(void)close(opened->fd);
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

/* Opens a file that is neither followed nor to be left alone; one of an earlier run is taken up. 1 when it
 * is open, 0 when there is nothing to do, -1 when it can't be opened. */
static int open_new(struct catalog *catalog, const char *path, int regular,
		    struct opened *ret_opened)
{
	if (refusal_open(catalog, path, regular, ret_opened) < 0)
		return -1;
	if (catalog_has_file(catalog, &ret_opened->place) ||
	    is_too_old(catalog, &ret_opened->status)) {
		(void)close(ret_opened->fd);
		return 0;
	}
	return !scan_adopt(catalog, path, ret_opened, 1);
}

int scan_listed(struct catalog *catalog, const char *path, int regular)
{
	struct opened opened;

	if (open_new(catalog, path, regular, &opened) <= 0)
		return 0;
	if (!catalog->once && may_be_copy(catalog, opened.status.stx_size)) {
		int answer = hold_file(catalog, path, &opened);

		/* Nobody asked for copies under names that do not match. */
		if (answer == HOLD_WAIT ||
		    (answer == HOLD_COPY && !tail_options_match(&catalog->options, path))) {
			(void)close(opened.fd);
			return answer == HOLD_WAIT;
		}
	}
	(void)follow_new(catalog, path, &opened, first_offset(catalog, &opened));
	return 0;
}

int scan_new(struct catalog *catalog, const char *path)
{
	catalog_look_at_limit(catalog);
	return scan_listed(catalog, path, 0);
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
	struct opened opened;

	if (!is_named(catalog, path))
		return weir_fail(error, WEIR_ERR_NOT_FOUND, "`paths` does not name %s", path);
	if (refusal_open(catalog, path, 0, &opened) < 0)
		return weir_fail(error, WEIR_ERR_IO, "%s can't be read", path);
	if (opened.status.stx_size < position || catalog_has_file(catalog, &opened.place)) {
		(void)close(opened.fd);
		return weir_fail(error, WEIR_ERR_INVALID,
				 opened.status.stx_size < position
					 ? "%s is shorter than what was read of it"
					 : "%s is followed already, under another name",
				 path);
	}
	return follow_new(catalog, path, &opened, position) < 0
		       ? weir_fail(error, WEIR_ERR_MEMORY, "no memory for %s", path)
		       : WEIR_OK;
}

/* ---- files that are followed ------------------------------------------------------------------- */

int scan_leads_to(const char *path, const struct identity *identity)
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

	if (renamed && !file->gone && scan_leads_to(file->path->text, &file->identity))
		return; /* a hard link */
	if (renamed) {
		catalog->host->metric_add(catalog->metrics.rotated, 1);
		if (catalog_name(catalog, file, path, 1) < 0)
			return;
	}
	if (!renamed && !file->gone)
		return;
	pthread_mutex_lock(&catalog->lock);
	file->gone = file->told_gone = 0;
	catalog_signal_locked(file, FILE_RENAMED);
	pthread_mutex_unlock(&catalog->lock);
}

void scan_left(struct catalog *catalog, struct file *file)
{
	if (scan_leads_to(file->path->text, &file->identity))
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
		scan_left(catalog, file);
		catalog_unlist(catalog, file);
		file = NULL;
	}
	return file;
}

/* Takes the turn of a file at rest whose descriptor is closed; 0 when it is not, or is being read. */
static int take_closed(struct file *file)
{
	if (file->gone || !file_try_turn(file))
		return 0;
	if (file->fd < 0 && !file->compressed && !file->finished && !file->given_up)
		return 1;
	file_leave_turn(file);
	return 0;
}

/* It may be long until a reader comes, if an output is slow: a closed file is opened at once, for it may be
 * deleted by then. */
static void open_taken(struct catalog *catalog, struct file *file)
{
	ending_open(catalog, file);
	file_leave_turn(file);
}

void scan_path(struct catalog *catalog, const char *path, int matches)
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
		int closed;

		pthread_mutex_lock(&catalog->lock);
		catalog_signal_locked(file, 0);
		closed = take_closed(file);
		pthread_mutex_unlock(&catalog->lock);
		if (closed)
			open_taken(catalog, file);
	}
}

/* Nothing tells when it is written to in a folder that is not watched for its files. */
static void put_out_of_sight(struct catalog *catalog, const char *path)
{
	pthread_mutex_lock(&catalog->lock);
	for (struct file_name *name = catalog_by_name_locked(catalog, path); name;
	     name = catalog_same_name_locked(name)) {
		name->file->gone = 1;
		catalog_signal_locked(name->file, FILE_LEFT);
	}
	pthread_mutex_unlock(&catalog->lock);
}

int scan_moved(struct catalog *catalog, const char *path, int watched)
{
	struct identity place;
	struct opened opened;
	struct statx status;
	struct file *file;
	int answer;

	if (file_status(AT_FDCWD, path, &status) < 0 || !S_ISREG(status.stx_mode))
		return 0;
	file_identify(&status, &place);
	file = find_followed(catalog, &place);
	if (file) {
		if (watched)
			named(catalog, file, path);
		return 0;
	}
	/* It is no copy: those are made under the name that they keep. */
	catalog_look_at_limit(catalog);
	answer = open_new(catalog, path, 0, &opened);
	if (answer > 0)
		answer = follow_new(catalog, path, &opened, 0);
	if (answer == WEIR_OK && !watched)
		put_out_of_sight(catalog, path);
	return answer;
}

/* ---- single names ---------------------------------------------------------------------------- */

/* Files of one name that are looked at. */
#define NAMESAKES_MAX 8

static uint32_t namesakes(struct catalog *catalog, const char *path,
			  struct file *ret_files[NAMESAKES_MAX])
{
	uint32_t count = 0;

	pthread_mutex_lock(&catalog->lock);
	for (struct file_name *name = catalog_by_name_locked(catalog, path);
	     name && count < NAMESAKES_MAX; name = catalog_same_name_locked(name))
		ret_files[count++] = name->file;
	pthread_mutex_unlock(&catalog->lock);
	return count;
}

int scan_name_left(struct catalog *catalog, const char *path)
{
	struct file *files[NAMESAKES_MAX];
	uint32_t count = namesakes(catalog, path, files);
	int any = 0;

	for (uint32_t i = 0; i < count; i++) {
		scan_left(catalog, files[i]);
		pthread_mutex_lock(&catalog->lock);
		if (files[i]->gone && !files[i]->told_gone) {
			files[i]->told_gone = 1;
			any = 1;
		}
		pthread_mutex_unlock(&catalog->lock);
	}
	return any;
}

int scan_is_there(const char *path)
{
	struct statx status;

	return file_status(AT_FDCWD, path, &status) == 0 && S_ISREG(status.stx_mode);
}

int scan_has_name(struct catalog *catalog, const char *path)
{
	struct file *files[NAMESAKES_MAX];

	return namesakes(catalog, path, files) > 0;
}

int scan_is_followed(struct catalog *catalog, const char *path)
{
	struct file *files[NAMESAKES_MAX];
	uint32_t count = namesakes(catalog, path, files);

	for (uint32_t i = 0; i < count; i++)
		if (scan_leads_to(path, &files[i]->identity))
			return 1;
	return 0;
}

/* Wakes the readers of this name; 0 when no file that still has it is followed. */
static int name_changed(struct catalog *catalog, const char *path)
{
	struct file *closed[NAMESAKES_MAX];
	uint32_t count = 0;
	int any = 0;

	pthread_mutex_lock(&catalog->lock);
	for (struct file_name *name = catalog_by_name_locked(catalog, path); name;
	     name = catalog_same_name_locked(name)) {
		catalog_signal_locked(name->file, 0);
		/* A deleted file may be written to still, beside a new one of its name. */
		any |= !name->file->gone;
		if (count < NAMESAKES_MAX && take_closed(name->file))
			closed[count++] = name->file;
	}
	pthread_mutex_unlock(&catalog->lock);
	for (uint32_t i = 0; i < count; i++)
		open_taken(catalog, closed[i]);
	return any;
}

void scan_name(struct catalog *catalog, const char *path, const struct watcher_event *event)
{
	uint32_t what = event->what;

	if (what == WATCHER_MODIFIED && name_changed(catalog, path))
		return;
	/* It may be the copy of a file that is about to be cut: what is written to that in between is
	 * nowhere else. */
	if (what != WATCHER_MODIFIED && event->files && WEIR_HAS(catalog->host, read_at_once))
		catalog->host->read_at_once(catalog->context, SCAN_ATTENTION_NS);
	pthread_mutex_lock(&catalog->structure_lock);
	if (what == WATCHER_LEFT)
		moves_left(catalog, path, event);
	else
		moves_come(catalog, path, event);
	pthread_mutex_unlock(&catalog->structure_lock);
}
