// SPDX-License-Identifier: MIT
#include "pipeline/rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child exits with at the end; a plugin that exits by itself won't guess it. */
#define REHEARSAL_DONE 83

/* Warnings of one pipeline's stages that weir check shows, at most. */
#define WARNINGS_MAX 32

/* Shared with the child. */
struct rehearsal {
	size_t pipeline; /* index in the configuration */
	char plugin[64]; /* that is being started or created */
	int offline;     /* leave the surroundings out */
	int one;         /* this pipeline only, and why it is refused: */
	struct weir_error refusal;
	uint32_t warning_count; /* of what its plugins say of things as they are now */
	struct weir_error warnings[WARNINGS_MAX];
};

/* What the child says is said again by the agent itself. */
static void be_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

static void rehearse_stage(struct weir_context *stage, struct rehearsal *shared)
{
	const struct weir_plugin *plugin = stage->plugin;
	int32_t (*check)(void *, struct weir_error *) = plugin->kind == WEIR_INPUT
								? STAGE_OP(plugin->input, check)
								: STAGE_OP(plugin->output, check);
	struct weir_error warning = {.line = stage->config->line, .column = stage->config->column};

	snprintf(shared->plugin, sizeof(shared->plugin), "%s", plugin->name);
	if (check && shared->warning_count < WARNINGS_MAX &&
	    check(stage->instances[0], &warning) < 0)
		shared->warnings[shared->warning_count++] = warning;
}

/* What stands in the way of the pipeline now, if its plugins can tell. */
static void rehearse_surroundings(struct pipeline *pipeline, struct rehearsal *shared)
{
	for (uint32_t i = 0; i < pipeline->input_count; i++)
		rehearse_stage(pipeline->inputs[i], shared);
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		rehearse_stage(pipeline->outputs[i], shared);
	for (uint32_t i = 0; i < pipeline->dead_count; i++)
		rehearse_stage(pipeline->dead_outputs[i], shared);
}

static void rehearse(struct agent *agent, struct rehearsal *shared)
{
	const struct config *config = agent->config;
	struct weir_error error;

	be_quiet();
	agent->host.creating = shared->plugin;
	if (loop_create(&agent->host.loop, &error) < 0 ||
	    scheduler_create(config->workers, &agent->host.scheduler, &error) < 0)
		_exit(REHEARSAL_DONE);
	for (size_t i = shared->pipeline; i < config->pipeline_count; i++) {
		struct pipeline *pipeline;

		shared->pipeline = i;
		error = (struct weir_error){0};
		if (config->pipelines[i].broken)
			pipeline = NULL;
		else if (agent_prepare(agent,
				       &(struct agent_plan){.owner = agent->config,
							    .config = &config->pipelines[i],
							    .memory_bytes = config->memory_limit},
				       &pipeline, &error) < 0)
			shared->refusal = error;
		else if (shared->one && !shared->offline)
			rehearse_surroundings(pipeline, shared);
		if (shared->one)
			break;
	}
	_exit(REHEARSAL_DONE);
}

static char *verdict(const struct rehearsal *shared, int status)
{
	char *text = NULL;
	int size;

	if (WIFSIGNALED(status))
		size = asprintf(
			&text,
			"plugin \"%s\" crashes when it is created (%s); remove it from this "
			"pipeline, or install a version of it that works",
			shared->plugin, strsignal(WTERMSIG(status)));
	else
		size = asprintf(
			&text,
			"plugin \"%s\" ends the process when it is created (exit status %d); "
			"remove it from this pipeline, or install a version of it that works",
			shared->plugin, WEXITSTATUS(status));
	return size < 0 ? NULL : text;
}

/* Returns 0 when there is nothing left to rehearse. */
static int rehearse_in_child(struct agent *agent, struct rehearsal *shared)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		rehearse(agent, shared);
	if (child < 0)
		return 0;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == REHEARSAL_DONE)
		return 0;
	agent->crashes[shared->pipeline] = verdict(shared, status);
	return ++shared->pipeline < agent->config->pipeline_count;
}

static struct rehearsal *shared_memory(void)
{
	return mmap(NULL, sizeof(struct rehearsal), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void rehearsal_check(struct agent *agent, struct config *config, int offline)
{
	struct rehearsal *shared = shared_memory();

	if (shared == MAP_FAILED)
		return;
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const char *path = config->pipelines[i].path;

		*shared = (struct rehearsal){.pipeline = i, .one = 1, .offline = offline};
		rehearse_in_child(agent, shared);
		if (agent->crashes[i])
			config_add_problem(config, CONFIG_ERROR, path, 0, 0, "%s",
					   agent->crashes[i]);
		else if (shared->refusal.code)
			config_add_problem(config, CONFIG_ERROR, path, shared->refusal.line,
					   shared->refusal.column, "%s", shared->refusal.text);
		for (uint32_t w = 0; w < shared->warning_count; w++)
			config_add_problem(config, CONFIG_WARNING, path, shared->warnings[w].line,
					   shared->warnings[w].column, "%s",
					   shared->warnings[w].text);
	}
	munmap(shared, sizeof(*shared));
}

void rehearsal_run(struct agent *agent)
{
	struct rehearsal *shared = shared_memory();

	if (shared == MAP_FAILED)
		return;
	while (rehearse_in_child(agent, shared))
		;
	munmap(shared, sizeof(*shared));
}
