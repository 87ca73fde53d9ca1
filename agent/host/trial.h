// SPDX-License-Identifier: MIT
/*
 * A stranger's plugin file is loaded in a child process first: its constructors run before anybody can
 * ask, and one that exits, crashes or never comes back there costs that child and not the agent.
 *
 * The child is the agent's own program, started anew: new files come with reloads, when the agent has
 * threads, and a fork() of those would leave the constructors with whatever locks were held just then.
 */
#ifndef HOST_TRIAL_H
#define HOST_TRIAL_H

#include <stdint.h>
#include <weir/abi.h>

/* 1 when a file that has passed elf_check() was built with this agent, by its mark. */
int trial_is_own(const char *path);
/* Fails with the sentence when loading the file ends the process, or takes longer than limit_ns. What
 * dlopen() itself says is left to be said by the agent's own. Without the means for a child: 0. */
int trial_load(const char *path, uint64_t limit_ns, struct weir_error *error);
/* Whether this process has been started for a trial. */
int trial_is_child(int argc, char **argv);
/* Loads the file; returns the exit status, if that file lets it. */
int trial_child(char **argv);

#endif
