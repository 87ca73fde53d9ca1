// SPDX-License-Identifier: MIT
/*
 * What the agent gives up for good once its configuration is read, so that a fault in a parser or a
 * plugin is worth less to whoever finds it:
 *
 *   capabilities   all but those that reading logs, writing files and binding ports take
 *   no_new_privs   no program that it starts can gain rights by setuid or file capabilities
 *   landlock       the folders of the system (/usr but for /usr/local, /etc, /boot, /proc, ...) can't
 *                  be written, whatever the user of the agent may
 *   seccomp        system calls of administrators and debuggers are refused with EPERM, and said
 *
 * Programs that the agent starts (credential_process, plugins that run commands) inherit all of it, and a
 * reload may bring any path: so reading is not restricted, and writing only where no log goes. What
 * the kernel does not have is left out, with the reason in the status.
 *
 * Entered by one thread before others exist: threads inherit it.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/buffer.h"

struct sandbox;

/* Fails without memory only; parts that are not to be had are in the status. */
int sandbox_enter(struct sandbox **ret_sandbox, struct weir_error *error);
/* Ends the reporting of denied calls; what was given up stays given up. */
void sandbox_destroy(struct sandbox *sandbox);
/* Appends "on", and what is not in force with the reason. */
void sandbox_describe(const struct sandbox *sandbox, struct buffer *out);
/* {"capabilities":null,"landlock":"why not",...,"denied":0}: null is active. Any thread. */
int sandbox_status(const struct sandbox *sandbox, struct buffer *out);

#endif
