// SPDX-License-Identifier: MIT
#include "folder_table.h"

#include <stdlib.h>
#include <string.h>

static struct folder **wd_bucket(const struct folder_table *table, int wd)
{
	return (struct folder **)(uintptr_t)&table->by_wd[(uint32_t)wd % FOLDER_BUCKETS];
}

static struct folder **inode_bucket(struct folder_table *table, uint64_t device, uint64_t inode)
{
	return &table->by_inode[(inode ^ device * 31) % FOLDER_BUCKETS];
}

struct folder *folder_by_wd(const struct folder_table *table, int wd)
{
	struct folder *folder = *wd_bucket(table, wd);

	while (folder && folder->wd != wd)
		folder = folder->next_by_wd;
	return folder;
}

struct folder *folder_take(struct folder_table *table, uint64_t device, uint64_t inode)
{
	struct folder **bucket = inode_bucket(table, device, inode);
	struct folder *folder = *bucket;

	while (folder && (folder->inode != inode || folder->device != device))
		folder = folder->next_by_inode;
	if (folder)
		return folder;
	folder = calloc(1, sizeof(*folder));
	if (!folder)
		return NULL;
	folder->device = device;
	folder->inode = inode;
	folder->wd = -1;
	folder->next_by_inode = *bucket;
	*bucket = folder;
	return folder;
}

void folder_set_wd(struct folder_table *table, struct folder *folder, int wd)
{
	if (folder->wd >= 0) {
		struct folder **at = wd_bucket(table, folder->wd);

		while (*at != folder)
			at = &(*at)->next_by_wd;
		*at = folder->next_by_wd;
	}
	folder->wd = wd;
	if (wd >= 0) {
		struct folder **bucket = wd_bucket(table, wd);

		folder->next_by_wd = *bucket;
		*bucket = folder;
	}
}

int folder_want(struct folder *folder, struct watcher_client *client, const char *path, int files,
		uint32_t generation)
{
	struct folder_ref *ref = folder->refs;

	while (ref && (ref->client != client || strcmp(ref->path, path) != 0))
		ref = ref->next;
	if (!ref) {
		size_t size = strlen(path) + 1;

		ref = calloc(1, sizeof(*ref) + size);
		if (!ref)
			return -1;
		memcpy(ref->path, path, size);
		ref->client = client;
		ref->next = folder->refs;
		folder->refs = ref;
	}
	if (ref->generation != generation)
		ref->files = 0;
	ref->generation = generation;
	ref->files |= files;
	return 0;
}

int folder_wants_files(const struct folder *folder)
{
	int files = 0;

	for (const struct folder_ref *ref = folder->refs; ref; ref = ref->next)
		files |= ref->files;
	return files;
}

int folder_tells(const struct folder *folder, const struct watcher_client *client)
{
	for (const struct folder_ref *ref = folder->refs; ref; ref = ref->next)
		if (ref->client == client && ref->files)
			return 1;
	return 0;
}

void folder_drop(struct folder_table *table, const struct watcher_client *client,
		 uint32_t generation)
{
	for (uint32_t i = 0; i < FOLDER_BUCKETS; i++)
		for (struct folder *folder = table->by_inode[i]; folder;
		     folder = folder->next_by_inode)
			for (struct folder_ref **at = &folder->refs; *at;) {
				struct folder_ref *ref = *at;

				if (ref->client == client && ref->generation != generation) {
					*at = ref->next;
					free(ref);
				} else {
					at = &ref->next;
				}
			}
}

void folder_free(struct folder_table *table, struct folder *folder)
{
	struct folder **at = inode_bucket(table, folder->device, folder->inode);

	while (*at != folder)
		at = &(*at)->next_by_inode;
	*at = folder->next_by_inode;
	folder_set_wd(table, folder, -1);
	while (folder->refs) {
		struct folder_ref *ref = folder->refs;

		folder->refs = ref->next;
		free(ref);
	}
	free(folder);
}

void folder_each(struct folder_table *table, void (*call)(struct folder *folder))
{
	for (uint32_t i = 0; i < FOLDER_BUCKETS; i++)
		for (struct folder *folder = table->by_inode[i], *next; folder; folder = next) {
			next = folder->next_by_inode;
			call(folder);
		}
}
