// SPDX-License-Identifier: MIT
/*
 * Descriptors of files that no name leads to any more, from an instance that stops to the one that takes
 * its place in the same process: after a reload nobody could open them again. Main thread.
 *
 * An entry that nobody claims is closed when LEGACY_MAX newer ones have come, or at the end.
 */
#ifndef TAIL_LEGACY_H
#define TAIL_LEGACY_H

#include "catalog.h"

/* Files that are deleted and unread at a reload, at most; more of them would be a leak. */
#define LEGACY_MAX 256

/* Leaves what the instance, whose readers are at rest, has open without a name. */
void legacy_leave(struct catalog *catalog);
/* Takes up those that the host knows. With the structure lock held. */
void legacy_take_up(struct catalog *catalog);
/* Closes what is left. */
void legacy_done(void);

#endif
