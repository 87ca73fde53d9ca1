// SPDX-License-Identifier: MIT
#include "pipeline/rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "pipeline/field_check.h"
#include "pipeline/probe.h"

/* What a child exits with at the end; a plugin that exits by itself won't guess it. */
#define REHEARSAL_DONE 83

/* Of one pipeline's stages, that weir check shows at most. */
#define FINDINGS_MAX 32

/* Shared with the child. */
struct rehearsal {
	size_t pipeline; /* index in the configuration */
	struct rehearsal_step step;
	struct agent_checks checks;
	int no_child; /* errno: there is no process for it */
	int one;      /* this pipeline only, and why it is refused: */
	struct weir_error refusal;
	uint32_t finding_count; /* what is wrong with it, or with things as they are now */
	struct {
		struct weir_error what;
		int is_error;
	} findings[FINDINGS_MAX];
};

void rehearsal_enter(struct rehearsal_step *step, const char *plugin)
{
	snprintf(step->plugin, sizeof(step->plugin), "%s", plugin);
	atomic_fetch_add_explicit(&step->number, 1, memory_order_relaxed);
}

/* What the child says is said again by the agent itself. */
static void be_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

static void note_plugin(void *user, const struct weir_plugin *plugin)
{
	struct rehearsal *shared = user;

	rehearsal_enter(&shared->step, plugin->name);
}

static void note_finding(void *user, const struct weir_error *finding, int is_error)
{
	struct rehearsal *shared = user;

	if (shared->finding_count == FINDINGS_MAX)
		return;
	shared->findings[shared->finding_count].what = *finding;
	shared->findings[shared->finding_count++].is_error = is_error;
}

static void note_warning(void *user, const struct weir_error *warning)
{
	note_finding(user, warning, 0);
}

static void rehearse_stage(struct weir_context *stage, struct rehearsal *shared)
{
	const struct weir_plugin *plugin = stage->plugin;
	int32_t (*check)(void *, struct weir_error *) = plugin->kind == WEIR_INPUT
								? STAGE_OP(plugin->input, check)
								: STAGE_OP(plugin->output, check);
	struct weir_error warning = {.line = stage->config->line, .column = stage->config->column};

	rehearsal_enter(&shared->step, plugin->name);
	if (shared->checks.online_ns && probe_is_possible(stage))
		return;
	if (check && check(stage->instances[0], &warning) < 0)
		note_warning(shared, &warning);
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

static void rehearse_checks(struct pipeline *pipeline, struct rehearsal *shared)
{
	field_check(pipeline, &(struct field_listener){note_plugin, note_warning, shared});
	if (!shared->checks.offline)
		rehearse_surroundings(pipeline, shared);
	if (shared->checks.online_ns)
		probe_run(pipeline, shared->checks.online_ns,
			  &(struct probe_listener){note_plugin, note_finding, shared});
}

static void rehearse(struct agent *agent, struct rehearsal *shared)
{
	const struct config *config = agent->config;
	struct weir_error error;

	be_quiet();
	agent->host.creating = &shared->step;
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
		else if (shared->one)
			rehearse_checks(pipeline, shared);
		if (shared->one)
			break;
	}
	_exit(REHEARSAL_DONE);
}

static char *verdict(const struct agent *agent, const struct rehearsal *shared, int status,
		     int in_time)
{
	char how[96], *text;

	if (!in_time)
		snprintf(how, sizeof(how), "does not come back within %g s when it is created",
			 (double)agent->config->load_timeout_ns / (double)NS_PER_SECOND);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "crashes when it is created (%s)",
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, sizeof(how), "ends the process when it is created (exit status %d)",
			 WEXITSTATUS(status));
	if (asprintf(&text,
		     "plugin \"%s\" %s; remove it from this pipeline, or install a version of it "
		     "that works",
		     shared->step.plugin, how) < 0)
		return NULL;
	return text;
}

/* As long as it makes its steps in time. 0: the last one has taken too long. */
static int await_child(pid_t child, uint64_t limit_ns, const struct rehearsal *shared)
{
	uint32_t before, now = atomic_load(&shared->step.number);

	do {
		before = now;
		if (child_await(child, limit_ns))
			return 1;
		now = atomic_load(&shared->step.number);
	} while (now != before);
	return 0;
}

/* Returns 0 when there is nothing left to rehearse. */
static int rehearse_in_child(struct agent *agent, struct rehearsal *shared)
{
	pid_t child = child_fork();
	int status, in_time;

	if (child == 0)
		rehearse(agent, shared);
	if (child < 0) {
		shared->no_child = errno;
		return 0;
	}
	in_time = await_child(child, agent->config->load_timeout_ns, shared);
	if (!in_time)
		(void)kill(child, SIGKILL);
	if (child_reap(child, &status) < 0 ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == REHEARSAL_DONE))
		return 0;
	agent->crashes[shared->pipeline] = verdict(agent, shared, status, in_time);
	return ++shared->pipeline < agent->config->pipeline_count;
}

static struct rehearsal *shared_memory(void)
{
	return mmap(NULL, sizeof(struct rehearsal), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void rehearsal_check(struct agent *agent, struct config *config, const struct agent_checks *checks)
{
	struct rehearsal *shared = shared_memory();

	if (shared == MAP_FAILED)
		return;
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const char *path = config->pipelines[i].path;

		*shared = (struct rehearsal){.pipeline = i, .one = 1, .checks = *checks};
		rehearse_in_child(agent, shared);
		if (shared->no_child)
			config_add_problem(config, CONFIG_WARNING, path, 0, 0,
					   "its plugins were not tried out: no process can be "
					   "started for that (%s); raise the limit of processes",
					   strerror(shared->no_child));
		if (agent->crashes[i])
			config_add_problem(config, CONFIG_ERROR, path, 0, 0, "%s",
					   agent->crashes[i]);
		else if (shared->refusal.code)
			config_add_problem(config, CONFIG_ERROR, path, shared->refusal.line,
					   shared->refusal.column, "%s", shared->refusal.text);
		for (uint32_t f = 0; f < shared->finding_count; f++)
			config_add_problem(
				config,
				shared->findings[f].is_error ? CONFIG_ERROR : CONFIG_WARNING, path,
				shared->findings[f].what.line, shared->findings[f].what.column,
				"%s", shared->findings[f].what.text);
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
