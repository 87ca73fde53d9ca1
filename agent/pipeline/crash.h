// SPDX-License-Identifier: MIT
/*
 * What is left of a process that a fault ends: STATE_DIR/crashes/TIME-PID.txt with the plugin and the
 * pipeline whose code ran, the signal and the addresses on the stack; and a line on standard error.
 * Then the process ends as it would have, and its manager starts it again: nothing is lost.
 *
 * A plugin that calls exit() ends the process with status 1 and a report, too.
 */
#ifndef PIPELINE_CRASH_H
#define PIPELINE_CRASH_H

/* From now on, in this process; not in those that it forks. Once per process, before its threads. */
void crash_watch(const char *state_dir);
/* Gives the calling thread, until it ends, a stack of its own for the handler: a thread that has overflowed
 * its stack has no room for it. Without memory it stays as it was. */
void crash_thread(void);
/* From now on an exit is meant. */
void crash_unwatch(void);

#endif
