// SPDX-License-Identifier: MIT
/* One agent per state folder: an exclusive lock on DIR/lock, which holds the owner's process id. */
#ifndef STATE_STATE_LOCK_H
#define STATE_STATE_LOCK_H

#include <weir/abi.h>

/* Makes the folder, with mode 0700, when its parent exists. WEIR_ERR_REFUSED when another agent holds it. The lock goes with the descriptor. */
int state_lock_take(const char *dir, int *ret_fd, struct weir_error *error);
void state_lock_release(int fd);
/* The process that holds the lock, for who may read the file; WEIR_ERR_NOT_FOUND when none does. */
int state_lock_owner(const char *dir, long *ret_pid, struct weir_error *error);

#endif
