// SPDX-License-Identifier: MIT
/* What a reader does when its file is no longer where it was. Takes the structure lock. */
#ifndef TAIL_MOVED_H
#define TAIL_MOVED_H

#include "catalog.h"

/* Opens the file under the name that it has now; 1 when found. */
int moved_find_inode(struct catalog *catalog, struct file *file);
/* Goes on in a copy or a compressed form of its text; 1 when found. */
int moved_find_text(struct catalog *catalog, struct file *file);
/* The file was truncated: a new source begins under its name and inode, and this one goes on in a
 * copy, which may end before the offset (then there is nothing more to read in it); 1 when found. */
int moved_truncated(struct catalog *catalog, struct file *file);
/* Remembers where reading stopped, in case the file comes back into sight. */
void moved_remember(struct catalog *catalog, const struct file *file, const uint8_t id[16]);

#endif
