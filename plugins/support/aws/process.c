// SPDX-License-Identifier: MIT
#include "support/aws/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESS_WORDS_MAX 64
#define PROCESS_OUTPUT_MAX (64 << 10)
#define PROCESS_TIME_MS 60000

extern char **environ;

struct process {
	pthread_t thread;
	void (*done)(void *user);
	void *user;
	char *line;
	char *words[PROCESS_WORDS_MAX + 1];
	int cancel[2]; /* a byte in it ends the waiting */
	/* Written by the thread before done(), read after it. */
	struct text output;
	struct weir_error problem;
};

int process_split(char *line, char **ret_words, int words_max)
{
	char *from = line, *to = line;
	int count = 0;

	while (count < words_max) {
		char quote = 0;

		while (*from == ' ' || *from == '\t')
			from++;
		if (!*from)
			return count;
		ret_words[count++] = to;
		for (; *from && (quote || (*from != ' ' && *from != '\t')); from++) {
			if (*from == quote)
				quote = 0;
			else if (!quote && (*from == '"' || *from == '\''))
				quote = *from;
			else if (*from == '\\' && quote != '\'' && from[1])
				*to++ = *++from;
			else
				*to++ = *from;
		}
		if (quote)
			return -1;
		from += *from != '\0';
		*to++ = '\0';
	}
	return -1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Up to the end of what the command prints; 0, or why it cannot be used. */
static const char *read_output(struct process *p, int fd)
{
	int64_t end = now_ms() + PROCESS_TIME_MS;
	struct pollfd wait[2] = {{.fd = fd, .events = POLLIN},
				 {.fd = p->cancel[0], .events = POLLIN}};
	char buffer[4096];
	ssize_t size;

	for (;;) {
		int64_t left = end - now_ms();
		int ready = poll(wait, 2, left > 0 ? (int)left : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return "took longer than a minute";
		if (ready < 0 || wait[1].revents)
			return "was ended";
		size = read(fd, buffer, sizeof(buffer));
		if (size == 0)
			return NULL;
		if (size < 0 || p->output.size + (size_t)size > PROCESS_OUTPUT_MAX)
			return "printed too much";
		text_add(&p->output, buffer, (size_t)size);
		explicit_bzero(buffer, sizeof(buffer));
	}
}

static int spawn(struct process *p, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int code;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	code = posix_spawnp(ret_pid, p->words[0], &actions, &attributes, p->words, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return code;
}

static void judge(struct process *p, const char *why, int status)
{
	if (why)
		weir_fail(&p->problem, WEIR_ERR_IO, "credential_process %s: it %s", p->words[0],
			  why);
	else if (!WIFEXITED(status) || WEXITSTATUS(status))
		weir_fail(&p->problem, WEIR_ERR_IO, "credential_process %s failed with %s %d",
			  p->words[0], WIFEXITED(status) ? "exit code" : "signal",
			  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void *run(void *user)
{
	struct process *p = user;
	int out[2], status = 0, code;
	const char *why;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC)) {
		weir_fail(&p->problem, WEIR_ERR_IO, "credential_process: no pipe: %m");
		goto out;
	}
	code = spawn(p, out[1], &pid);
	close(out[1]);
	if (code) {
		weir_fail(&p->problem, WEIR_ERR_IO, "credential_process %s: %s", p->words[0],
			  strerror(code));
	} else {
		why = read_output(p, out[0]);
		if (why)
			kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		judge(p, why, status);
	}
	close(out[0]);
out:
	p->done(p->user);
	return NULL;
}

int32_t process_start(const char *command, void (*done)(void *user), void *user,
		      struct process **ret_process, struct weir_error *error)
{
	struct process *p = calloc(1, sizeof(*p));
	int words;

	if (!p || pipe2(p->cancel, O_CLOEXEC)) {
		free(p);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for credential_process");
	}
	p->done = done;
	p->user = user;
	p->line = strdup(command);
	words = p->line ? process_split(p->line, p->words, PROCESS_WORDS_MAX) : -1;
	if (words <= 0 || pthread_create(&p->thread, NULL, run, p)) {
		close(p->cancel[0]);
		close(p->cancel[1]);
		free(p->line);
		free(p);
		return weir_fail(error, WEIR_ERR_INVALID, "credential_process is no command line");
	}
	*ret_process = p;
	return 0;
}

int32_t process_output(struct process *process, struct weir_slice *ret_output,
		       struct weir_error *error)
{
	if (process->problem.code)
		return weir_fail(error, process->problem.code, "%s", process->problem.text);
	*ret_output = text_slice(&process->output);
	return 0;
}

void process_free(struct process *process)
{
	if (!process)
		return;
	(void)!write(process->cancel[1], "", 1);
	pthread_join(process->thread, NULL);
	close(process->cancel[0]);
	close(process->cancel[1]);
	text_done(&process->output);
	free(process->line);
	free(process);
}
