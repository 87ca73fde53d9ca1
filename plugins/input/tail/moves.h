// SPDX-License-Identifier: MIT
/*
 * Renames of files that nobody has looked at yet: made, written and renamed to a name that does not match
 * before the watcher came to the first of these events. The events tell the way that such a file went, and
 * where it is found it is followed.
 *
 *   a name that matches is renamed, and no file that is followed was it
 *      │
 *      ▼                     ┌──────────── renamed on ◀────────────┐
 *   under way (its cookie) ──┴─▶ has come to a path, and is looked at there
 *      │ nowhere that is watched       │ deleted, or another was renamed to its path
 *      ▼                               ▼
 *   counted, and said ◀─── no ─── was it compressed? ─── yes ──▶ that is read
 *
 * A name does not tell which file it was: where one was, there may be another by now. So each step is
 * remembered for a while, and whatever is found on the way is a file that matched. Under the
 * structure lock.
 */
#ifndef TAIL_MOVES_H
#define TAIL_MOVES_H

#include "catalog.h"

/* Steps that are remembered at most: the oldest is dropped for a new one. */
#define MOVES_MAX 256
/* For so long: the rest of the way is in the kernel's queue already when a step is read from it. */
#define MOVES_KEEP_NS (5 * UINT64_C(1000000000))

/* Something came to be at a path, or changed; or it left. On the watcher's thread. */
void moves_come(struct catalog *catalog, const char *path, const struct watcher_event *event);
void moves_left(struct catalog *catalog, const char *path, const struct watcher_event *event);
/* A file was read to its end: the event of its going may be still to come. */
void moves_ended(struct catalog *catalog, const struct file *file);
/* Gives up what is too old. */
void moves_settle(struct catalog *catalog);
/* Forgets all. */
void moves_done(struct catalog *catalog);

#endif
