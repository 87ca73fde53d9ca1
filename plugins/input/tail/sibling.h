// SPDX-License-Identifier: MIT
/*
 * Finding a file again beside where it was: under another name, as a copy, or compressed. Only names
 * that begin like the old one are looked at.
 */
#ifndef TAIL_SIBLING_H
#define TAIL_SIBLING_H

#include "catalog.h"
#include "opened.h"

/* The text of a source, found again. The caller owns it. */
struct sibling {
	int fd; /* -1 = compressed */
	struct compressed *compressed;
	struct opened *opened; /* borrowed: the same file as it was opened; or NULL */
	struct identity place; /* device, inode and birth only */
	uint64_t size;         /* of a plain file */
	char *path;
};

void sibling_done(struct sibling *sibling);
/* 1 when this plain file ends before the offset; the identity then has its end for a tail, by which
 * it is known again: what precedes the offset is not in it. */
int sibling_is_shorter(const struct sibling *sibling, struct identity *identity, uint64_t offset);
/* 1 when the file of this inode is found under a name beside `path`. */
int sibling_by_inode(struct catalog *catalog, const char *path, const struct identity *identity,
		     struct sibling *ret_sibling);
/* 1 when a file beside `path`, not followed by itself, has the text that the identity describes:
 * its head, its tail, and at least `size` bytes (`shorter`: or a recent copy of less). */
int sibling_by_text(struct catalog *catalog, const char *path, const struct identity *identity,
		    uint64_t size, int shorter, struct sibling *ret_sibling);
/* The same for one path. */
int sibling_at(struct catalog *catalog, const char *path, const struct identity *identity,
	       uint64_t size, int shorter, struct sibling *ret_sibling);

/* Returns 1 when it has found what it looks for. */
typedef int sibling_call(void *user, const char *path, uint64_t inode);
/* Calls for each name in the folder of this path that begins with the same `stem` bytes, folders left out,
 * and all over again when some came or went meanwhile. 1 when a call returned that. */
int sibling_folder(const char *path, size_t stem, sibling_call *call, void *user);
/* 1 when the name in `other` begins with the stem of that in `path`. */
int sibling_is_beside(const char *path, const char *other);
/* Opens a regular file, compressed or not; the caller has it by sibling_done(). 0 when it can't. */
int sibling_open(const char *path, struct sibling *ret_sibling, struct statx *ret_status);
/* Bytes that a plain file must have to be a whole copy of what was read to this position. */
uint64_t sibling_size_wanted(const struct identity *identity, uint64_t position, int shorter);
/* True when a copy that ends before what was read may be taken for one. */
int sibling_is_recent_copy(const struct catalog *catalog, const struct statx *status);
/* Bytes of the base name that copies and rotated files share with it. */
size_t sibling_stem(const char *base);

#endif
