// SPDX-License-Identifier: MIT
#include "isolate/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "base/child.h"

/* Descriptors from here on are in nobody's way when the sockets get their numbers in the process. */
#define OUT_OF_THE_WAY 16

extern char **environ;

static int pair(int ret_ends[2])
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	for (int i = 0; i < 2; i++) {
		ret_ends[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
		close(ends[i]);
	}
	return ret_ends[0] < 0 || ret_ends[1] < 0 ? -1 : 0;
}

static void close_pair(int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

static int spawn(const char *title, int messages, int questions, pid_t *ret_pid)
{
	char parent[24];
	char *const arguments[] = {(char[]){"weir"}, (char[]){ISOLATED_COMMAND}, parent,
				   (char *)(uintptr_t)title, NULL};
	posix_spawn_file_actions_t actions;
	int failed;

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	if (posix_spawn_file_actions_init(&actions))
		return ENOMEM;
	failed = posix_spawn_file_actions_adddup2(&actions, messages, ISOLATED_MESSAGES);
	if (!failed)
		failed = posix_spawn_file_actions_adddup2(&actions, questions, ISOLATED_QUESTIONS);
	if (!failed)
		failed = posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return failed;
}

int process_start(const char *title, struct process *ret_process, struct weir_error *error)
{
	int messages[2] = {-1, -1}, questions[2] = {-1, -1};
	int failed = pair(messages) || pair(questions) ? errno : 0;

	if (!failed)
		failed = spawn(title, messages[1], questions[1], &ret_process->pid);
	if (failed) {
		close_pair(messages);
		close_pair(questions);
		return weir_fail(error, WEIR_ERR_IO, "can't start a process: %s", strerror(failed));
	}
	close(messages[1]);
	close(questions[1]);
	ret_process->messages = messages[0];
	ret_process->questions = questions[0];
	return 0;
}

void process_end(struct process *process, uint64_t patience_ns, char *ret_how, size_t size)
{
	int status = 0;

	if (!child_await(process->pid, patience_ns))
		(void)kill(process->pid, SIGKILL);
	if (child_reap(process->pid, &status) < 0)
		snprintf(ret_how, size, "ended");
	else if (WIFSIGNALED(status))
		snprintf(ret_how, size, "was ended by SIG%s",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		snprintf(ret_how, size, "ended with exit status %d", WEXITSTATUS(status));
	close(process->messages);
	close(process->questions);
	process->pid = 0;
}

uint64_t process_memory(pid_t pid)
{
	char path[48];
	unsigned long long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
