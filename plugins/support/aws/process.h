// SPDX-License-Identifier: MIT
/*
 * Runs a credential_process: a command that prints credentials as JSON.
 *
 * On a thread of its own, which calls done() at the end; the command has a minute. The command line
 * is split at blanks, with quotes and backslashes as a shell has them, and run without a shell.
 */
#ifndef AWS_PROCESS_H
#define AWS_PROCESS_H

#include "support/aws/text.h"

struct process;

/* done() runs on the process's thread. output is empty, and `problem` says why, when it failed. */
int32_t process_start(const char *command, void (*done)(void *user), void *user,
		      struct process **ret_process, struct weir_error *error);
/* After done(): what the command printed, or why it failed. Borrowed from the process. */
int32_t process_output(struct process *process, struct weir_slice *ret_output,
		       struct weir_error *error);
/* Kills the command if it still runs; waits for the thread. NULL will do. */
void process_free(struct process *process);

/* Pure. Splits a command line; the words point into `line`, which is changed. -1: an open quote. */
int process_split(char *line, char **ret_words, int words_max);

#endif
