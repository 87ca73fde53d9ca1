// SPDX-License-Identifier: MIT
/*
 * Descriptors of files from an instance that stops to the one that takes its place in the same process:
 * of those that no name leads to any more, and of all others in case they are deleted until it starts,
 * since then nobody could open them again. Main thread.
 *
 * What still has a name is closed with the instance that left it. An entry that nobody claims is closed
 * when LEGACY_MAX newer ones have come, or at the end.
 */
#ifndef TAIL_LEGACY_H
#define TAIL_LEGACY_H

#include "catalog.h"

/* Files that are open at a reload, at most; more that are deleted and unread would be a leak. */
#define LEGACY_MAX 256

/* Leaves what the instance, whose readers are at rest, has open: first what has no name. */
void legacy_leave(struct catalog *catalog);
/* The instance goes: closes what it has left that has a name. */
void legacy_settle(const struct catalog *catalog);
/* Takes up those that the host knows. With the structure lock held. */
void legacy_take_up(struct catalog *catalog);
/* Closes what is left. */
void legacy_done(void);

#endif
