// SPDX-License-Identifier: MIT
#include "base/child.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret_list.h"

#define STEP_NS (2 * NS_PER_MS) /* where the kernel has no pidfd_open() */

static int has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       info.si_pid == pid;
}

/* The log calls nothing that adds a secret, so the order is free. */
pid_t child_fork(void)
{
	pid_t child;

	log_hold();
	secret_list_hold();
	child = fork();
	secret_list_let_go();
	log_let_go();
	return child;
}

int child_await(pid_t pid, uint64_t patience_ns)
{
	uint64_t until = clock_monotonic_ns() + patience_ns;
	struct pollfd ended = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
	int done;

	while (!(done = has_ended(pid))) {
		uint64_t now = clock_monotonic_ns();

		if (now >= until)
			break;
		(void)poll(&ended, ended.fd >= 0,
			   (int)((ended.fd >= 0 ? until - now : STEP_NS) / NS_PER_MS) + 1);
	}
	if (ended.fd >= 0)
		close(ended.fd);
	return done;
}

int child_reap(pid_t pid, int *ret_status)
{
	pid_t got;

	do {
		got = waitpid(pid, ret_status, 0);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -1 : 0;
}
