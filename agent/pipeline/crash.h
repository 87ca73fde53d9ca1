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
/* From now on an exit is meant. */
void crash_unwatch(void);

#endif
