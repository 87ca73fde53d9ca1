// SPDX-License-Identifier: MIT
/* The parts of the sandbox. Each returns NULL once it is in force, or a few words why it is not. */
#ifndef SANDBOX_PARTS_H
#define SANDBOX_PARTS_H

#include <stdint.h>

const char *capabilities_drop(void);
/* Needs no_new_privs. */
const char *landlock_enter(void);

/* Refuses system calls. Where the kernel has it, a thread hears of each of them, says it in the log and
 * answers; until it is stopped. */
struct system_calls;
const char *system_calls_filter(struct system_calls **ret_calls);
void system_calls_stop(struct system_calls *calls); /* NULL: nothing */
uint64_t system_calls_denied(const struct system_calls *calls);

#endif
