// SPDX-License-Identifier: MIT
/* A child process that may take its time, and no more; and one that goes on in a copy of the agent. */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdint.h>
#include <sys/types.h>

/* fork() of a process with other threads of ours, which may be at the log: the child finds the log and the
 * secrets free. Of what else threads lock only what the C library sets free in a child is (memory, stdio),
 * so no thread but one that does no more than to log may run: else it must be a program started anew. */
pid_t child_fork(void);
/* Waits until it ends, at most patience_ns; it is not reaped. 1: it has ended; 0: it runs on. */
int child_await(pid_t pid, uint64_t patience_ns);
/* Waits for its end and reaps it. 0, or -1 when there is no such child. */
int child_reap(pid_t pid, int *ret_status);

#endif
