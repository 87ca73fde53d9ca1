// SPDX-License-Identifier: MIT
/*
 * When and how a source ends, and how a descriptor that was closed at the end of its file is opened
 * again. Reader only.
 */
#ifndef TAIL_ENDING_H
#define TAIL_ENDING_H

#include "catalog.h"

/* How often a file without a name is looked at while somebody has it open for writing, and how long
 * the new name of a file may be on its way to us. */
#define ENDING_RETRY_NS UINT64_C(1000000000)

/* Takes the file out of the catalog; returns `how`, WEIR_READ_END or WEIR_READ_DETACH. */
int32_t ending_finish(struct catalog *catalog, struct file *file, const uint8_t id[16],
		      uint64_t now_ns, int32_t how);
/* The same, for a file whose text is gone: says so, and counts what is known to be lost. */
int32_t ending_lose(struct catalog *catalog, struct file *file, const char *why);
/* A file without a name is done when nobody can write to it any more. To be asked before its size. */
int ending_nobody_writes(const struct file *file, int deleted, uint64_t now_ns);

void ending_close_idle(struct catalog *catalog, struct file *file);
/* Opens the descriptor again for what was just written; not one of the last that are left. At its turn. */
void ending_open(struct catalog *catalog, struct file *file);
/* Opens the descriptor again. 1 when it could, else 0 with what read() is to return. */
int ending_reopen(struct catalog *catalog, struct file *file, uint64_t now_ns, int32_t *ret_status);

#endif
