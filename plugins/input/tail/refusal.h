// SPDX-License-Identifier: MIT
/* What can't be read, said once for each path, with the remedy. Under the structure lock. */
#ifndef TAIL_REFUSAL_H
#define TAIL_REFUSAL_H

#include "catalog.h"
#include "opened.h"

/* error is an errno; nothing is said of what does not exist. */
void refusal_tell(struct catalog *catalog, const char *path, int error);
/* Opens a regular file; -1 when it is none, or can't be read, which is told. `regular`: its folder
 * says that it is one, so that it need not be looked at before; a device or a pipe must not be opened. */
int refusal_open(struct catalog *catalog, const char *path, int regular, struct opened *ret_opened);

#endif
