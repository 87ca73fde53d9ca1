// SPDX-License-Identifier: MIT
/*
 * One pass over the folders that a list of patterns can reach, all patterns at once: each folder is
 * read at most once, and none that no pattern leads into.
 */
#ifndef TAIL_WALK_H
#define TAIL_WALK_H

#include <stdint.h>

#include "glob.h"

/* Folders below each other, at most: a loop of symbolic links ends here. */
#define WALK_DEPTH_MAX 40

/* Called during the pass; paths are borrowed. */
struct walk_calls {
	/* A folder on the way. `files`: files in it can match; else only its folders matter. */
	void (*folder)(void *user, const char *path, int files);
	/* Every entry of a folder whose files can match that is not a folder itself. */
	void (*entry)(void *user, const char *folder, const char *name, uint64_t inode,
		      int matches);
	/* A folder that can't be read; error is an errno. */
	void (*refused)(void *user, const char *path, int error);
};

void walk(const struct glob_list *patterns, const struct walk_calls *calls, void *user);

#endif
