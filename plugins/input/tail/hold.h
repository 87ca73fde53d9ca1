// SPDX-License-Identifier: MIT
/*
 * New files that may be copies of one that is about to be truncated (copytruncate). Such a file is
 * held back until the original truncates or vanishes (its reader then goes on in the copy), until
 * the two differ, or until it has stopped growing for some time. Under the structure lock.
 */
#ifndef TAIL_HOLD_H
#define TAIL_HOLD_H

#include "catalog.h"
#include "opened.h"

/* Longest wait after the copy's last growth. */
#define HOLD_NS (5 * UINT64_C(1000000000))
/* Once a copy has been quiet for this long, growth of the original shows that it is no rotation:
 * under load an original always grows between its copy and its truncation. */
#define HOLD_GROWTH_NS UINT64_C(1000000000)
#define HOLD_LOOK_NS (250 * UINT64_C(1000000))

/* What hold_file() answers. */
#define HOLD_NEW 0  /* it is no copy: read it */
#define HOLD_WAIT 1 /* it is held back */
#define HOLD_COPY 2 /* it is a copy, and its original goes on */

int hold_file(struct catalog *catalog, const char *path, struct opened *opened);
/* True when the file of this path is held back, and not only because it is empty. */
int hold_has(struct catalog *catalog, const char *path);
/* Looks at all that are held; those that are let go are followed from their beginning. */
void hold_settle(struct catalog *catalog);

#endif
