// SPDX-License-Identifier: MIT
/*
 * The process of an isolated plugin, as the agent sees it: the agent's own program, started anew, with two
 * sockets and nothing else of the agent's. It inherits the sandbox, ends with the agent, and heeds no
 * signal that is meant for it.
 */
#ifndef ISOLATE_PROCESS_H
#define ISOLATE_PROCESS_H

#include <sys/types.h>
#include <weir/abi.h>

/* The word after the program's name by which it knows that it is one, and where it finds the sockets. */
#define ISOLATED_COMMAND "isolated"
#define ISOLATED_MESSAGES 3
#define ISOLATED_QUESTIONS 4

struct process {
	pid_t pid;
	int messages, questions; /* the agent's ends */
};

/* `title` is for who looks at the list of processes. */
int process_start(const char *title, struct process *ret_process, struct weir_error *error);
/* Waits until it has ended, with SIGKILL after so long (0 = at once), and closes the sockets. ret_how: "was
 * ended by SIGSEGV", "ended with exit status 1". */
void process_end(struct process *process, uint64_t patience_ns, char *ret_how, size_t size);
/* Resident memory in bytes; 0 when it can't be told. */
uint64_t process_memory(pid_t pid);

#endif
