// SPDX-License-Identifier: MIT
/* A child process that may take its time, and no more. */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdint.h>
#include <sys/types.h>

/* Waits until it ends, at most patience_ns; it is not reaped. 1: it has ended; 0: it runs on. */
int child_await(pid_t pid, uint64_t patience_ns);
/* Waits for its end and reaps it. 0, or -1 when there is no such child. */
int child_reap(pid_t pid, int *ret_status);

#endif
