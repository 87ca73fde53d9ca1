// SPDX-License-Identifier: MIT
/* Makes a source of a file. Under the structure lock. */
#ifndef TAIL_FOLLOW_H
#define TAIL_FOLLOW_H

#include "catalog.h"
#include "sibling.h"

/* Follows a file that was just opened, from the offset on. Takes the descriptor in every case. */
int follow_new(struct catalog *catalog, const char *path, struct opened *take_opened,
	       uint64_t offset);
/* Follows a compressed file that was never seen, from its beginning. Takes the descriptor. */
int follow_compressed(struct catalog *catalog, const char *path, int take_fd,
		      const struct identity *place);
/* Takes up a known source in what was found of it; takes the contents of both. */
int follow_known(struct catalog *catalog, struct known *take_known, struct sibling *take_found);
/* A new source in place of a truncated one; takes the descriptor. */
int follow_successor(struct catalog *catalog, struct file *file, int take_fd);

#endif
