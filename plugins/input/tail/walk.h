// SPDX-License-Identifier: MIT
/*
 * One pass over the folders that a list of patterns can reach, all patterns at once: each folder is
 * read at most once, and none that no pattern leads into.
 */
#ifndef TAIL_WALK_H
#define TAIL_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "glob.h"

/* Folders below each other, at most: a loop of symbolic links ends here. */
#define WALK_DEPTH_MAX 40

/* An entry of a folder that is no folder itself. */
struct walk_entry {
	const char *name;
	uint64_t inode; /* as the folder says; 0 = that of a link, or not known */
	int regular;    /* a file, as the folder says, and no link */
	int matches;    /* a pattern leads to it */
};

/* Called during the pass; paths are borrowed. */
struct walk_calls {
	/* A folder on the way. `files`: files in it can match; else only its folders matter. */
	void (*folder)(void *user, const char *path, int files);
	/* Every entry of a folder whose files can match; a folder itself only where a pattern names it. */
	void (*entry)(void *user, const char *folder, const struct walk_entry *entry);
	/* A folder that can't be read; error is an errno. */
	void (*refused)(void *user, const char *path, int error);
};

/* The path of a name in a folder that walk() told of; 0 when it is too long. */
int walk_path(const char *folder, const char *name, char *ret_path, size_t size);

void walk(const struct glob_list *patterns, const struct walk_calls *calls, void *user);

#endif
