// SPDX-License-Identifier: MIT
#include "moves.h"

#include <stdlib.h>
#include <string.h>

#include "compressed.h"
#include "hold.h"
#include "packed.h"
#include "scan.h"

/* What was at its path when it was looked at. */
#define FOUND_NOTHING 0
#define FOUND_FILE 1  /* one that is followed; it need not be the one that moved */
#define FOUND_OTHER 2 /* one that is not followed, for a reason of its own */

struct move {
	struct move *next; /* the older one */
	uint64_t since_ns;
	uint32_t cookie;  /* under way; 0 = it has come to its path */
	uint8_t found;    /* FOUND_* */
	uint8_t written;  /* there may be text in it */
	uint8_t held;     /* it may be a copy */
	uint8_t packable; /* a file was made to compress it to */
	uint8_t packed;   /* only that is left of it */
	uint8_t failed;   /* it is there, and could not be followed */
	uint8_t watched;  /* its folder is watched for its files */
	uint8_t ended;    /* it was read; the event of its going is still to come */
	char path[];
};

/* ---- the list ---------------------------------------------------------------------------------- */

static struct move *take(struct catalog *catalog, struct move **at)
{
	struct move *move = *at;

	*at = move->next;
	atomic_fetch_sub(&catalog->watch.tracks, 1);
	return move;
}

static void put(struct catalog *catalog, struct move *take_move)
{
	if (!catalog->moves && !atomic_load(&catalog->stopped))
		(void)catalog->host->timer_set(catalog->context, TIMER_MOVES, MOVES_KEEP_NS);
	take_move->next = catalog->moves;
	catalog->moves = take_move;
	atomic_fetch_add(&catalog->watch.tracks, 1);
}

static struct move *take_cookie(struct catalog *catalog, uint32_t cookie)
{
	for (struct move **at = &catalog->moves; cookie && *at; at = &(*at)->next)
		if ((*at)->cookie == cookie)
			return take(catalog, at);
	return NULL;
}

/* True when the path is that of what this may be compressed to. */
static int is_packed_path(const struct move *move, const char *path)
{
	size_t size = strlen(move->path);

	return strncmp(move->path, path, size) == 0 && path[size] == '.' &&
	       !strpbrk(path + size + 1, "./") && compressed_name(path);
}

static struct move *take_path(struct catalog *catalog, const char *path)
{
	for (struct move **at = &catalog->moves; *at; at = &(*at)->next)
		if (!(*at)->cookie &&
		    ((*at)->packed ? is_packed_path(*at, path) : strcmp((*at)->path, path) == 0))
			return take(catalog, at);
	return NULL;
}

static void tell_missed(struct catalog *catalog, const char *path, const char *fate)
{
	catalog->host->metric_add(catalog->metrics.missed, 1);
	weir_logf(
		catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_missed",
		"a file that was to be read was %s %s before it could be looked at; what was in it "
		"is lost",
		fate, path);
}

/* What is not seen to go on. */
static void give_up(struct catalog *catalog, struct move *take_move)
{
	if (take_move->found == FOUND_NOTHING && take_move->written && !take_move->ended &&
	    (take_move->cookie || take_move->packed || !scan_is_there(take_move->path)))
		tell_missed(catalog, take_move->path,
			    take_move->cookie ? "moved out of all watched folders, from"
					      : "deleted at");
	free(take_move);
}

static void give_up_oldest(struct catalog *catalog)
{
	struct move **at = &catalog->moves;

	while ((*at)->next)
		at = &(*at)->next;
	give_up(catalog, take(catalog, at));
}

static struct move *move_new(struct catalog *catalog, const char *path, const struct move *from)
{
	size_t size = strlen(path) + 1;
	struct move *move = calloc(1, sizeof(*move) + size);

	if (!move)
		return NULL;
	if (from) {
		move->written = from->written;
		move->held = from->held;
	}
	memcpy(move->path, path, size);
	move->since_ns = catalog->host->monotonic_ns();
	if (atomic_load(&catalog->watch.tracks) >= MOVES_MAX)
		give_up_oldest(catalog);
	put(catalog, move);
	return move;
}

/* ---- ends -------------------------------------------------------------------------------------- */

/* Whether it is not what was found: that is still there, or there was nothing. */
static int is_unread(struct catalog *catalog, const struct move *move)
{
	return move->found == FOUND_NOTHING || (move->found == FOUND_FILE && !move->packed &&
						scan_is_followed(catalog, move->path));
}

/* It was deleted, or another file has its name now. What it was compressed to is read, and by that name it
 * may be renamed in turn. */
static void move_end(struct catalog *catalog, struct move *take_move)
{
	int lost = take_move->written && is_unread(catalog, take_move);

	if (lost && take_move->packable && !take_move->packed) {
		take_move->packed = 1;
		take_move->found =
			packed_follow_of(catalog, take_move->path) ? FOUND_FILE : FOUND_NOTHING;
		put(catalog, take_move);
		return;
	}
	if (lost)
		tell_missed(catalog, take_move->path, "deleted at");
	free(take_move);
}

