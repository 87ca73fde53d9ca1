// SPDX-License-Identifier: MIT
#include "pipeline/rest.h"

#include "base/clock.h"
#include "pipeline/source_internal.h"

/* The longest rest, and that of outputs without a linger of their own. */
#define REST_MAX_NS (5 * (uint64_t)NS_PER_MS)
#define REST_PART_OF_LINGER 5

/* The resting sources; each brings a reference. */
static struct source *take_all(struct pipeline *pipeline)
{
	struct source *all;

	pthread_mutex_lock(&pipeline->lock);
	all = pipeline->resting;
	pipeline->resting = NULL;
	pthread_mutex_unlock(&pipeline->lock);
	return all;
}

static void end_rest(void *user)
{
	struct pipeline *pipeline = user;
	struct source *source = take_all(pipeline), *next;

	for (; source; source = next) {
		int state = SOURCE_RESTING;

		next = source->resting_next;
		if (!atomic_compare_exchange_strong(&source->state, &state, SOURCE_IDLE)) {
			source->was_resting = 1;
			source_requeue(source);
		}
		source_unref(&source->view);
	}
}

void rest_init(struct pipeline *pipeline)
{
	pipeline->rest_timer.call = end_rest;
	pipeline->rest_timer.user = pipeline;
	pipeline->rest_ns = pipeline->host->once ? 0 : REST_MAX_NS;
	for (uint32_t i = 0; i < pipeline->output_count; i++) {
		uint64_t linger = pipeline->outputs[i]->config->linger_ns;

		if (linger != WEIR_TIMER_OFF && linger / REST_PART_OF_LINGER < pipeline->rest_ns)
			pipeline->rest_ns = linger / REST_PART_OF_LINGER;
	}
}

/* It was read a moment ago, or rested before this turn; and nothing is in a hurry. */
static int is_busy(struct source *source)
{
	uint64_t now = clock_monotonic_ns();
	int busy = source->was_resting || now - source->turn_ns < source->pipeline->rest_ns;

	source->was_resting = 0;
	source->turn_ns = now;
	return busy && now >= atomic_load(&source->input->no_rest_before_ns);
}

int rest_begin(struct source *source)
{
	struct pipeline *pipeline = source->pipeline;
	int state = SOURCE_RUNNING, is_first;

	if (source->is_volatile || pipeline->rest_ns == 0 || !is_busy(source) ||
	    !pipeline_is_reading(pipeline))
		return 0;
	source_ref(source);
	if (!atomic_compare_exchange_strong(&source->state, &state, SOURCE_RESTING))
		atomic_store(&source->state, SOURCE_RESTING_READY); /* it was AGAIN */
	pthread_mutex_lock(&pipeline->lock);
	is_first = !pipeline->resting;
	source->resting_next = pipeline->resting;
	pipeline->resting = source;
	pthread_mutex_unlock(&pipeline->lock);
	if (is_first &&
	    loop_timer_set(pipeline->host->loop, &pipeline->rest_timer, pipeline->rest_ns))
		end_rest(pipeline);
	return 1;
}

void rest_forgo(struct weir_context *input, uint64_t ns)
{
	struct pipeline *pipeline = input->pipeline;
	int any_rests;

	atomic_store(&input->no_rest_before_ns, clock_monotonic_ns() + ns);
	pthread_mutex_lock(&pipeline->lock);
	any_rests = pipeline->resting != NULL;
	pthread_mutex_unlock(&pipeline->lock);
	if (any_rests)
		loop_timer_set(pipeline->host->loop, &pipeline->rest_timer, 0);
}

/* On the loop's thread, so that the timer's call is not at work meanwhile. */
static void cancel(void *user)
{
	struct pipeline *pipeline = user;
	struct source *source = take_all(pipeline), *next;

	loop_timer_stop(pipeline->host->loop, &pipeline->rest_timer);
	for (; source; source = next) {
		next = source->resting_next;
		atomic_store(&source->state, SOURCE_PARKED);
		source_unref(&source->view);
	}
}

void rest_stop(struct pipeline *pipeline)
{
	if (pipeline->host->loop)
		loop_run(pipeline->host->loop, cancel, pipeline);
}
