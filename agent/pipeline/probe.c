// SPDX-License-Identifier: MIT
#include "pipeline/probe.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

/* Between two signs of life for whoever watches over the check. */
#define TICK_NS ((uint64_t)(100 * NS_PER_MS))

/* What all of them share. */
struct round {
	pthread_mutex_t lock; /* guards the probes, too */
	pthread_cond_t answered;
	uint32_t pending;
};

struct probe {
	struct round *round;
	struct weir_context *stage;
	int done;
	struct weir_error finding; /* code 0: none */
};

int probe_is_possible(const struct weir_context *output)
{
	return output->plugin->kind == WEIR_OUTPUT &&
	       STAGE_OP(output->plugin->output, probe) != NULL;
}

void probe_stage_done(struct weir_context *stage, const struct weir_error *finding)
{
	struct probe *probe = stage->probe;

	if (!probe)
		return;
	pthread_mutex_lock(&probe->round->lock);
	if (!probe->done) {
		probe->done = 1;
		if (finding)
			probe->finding = *finding;
		probe->round->pending--;
		pthread_cond_signal(&probe->round->answered);
	}
	pthread_mutex_unlock(&probe->round->lock);
}

static void probe_begin(struct round *round, struct weir_context *stage, struct probe *probe)
{
	struct weir_error error = {0};

	*probe = (struct probe){.round = round, .stage = stage};
	stage->probe = probe;
	pthread_mutex_lock(&round->lock);
	round->pending++;
	pthread_mutex_unlock(&round->lock);
	pthread_mutex_lock(&stage->lock);
	error.code = stage->plugin->output->probe(stage->instances[0], &error);
	pthread_mutex_unlock(&stage->lock);
	if (error.code < 0)
		probe_stage_done(stage, &error);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* At most for a tick, with the lock held. */
static void await_answer(struct round *round, uint64_t until_ns)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t due_ns = now_ns + TICK_NS < until_ns ? now_ns + TICK_NS : until_ns;
	struct timespec due = {.tv_sec = (time_t)(due_ns / (uint64_t)NS_PER_SECOND),
			       .tv_nsec = (long)(due_ns % (uint64_t)NS_PER_SECOND)};

	(void)pthread_cond_timedwait(&round->answered, &round->lock, &due);
}

static void await_all(struct round *round, const struct probe *probes, uint32_t count,
		      uint64_t until_ns, const struct probe_listener *listener)
{
	pthread_mutex_lock(&round->lock);
	while (round->pending && clock_monotonic_ns() < until_ns) {
		uint32_t first = 0;

		while (first < count - 1 && probes[first].done)
			first++;
		listener->waiting(listener->user, probes[first].stage->plugin);
		await_answer(round, until_ns);
	}
	pthread_mutex_unlock(&round->lock);
}

/* ---- findings -------------------------------------------------------------------------------- */

static void set_silent(struct probe *probe, uint64_t limit_ns)
{
	struct weir_context *stage = probe->stage;

	pthread_mutex_lock(&stage->deliveries_lock);
	(void)weir_fail(
		&probe->finding, WEIR_ERR_IO,
		"the destination has not answered within %.3g s%s%.300s; records wait until "
		"it does",
		(double)limit_ns / (double)NS_PER_SECOND, stage->stalled ? ": " : "",
		stage->stalled ? stage->stalled : "");
	pthread_mutex_unlock(&stage->deliveries_lock);
}

static void tell(struct probe *probe, uint64_t limit_ns, const struct probe_listener *listener)
{
	const struct config_stage *config = probe->stage->config;
	struct round *round = probe->round;

	pthread_mutex_lock(&round->lock);
	if (!probe->done) {
		probe->done = 1;
		set_silent(probe, limit_ns);
	}
	pthread_mutex_unlock(&round->lock);
	if (!probe->finding.code)
		return;
	if (!probe->finding.line) {
		probe->finding.line = config->line;
		probe->finding.column = config->column;
	}
	listener->found(listener->user, &probe->finding,
			probe->finding.code != WEIR_ERR_IO &&
				probe->finding.code != WEIR_ERR_STATE);
}

/* ---- all of a pipeline ----------------------------------------------------------------------- */

static uint32_t begin_all(struct round *round, struct weir_context *const *outputs, uint32_t count,
			  struct probe *probes)
{
	uint32_t begun = 0;

	for (uint32_t i = 0; i < count; i++)
		if (probe_is_possible(outputs[i]))
			probe_begin(round, outputs[i], &probes[begun++]);
	return begun;
}

void probe_run(struct pipeline *pipeline, uint64_t limit_ns, const struct probe_listener *listener)
{
	struct round round = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct probe *probes =
		calloc(pipeline->output_count + pipeline->dead_count + 1, sizeof(*probes));
	pthread_condattr_t attributes;
	struct weir_error error;
	uint32_t count;

	if (!probes || loop_start(pipeline->host->loop, &error) < 0)
		goto out;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&round.answered, &attributes);
	count = begin_all(&round, pipeline->outputs, pipeline->output_count, probes);
	count += begin_all(&round, pipeline->dead_outputs, pipeline->dead_count, probes + count);
	if (count)
		await_all(&round, probes, count, clock_monotonic_ns() + limit_ns, listener);
	for (uint32_t i = 0; i < count; i++)
		tell(&probes[i], limit_ns, listener);
	loop_stop(pipeline->host->loop); /* no more answers */
	for (uint32_t i = 0; i < count; i++)
		probes[i].stage->probe = NULL;
	pthread_cond_destroy(&round.answered);
	pthread_condattr_destroy(&attributes);
out:
	free(probes);
}
