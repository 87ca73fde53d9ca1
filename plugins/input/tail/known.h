// SPDX-License-Identifier: MIT
/* Sources of earlier runs whose files are still to be found. Under the structure lock. */
#ifndef TAIL_KNOWN_H
#define TAIL_KNOWN_H

#include "catalog.h"
#include "opened.h"

void known_init(struct catalog *catalog);
void known_load(struct catalog *catalog);
void known_add(struct catalog *catalog, const uint8_t id[16], const struct identity *identity,
	       uint64_t position, const char *path);
/* True when a known source had this inode number. */
int known_has_inode(const struct catalog *catalog, uint64_t inode);

/* The known source of this very file (device, inode, birth), if its text is what it was; it is then
 * out of the list and the caller's to free. *ret_stale: the file is the same, its text is not. */
struct known *known_take_file(struct catalog *catalog, struct opened *opened, int *ret_stale);
/* The known source whose text this file has, found at this path. */
struct known *known_take_text(struct catalog *catalog, const char *path, struct opened *opened);
/* False where the same text is no sign of the same source: new files often begin with the same few lines as
 * others did before. A short text is known again beside where it was, under another name. */
int known_may_be_at(const struct known *known, const char *path);
/* Takes one out of the list. */
void known_take(struct catalog *catalog, struct known *known);

#endif
