// SPDX-License-Identifier: MIT
/* Finds the files of known sources by their text, beside where they were. Under the structure lock. */
#ifndef TAIL_ADOPT_H
#define TAIL_ADOPT_H

#include "catalog.h"

/* Follows the copies and compressed files that have the text of known sources. `shorter`: copies that
 * end before what was read, too, of files that are still there, but not with their text: they were
 * truncated. Each folder is read once, and each file opened once, however many sources are known. */
void adopt_by_text(struct catalog *catalog, int shorter);

#endif
