// SPDX-License-Identifier: MIT
/*
 * What a path leads to: a new file, one that is followed, or none any more. All of it under the
 * catalog's structure lock, which scan_name() takes.
 */
#ifndef TAIL_SCAN_H
#define TAIL_SCAN_H

#include "catalog.h"
#include "opened.h"

/* Where files begin that were not known before. */
#define SCAN_PLACE_BEGINNING 0
#define SCAN_PLACE_END 1

/* Something happened to a name. */
void scan_name(struct catalog *catalog, const char *path, const struct watcher_event *event);
/* The file of a path that is not followed yet. 1 when it is held back as a possible copy, else 0. */
int scan_new(struct catalog *catalog, const char *path);
/* The same of a path of which its folder says whether it is a regular file. */
int scan_listed(struct catalog *catalog, const char *path, int regular);
/* A path that is there, or was just now. `matches`: it is to be followed. */
void scan_path(struct catalog *catalog, const char *path, int matches);
/* Adopts the file if it is one of an earlier run, or of this one; by_text: whatever its inode. Takes the
 * descriptor if so. */
int scan_adopt(struct catalog *catalog, const char *path, struct opened *opened, int by_text);
/* A path to which a file was renamed that matched, and that nobody has looked at: follows it; without
 * `watched` as one that is out of sight. Negative when it is there and can't be followed now. */
int scan_moved(struct catalog *catalog, const char *path, int watched);
/* A name left its folder. 1 when a file that is followed lost it by that. */
int scan_name_left(struct catalog *catalog, const char *path);
/* True when a regular file is at the path; and when it is one that is followed under this name. */
int scan_is_there(const char *path);
int scan_is_followed(struct catalog *catalog, const char *path);
/* True when a file is followed that had this name last. */
int scan_has_name(struct catalog *catalog, const char *path);
/* True when the path leads to this file. */
int scan_leads_to(const char *path, const struct identity *identity);
/* The file lost its name, unless it did not. */
void scan_left(struct catalog *catalog, struct file *file);
/* Follows a file as one of which all before `position` has been read. */
int32_t scan_place(struct catalog *catalog, const char *path, uint64_t position,
		   struct weir_error *error);

#endif
