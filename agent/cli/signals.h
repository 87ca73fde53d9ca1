// SPDX-License-Identifier: MIT
/* The signals that stop a command that runs pipelines: taken by its main thread, when it asks. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>

/* Blocks SIGTERM and SIGINT, and SIGHUP where it has a meaning; a pipe without reader and a file beyond its
 * size limit become errors of the write. Before any thread starts: all of them inherit it. */
void signals_block(sigset_t *ret_set, int with_hangup);
/* Takes a signal of the set (a sigset_t) that came; true when it asks to stop. */
int signals_stop_wanted(void *set);

#endif
