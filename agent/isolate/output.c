// SPDX-License-Identifier: MIT
#include "isolate/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "isolate/output_internal.h"

#define ENDED_NS ((uint64_t)NS_PER_SECOND)

/* The thread is awake. */
static void take_wake(const struct isolated_output *output)
{
	uint64_t count;

	(void)!read(output->wake, &count, sizeof(count));
}

/* ---- when a process is lost; on the thread --------------------------------------------------- */

static int is_stopping(struct isolated_output *output)
{
	int stopping;

	pthread_mutex_lock(&output->lock);
	stopping = output->is_stopping;
	pthread_mutex_unlock(&output->lock);
	return stopping;
}

/* Ends early when the output is to stop. */
static void wait_ns(struct isolated_output *output, uint64_t ns)
{
	struct pollfd wake = {output->wake, POLLIN, 0};
	uint64_t now = clock_monotonic_ns(), until = now + ns;

	for (; now < until && !is_stopping(output); now = clock_monotonic_ns()) {
		(void)poll(&wake, 1, (int)((until - now) / NS_PER_MS) + 1);
		take_wake(output);
	}
}

static void output_lost(struct isolated_output *output, const char *doing, uint64_t patience_ns)
{
	struct weir_context *stage = output->link.stage;
	uint64_t records, wait;

	pthread_mutex_lock(&output->lock);
	output->is_up = 0;
	pthread_mutex_unlock(&output->lock);
	link_lost(&output->link, doing, patience_ns, &wait);
	metric_set(stage->http_in_flight, 0);
	stage_full(stage, 0);
	pthread_mutex_lock(&output->lock);
	records = output_take_back(output);
	pthread_mutex_unlock(&output->lock);
	metric_add(stage->repeated, (int64_t)records);
	wait_ns(output, wait);
}

static int start_plugin(struct isolated_output *output, struct weir_error *error)
{
	struct answer answer;
	struct did entry;

	if (link_call_plugin(&output->link, CALL_START, 0, &answer) != LINK_ANSWERED) {
		uint64_t wait;

		link_lost(&output->link, "in start()", ENDED_NS, &wait);
		return weir_fail(error, WEIR_ERR_IO, "its process ended in start()");
	}
	while (did_next(&answer.list, &entry))
		(void)link_does(&output->link, &entry);
	*error = answer.error;
	answer_free(&answer);
	if (error->code < 0)
		link_down(&output->link, NULL, NULL);
	return error->code;
}

static int is_over(struct isolated_output *output)
{
	return is_stopping(output) || pipeline_has_failed(output->link.stage->pipeline);
}

/* Another process, with all that has no outcome. */
static void output_up(struct isolated_output *output)
{
	struct weir_context *stage = output->link.stage;
	struct weir_error error = {0};
	int status = 0;

	for (uint32_t starts = 0; starts < STARTS_MAX && !is_over(output); starts++) {
		wait_ns(output, starts ? NS_PER_MS * 10u << starts : 0);
		status = link_up(&output->link, &error);
		if (status == 0)
			status = start_plugin(output, &error);
		if (status == 0)
			break;
	}
	if (status < 0 && !is_stopping(output))
		pipeline_fail(stage->pipeline, "output %s: %s", stage->config->name, error.text);
	pthread_mutex_lock(&output->lock);
	output->is_up = status == 0 && output->link.process.pid;
	output->is_gone = !output->is_up;
	if (output->is_gone)
		output_is_silent(output);
	output_send_more(output);
	pthread_mutex_unlock(&output->lock);
}

