// SPDX-License-Identifier: MIT
/*
 * A corrupt database is renamed, with its -wal and -shm, to state.db.corrupt-TIME.
 *
 * A marker file stands from before the renaming until the new database says itself that it replaced
 * another: killed in between, the next start still knows that positions were lost.
 */
#ifndef STATE_STATE_ASIDE_H
#define STATE_STATE_ASIDE_H

#include <weir/abi.h>

int state_aside_move(const char *dir, const char *path, struct weir_error *error);
/* True while a replacement is in progress. */
int state_aside_marked(const char *path);
int state_aside_unmark(const char *path);

#endif
