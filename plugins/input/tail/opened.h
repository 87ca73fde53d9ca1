// SPDX-License-Identifier: MIT
/*
 * A file that was just opened for a first look. Its first bytes are read once, for all who ask: they
 * tell its identity, its encoding, and what it may be a copy of. A start may look at 100,000 files.
 */
#ifndef TAIL_OPENED_H
#define TAIL_OPENED_H

#include <sys/stat.h>

#include "identity.h"

struct opened {
	int fd;
	int is_link; /* the path may be a symbolic link to it */
	struct statx status;
	struct identity place; /* device, inode and birth only */
	int has_head;
	uint32_t head_size;
	uint8_t head[IDENTITY_HEAD_MAX];
};

/* How many first bytes there were to read when it was opened. */
uint32_t opened_head_wanted(const struct opened *opened);
/* Reads the first bytes, if they were not read yet; -1 when they can't be read. */
int opened_take_head(struct opened *opened);
/* identity_read over it: user is a struct opened *. */
int64_t opened_read(void *user, void *buffer, size_t size, uint64_t offset);

#endif
