// SPDX-License-Identifier: MIT
#include "cli/try_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/document.h"
#include "pipeline/reload.h"

#define ANSWER_MAX (4u << 20)
/* A plugin that needs longer to look at its options hangs. */
#define TRY_OUT_LIMIT_NS (30 * (uint64_t)NS_PER_SECOND)
#define FIXED_ARGUMENTS 6

extern char **environ;

/* The process has the signals blocked and the ignored ones that the agent has; the child must not. */
static int run_child(char **arguments, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, standard;
	int status;

	sigemptyset(&none);
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	sigaddset(&standard, SIGXFSZ);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &standard);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	status = posix_spawn(ret_pid, "/proc/self/exe", &files, &attributes, arguments, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return status;
}

/* Returns 0 at the end of the answer, else -1. */
static int read_answer(int fd, struct buffer *answer)
{
	uint64_t until = clock_monotonic_ns() + TRY_OUT_LIMIT_NS;
	ssize_t got = 1;

	while (got > 0) {
		struct pollfd ready = {fd, POLLIN, 0};
		uint64_t now = clock_monotonic_ns();

		if (now >= until || answer->size > ANSWER_MAX || !buffer_reserve(answer, 65536) ||
		    poll(&ready, 1, (int)((until - now) / NS_PER_MS) + 1) <= 0)
			return -1;
		got = read(fd, answer->data + answer->size, 65536);
		if (got > 0)
			answer->size += (size_t)got;
	}
	return got < 0 ? -1 : 0;
}

/* What the check says, or -1: it hangs, or could not be asked. */
static int ask(char **arguments, struct buffer *answer, int *ret_hangs)
{
	int pipe_fds[2], status = -1;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -1;
	if (run_child(arguments, pipe_fds[1], &pid) == 0) {
		close(pipe_fds[1]);
		pipe_fds[1] = -1;
		status = read_answer(pipe_fds[0], answer);
		*ret_hangs = status < 0;
		if (status < 0)
			(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pipe_fds[0]);
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	return status;
}

static struct config_pipeline *find_path(struct config *config, struct weir_slice path)
{
	for (size_t i = 0; i < config->pipeline_count; i++)
		if (weir_slice_equals(path, config->pipelines[i].path))
			return &config->pipelines[i];
	return NULL;
}

static void take_problem(struct config *config, struct scratch *scratch, struct weir_slice problem)
{
	struct weir_slice text = document_text(scratch, problem, "text");
	struct config_pipeline *pipeline =
		find_path(config, document_text(scratch, problem, "path"));

	if (!pipeline || pipeline->broken ||
	    !weir_slice_equals(document_text(scratch, problem, "severity"), "error"))
		return;
	config_add_problem(config, CONFIG_ERROR, pipeline->path,
			   (uint32_t)document_number(scratch, problem, "line"),
			   (uint32_t)document_number(scratch, problem, "column"), "%.*s",
			   (int)text.size, text.data);
}

static void take_answer(struct config *config, const struct buffer *answer)
{
	struct scratch scratch = {.limit = ANSWER_MAX};
	struct weir_slice whole = {answer->data, answer->size};
	struct json_walk walk = json_walk_start(document_nested(&scratch, whole, "problems"));
	struct weir_slice key, problem;
	size_t first = config->problem_count;

	while (json_walk_next(&walk, &key, &problem))
		take_problem(config, &scratch, problem);
	for (; first < config->problem_count; first++)
		find_path(config, weir_slice_of(config->problems[first].path))->broken = 1;
	scratch_done(&scratch);
}

static void take_hang(struct config *config, const struct agent *agent)
{
	for (size_t i = 0; i < config->pipeline_count; i++) {
		struct config_pipeline *pipeline = &config->pipelines[i];

		if (pipeline->broken || agent_runs(agent, pipeline))
			continue;
		pipeline->broken = 1;
		config_add_problem(
			config, CONFIG_ERROR, pipeline->path, 0, 0,
			"a plugin of this pipeline, or of another that has changed, does "
			"not come to an end when it is created; see weir check");
	}
}

void try_out(struct config *config, const struct agent *agent)
{
	static char command[] = "weir", check[] = "check", offline[] = "--offline",
		    json[] = "--json", option[] = "-c";
	char **arguments = calloc(config->pipeline_count + FIXED_ARGUMENTS + 1, sizeof(char *));
	struct buffer answer = {0};
	int count = FIXED_ARGUMENTS, hangs = 0;

	if (!arguments)
		return;
	memcpy(arguments, (char *[]){command, check, offline, json, option, config->path},
	       FIXED_ARGUMENTS * sizeof(char *));
	for (size_t i = 0; i < config->pipeline_count; i++)
		if (!config->pipelines[i].broken && !agent_runs(agent, &config->pipelines[i]))
			arguments[count++] = config->pipelines[i].path;
	if (count > FIXED_ARGUMENTS && ask(arguments, &answer, &hangs) == 0)
		take_answer(config, &answer);
	else if (hangs)
		take_hang(config, agent);
	else if (count > FIXED_ARGUMENTS)
		log_line(WEIR_LOG_WARNING, "agent", "reload",
			 "the new pipelines could not be tried out in another process");
	buffer_done(&answer);
	free(arguments);
}
