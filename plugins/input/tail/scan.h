// SPDX-License-Identifier: MIT
/*
 * Which files there are: the first scan at start, rescans, and single names that the watcher tells
 * of. All of it under the catalog's structure lock.
 */
#ifndef TAIL_SCAN_H
#define TAIL_SCAN_H

#include "catalog.h"

/* Where files begin that were not known before. */
#define SCAN_PLACE_BEGINNING 0
#define SCAN_PLACE_END 1

/* Adopts the files of earlier runs, opens the others. */
void scan_first(struct catalog *catalog);
/* Everything again: what appeared, what left, what grew unseen. */
void scan_again(struct catalog *catalog);
/* One name. */
void scan_name(struct catalog *catalog, const char *path, uint32_t what);
/* The file of a path that is not followed yet; under the structure lock. 1 when it is held back as a
 * possible copy, else 0. */
int scan_new(struct catalog *catalog, const char *path);
/* Follows a file as one of which all before `position` has been read; under the structure lock. */
int32_t scan_place(struct catalog *catalog, const char *path, uint64_t position,
		   struct weir_error *error);

#endif
