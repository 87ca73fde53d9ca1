// SPDX-License-Identifier: MIT
/* Compressed files whose text nobody has read. Under the structure lock. */
#ifndef TAIL_PACKED_H
#define TAIL_PACKED_H

#include "catalog.h"

/* Follows the compressed file of this path, unless it is followed already, or so is what it is just being
 * made from. 1 when there is such a file. */
int packed_follow(struct catalog *catalog, const char *path);
/* The same of what the file of this path was compressed to. */
int packed_follow_of(struct catalog *catalog, const char *plain);

#endif
