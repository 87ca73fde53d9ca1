// SPDX-License-Identifier: MIT
/*
 * The one owner of libinotify-tools in the process: a thread that watches folders for all inputs.
 *
 * Everything of the library, and every call to a client but the first, happens on this thread, and under
 * the watcher's lock, so that after watcher_remove() no call runs or comes. The thread sleeps until an
 * event or a poke. Without inotify (no instance left, or a descriptor too high for the library's
 * select()), or for folders beyond the watch limit, the clients' own rescans are what is left; it
 * is logged once with the setting to raise.
 */
#ifndef TAIL_WATCHER_H
#define TAIL_WATCHER_H

#include <weir/plugin.h>

/* What happened to a name in a folder. */
#define WATCHER_MODIFIED 1 /* written to, or truncated */
#define WATCHER_APPEARED 2 /* made, or moved in */
#define WATCHER_LEFT 3     /* deleted, or moved away */

struct watcher_event {
	const char *folder; /* as the client named it, or another did */
	const char *name;
	uint32_t what;   /* WATCHER_* */
	uint32_t cookie; /* of a rename, the same at both ends; 0 = it is none */
	int is_new;      /* APPEARED: made, or moved in; not only its attributes changed */
	int files;       /* the client has this folder watched for its files */
};

struct watcher_client {
	void *user;
	/* Something happened to a file in a folder that is watched for its files; while `tracks` is not 0,
	 * also what comes and goes in any other folder that is watched. */
	void (*changed)(void *user, const struct watcher_event *event);
	/* Folders changed, events were lost, or someone poked: look at everything again, naming the
	 * folders to watch with watcher_folder(). */
	void (*rescan)(void *user);
	/* Runs after each handful of events and each poke. */
	void (*settle)(void *user);
	/* A message about watching that concerns every input. */
	void (*say)(void *user, uint32_t level, const char *code, const char *text);
	/* The client's: how many renames it tracks. */
	_Atomic uint32_t tracks;
	/* The watcher's own. */
	struct watcher_client *next;
	_Atomic uint32_t poked;
	uint32_t rescan_wanted;
	uint32_t generation;
};

#define WATCHER_POKE_SETTLE 1
#define WATCHER_POKE_RESCAN 2

/* Once per process, before and after all clients. Never fails: without inotify clients are told. */
void watcher_start(void);
void watcher_stop(void);

/* Runs the client's first rescan before it returns, on the calling thread, while the watcher's waits. */
int watcher_add(struct watcher_client *client, struct weir_error *error);
void watcher_remove(struct watcher_client *client);
/* Any thread. */
void watcher_poke(struct watcher_client *client, uint32_t what);
/* Only within rescan(): this folder is to be watched, for its files too or only for its folders.
 * Folders that one rescan does not name are given up. */
void watcher_folder(struct watcher_client *client, const char *path, int files);

#endif