void moves_ended(struct catalog *catalog, const struct file *file)
{
	struct move *move;

	if (file->told_gone || scan_leads_to(file->path->text, &file->identity))
		return;
	move = move_new(catalog, file->path->text, NULL);
	if (move)
		move->ended = 1;
}

/* Tries what could not be followed; 1 when it still can't. */
static int fails_again(struct catalog *catalog, struct move *move)
{
	if (move->failed)
		move->failed = scan_moved(catalog, move->path, move->watched) < 0;
	return move->failed;
}

void moves_settle(struct catalog *catalog)
{
	uint64_t now = catalog->host->monotonic_ns();
	struct move **at = &catalog->moves;

	while (*at) {
		struct move *move = *at;
		int is_old = now - move->since_ns >= MOVES_KEEP_NS;

		if (is_old && !fails_again(catalog, move)) {
			give_up(catalog, take(catalog, at));
			continue;
		}
		if (is_old)
			move->since_ns = now;
		at = &move->next;
	}
	if (catalog->moves && !atomic_load(&catalog->stopped))
		(void)catalog->host->timer_set(catalog->context, TIMER_MOVES, MOVES_KEEP_NS);
}

void moves_done(struct catalog *catalog)
{
	while (catalog->moves)
		free(take(catalog, &catalog->moves));
}

/* ---- events ------------------------------------------------------------------------------------ */

static uint8_t look_at(struct catalog *catalog, struct move *move)
{
	if (compressed_name(move->path))
		return packed_follow(catalog, move->path) ? FOUND_FILE : FOUND_NOTHING;
	if (move->held)
		(void)scan_new(catalog, move->path);
	else
		move->failed = scan_moved(catalog, move->path, move->watched) < 0;
	if (scan_is_followed(catalog, move->path))
		return FOUND_FILE;
	return scan_is_there(move->path) && !move->failed ? FOUND_OTHER : FOUND_NOTHING;
}

static void moved_to(struct catalog *catalog, struct move *take_from, const char *path,
		     const struct watcher_event *event)
{
	struct move *move = move_new(catalog, path, take_from);

	if (move) {
		move->watched = event->files != 0;
		move->found = look_at(catalog, move);
	}
	free(take_from);
}

/* A file that something may be compressed to. */
static void note_packable(struct catalog *catalog, const char *path)
{
	for (struct move *move = catalog->moves; move; move = move->next)
		if (!move->cookie && is_packed_path(move, path))
			move->packable = 1;
}

/* Something else than before is at the path of a step. 1 when there is no more to do. */
static int moved_over(struct catalog *catalog, struct move *take_before, const char *path,
		      const struct watcher_event *event)
{
	if (take_before->ended || event->what == WATCHER_MODIFIED || !event->is_new) {
		take_before->written |= event->what == WATCHER_MODIFIED;
		put(catalog, take_before);
	} else if (!take_before->packed) {
		move_end(catalog, take_before);
	} else if (event->cookie && packed_follow(catalog, path)) {
		free(take_before);
		return 1;
	} else {
		put(catalog, take_before);
	}
	return 0;
}

/* A file that is gone again. One that is followed may be written to after it was deleted. */
static void note_absent(struct catalog *catalog, const char *path,
			const struct watcher_event *event)
{
	int modified = event->what == WATCHER_MODIFIED;
	struct move *move;

	if (scan_has_name(catalog, path) || !(modified || event->is_new))
		return;
	move = take_path(catalog, path);
	if (move)
		put(catalog, move);
	else
		move = move_new(catalog, path, NULL);
	if (move) /* what is made is empty at first */
		move->written |= modified || event->cookie;
}

void moves_come(struct catalog *catalog, const char *path, const struct watcher_event *event)
{
	struct move *from = take_cookie(catalog, event->cookie);
	struct move *before = take_path(catalog, path);
	int matches = event->files && tail_options_match(&catalog->options, path);

	if (before && moved_over(catalog, before, path, event)) {
		free(from);
		return;
	}
	if (event->is_new)
		note_packable(catalog, path);
	if (from) {
		moved_to(catalog, from, path, event);
		return;
	}
	if (!event->files)
		return;
	scan_path(catalog, path, matches);
	if (matches && !scan_is_there(path))
		note_absent(catalog, path, event);
}

static void moved_from(struct catalog *catalog, const struct move *before, const char *path,
		       const struct watcher_event *event)
{
	int held = hold_has(catalog, path);
	struct move *move;

	if (!before && (!event->files || !tail_options_match(&catalog->options, path)))
		return;
	move = move_new(catalog, path, before);
	if (!move)
		return;
	move->cookie = event->cookie;
	move->held |= held != 0;
	move->written |= !before;
}

void moves_left(struct catalog *catalog, const char *path, const struct watcher_event *event)
{
	struct move *before = take_path(catalog, path);
	int followed = event->files && scan_name_left(catalog, path);

	if (followed || (before && before->ended)) {
		free(before);
	} else if (event->cookie) {
		moved_from(catalog, before, path, event);
		free(before);
	} else if (before) {
		move_end(catalog, before);
	} else if (event->files && tail_options_match(&catalog->options, path) &&
		   scan_is_followed(catalog, path)) {
		tell_missed(catalog, path, "deleted at"); /* what is there is another */
	}
}
