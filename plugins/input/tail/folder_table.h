// SPDX-License-Identifier: MIT
/*
 * The folders that are watched, by watch descriptor and by inode, each with the clients that want
 * it and the path by which they know it. Memory only; guarded by its owner.
 */
#ifndef TAIL_FOLDER_TABLE_H
#define TAIL_FOLDER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define FOLDER_BUCKETS 1024

struct watcher_client;

struct folder_ref {
	struct folder_ref *next;
	struct watcher_client *client;
	int files;           /* wants to hear of files, not only of folders */
	uint32_t generation; /* of the client's rescan that last named it */
	char path[];
};

struct folder {
	struct folder *next_by_wd, *next_by_inode;
	uint64_t device, inode;
	int wd; /* -1 = not watched */
	int files;
	struct folder_ref *refs;
};

struct folder_table {
	struct folder *by_wd[FOLDER_BUCKETS];
	struct folder *by_inode[FOLDER_BUCKETS];
};

struct folder *folder_by_wd(const struct folder_table *table, int wd);
/* Finds or makes the folder; NULL without memory. */
struct folder *folder_take(struct folder_table *table, uint64_t device, uint64_t inode);
void folder_set_wd(struct folder_table *table, struct folder *folder, int wd);
/* Adds or refreshes what a client wants of the folder. */
int folder_want(struct folder *folder, struct watcher_client *client, const char *path, int files,
		uint32_t generation);
/* Drops the client's wishes that are not of this generation. */
void folder_drop(struct folder_table *table, const struct watcher_client *client,
		 uint32_t generation);
/* True when some client wants to hear of files. */
int folder_wants_files(const struct folder *folder);
/* True when this client is among them. */
int folder_tells(const struct folder *folder, const struct watcher_client *client);
void folder_free(struct folder_table *table, struct folder *folder);
/* Calls back for each folder, which may be freed by that. */
void folder_each(struct folder_table *table, void (*call)(struct folder *folder));

#endif