static void output_replace(struct isolated_output *output, const char *doing, uint64_t patience_ns)
{
	output_lost(output, doing, patience_ns);
	output_up(output);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* How long the process may go on without an answer; 0 = its time is over. */
static int patience_ms(struct isolated_output *output)
{
	uint64_t limit = link_limit_ns(&output->link), waited;
	int ms = -1;

	pthread_mutex_lock(&output->lock);
	if (output->unanswered) {
		waited = clock_monotonic_ns() - output->answered_ns;
		ms = waited >= limit ? 0 : (int)((limit - waited) / NS_PER_MS) + 1;
	}
	pthread_mutex_unlock(&output->lock);
	return ms;
}

/* Of two waits, of which -1 is the endless one. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* At rest, without a call that has yet to come back and with a process that says nothing and does not grow, it
 * waits for ever. */
static void output_step(struct isolated_output *output)
{
	int got = LINK_LATE, patience = patience_ms(output);
	struct message message = {.kind = 0};

	output->link.is_astir |= patience >= 0;
	if (patience != 0)
		got = link_step(&output->link, output->wake,
				sooner(patience, link_weigh_ms(&output->link)), output_on_entry,
				output, &message);
	take_wake(output);
	if (got == LINK_LOST) {
		output_replace(output, "at work", ENDED_NS);
	} else if (got == LINK_LATE && patience_ms(output) == 0) {
		output_replace(output, "when it did not come back from a call", 0);
	} else {
		if (message.kind == MESSAGE_ANSWER)
			output_on_answer(output, &message);
		if (link_is_too_large(&output->link))
			output_replace(output, "when its memory had grown past its bound", 0);
	}
}

/* The process could not be started any more: the pipeline has failed, and is stopped some time. */
static void wait_stop(struct isolated_output *output)
{
	struct pollfd wake = {output->wake, POLLIN, 0};

	(void)poll(&wake, 1, -1);
	take_wake(output);
}

/* LINK_LATE when it does not come back. */
static int stop_plugin(struct isolated_output *output)
{
	struct message message = {.kind = MESSAGE_CALL, .what = CALL_STOP};
	uint64_t until = clock_monotonic_ns() + link_limit_ns(&output->link);
	struct message got = {.kind = 0};

	if (!output->link.process.pid || link_send(&output->link, &message, -1) < 0)
		return LINK_LOST;
	while (!(got.kind == MESSAGE_ANSWER && got.what == CALL_STOP)) {
		if (link_step(&output->link, -1, 50, output_on_entry, output, &got) == LINK_LOST)
			return LINK_LOST;
		if (clock_monotonic_ns() >= until)
			return LINK_LATE;
	}
	return LINK_ANSWERED;
}

static void *output_main(void *user)
{
	struct isolated_output *output = user;

	pthread_setname_np(pthread_self(), "weir-isolated");
	while (!is_stopping(output)) {
		if (output->link.process.pid)
			output_step(output);
		else
			wait_stop(output);
	}
	pthread_mutex_lock(&output->lock);
	output->is_up = 0;
	pthread_mutex_unlock(&output->lock);
	if (stop_plugin(output) == LINK_LATE)
		link_end(&output->link, 0);
	link_down(&output->link, output_on_entry, output);
	return NULL;
}

/* ---- the calls of the pipeline --------------------------------------------------------------- */

static void isolated_write(void *instance, const struct weir_delivery_view *view)
{
	struct isolated_output *output = instance;
	struct parts *parts = parts_create(view, 0);

	if (!parts) {
		pipeline_fail(output->link.stage->pipeline, "no memory for a delivery");
		return;
	}
	pthread_mutex_lock(&output->lock);
	parts->number = ++output->numbers;
	output_add(output, parts);
	pthread_mutex_unlock(&output->lock);
}

static void isolated_flush(void *instance, uint32_t why)
{
	struct isolated_output *output = instance;

	if (why != WEIR_FLUSH_LAST && !STAGE_OP(output->link.stage->config->plugin->output, flush))
		return;
	pthread_mutex_lock(&output->lock);
	if (why != WEIR_FLUSH_LAST || output_last_words(output))
		output->flush_wanted = why > output->flush_wanted ? why : output->flush_wanted;
	if (output->is_up)
		output_send_flush(output);
	pthread_mutex_unlock(&output->lock);
}

static int32_t isolated_start(void *instance, struct weir_error *error)
{
	struct isolated_output *output = instance;
	int status = start_plugin(output, error);

	if (status < 0)
		return status;
	output->is_up = 1;
	output->has_thread = pthread_create(&output->thread, NULL, output_main, output) == 0;
	if (!output->has_thread)
		return weir_fail(error, WEIR_ERR_IO, "can't start a thread");
	return 0;
}

static void isolated_stop(void *instance)
{
	struct isolated_output *output = instance;

	if (!output->has_thread)
		return;
	pthread_mutex_lock(&output->lock);
	output->is_stopping = 1;
	pthread_mutex_unlock(&output->lock);
	output_wake(output);
	pthread_join(output->thread, NULL);
	output->has_thread = 0;
}

static void isolated_destroy(void *instance)
{
	struct isolated_output *output = instance;

	if (!output)
		return;
	link_down(&output->link, NULL, NULL);
	while (output->deliveries.first) {
		struct parts *parts = output->deliveries.first;

		parts_unlink(&output->deliveries, parts);
		parts_free(parts, &output->slots, output_budget(output));
	}
	slots_done(&output->slots);
	link_done(&output->link);
	if (output->wake >= 0)
		close(output->wake);
	buffer_done(&output->scratch);
	free(output->records);
	pthread_mutex_destroy(&output->lock);
	free(output);
}

static int32_t isolated_create(const struct weir_services *host, struct weir_context *context,
			       const struct weir_node *options, void **ret_instance,
			       struct weir_error *error)
{
	struct isolated_output *output = calloc(1, sizeof(*output));
	int status;

	(void)host;
	(void)options;
	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an isolated plugin");
	pthread_mutex_init(&output->lock, NULL);
	output->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	status = output->wake < 0 ? weir_fail(error, WEIR_ERR_IO, "no eventfd: %s", strerror(errno))
				  : link_init(&output->link, context, error);
	if (status == 0)
		status = link_up(&output->link, error);
	if (status < 0) {
		isolated_destroy(output);
		return status;
	}
	*ret_instance = output;
	return 0;
}

const struct link *isolated_output_link(const void *instance)
{
	return &((const struct isolated_output *)instance)->link;
}

const struct weir_output_ops isolated_output_ops = {
	.struct_size = sizeof(isolated_output_ops),
	.create = isolated_create,
	.start = isolated_start,
	.stop = isolated_stop,
	.destroy = isolated_destroy,
	.write = isolated_write,
	.flush = isolated_flush,
};
