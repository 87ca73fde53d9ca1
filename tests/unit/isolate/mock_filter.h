// SPDX-License-Identifier: MIT
/*
 * The agent's end of an isolated filter, in a pipeline of its own, without a process at the other end: a test says what
 * that would say. Behind it is a filter that sees what is sent on; records that die are delivered to nobody.
 */
#ifndef MOCK_FILTER_H
#define MOCK_FILTER_H

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "isolate/filter_internal.h"

#define MOCK_MEMORY (UINT64_C(4) << 20) /* a pipeline's smallest */

struct mock_filter {
	struct pipeline_host host;
	struct config_stage filters[2], dead;
	struct config_pipeline config;
	struct pipeline *pipeline;
	struct isolated_filter filter;
	int messages, questions; /* the process's ends */
	/* Sees what the filter has sent on. */
	void (*seen)(void *user, const struct weir_batch *batch);
	void *user;
};

/* Also where assert() is nothing. */
static inline void must(int holds)
{
	if (!holds)
		abort();
}

/* ---- plugins --------------------------------------------------------------------------------- */

static inline int32_t mock_create(const struct weir_services *host, struct weir_context *context,
				  const struct weir_node *options, void **ret_instance,
				  struct weir_error *error)
{
	(void)host;
	(void)options;
	(void)error;
	*ret_instance = context->pipeline->host->user;
	return 0;
}

static inline void mock_nothing(void *instance)
{
	(void)instance;
}

static inline int32_t mock_process(void *instance, struct weir_batch *batch,
				   struct weir_error *error)
{
	const struct mock_filter *mock = instance;

	(void)error;
	if (mock->seen)
		mock->seen(mock->user, batch);
	return 0;
}

static inline void mock_write(void *instance, const struct weir_delivery_view *delivery)
{
	(void)instance;
	pipeline_services.outcome(delivery->handle, NULL, 0, WEIR_OUTCOME_DELIVERED, NULL,
				  weir_slice_of(""));
}

static const struct weir_filter_ops mock_filter_ops = {.struct_size = sizeof(mock_filter_ops),
						       .create = mock_create,
						       .destroy = mock_nothing,
						       .process = mock_process};
static const struct weir_plugin mock_filter_plugin = {.struct_size = sizeof(mock_filter_plugin),
						      .kind = WEIR_FILTER,
						      .name = "mock",
						      .version = "1",
						      .summary = "Sees",
						      .filter = &mock_filter_ops};
static const struct weir_output_ops mock_output_ops = {.struct_size = sizeof(mock_output_ops),
						       .create = mock_create,
						       .stop = mock_nothing,
						       .destroy = mock_nothing,
						       .write = mock_write};
static const struct weir_plugin mock_output_plugin = {.struct_size = sizeof(mock_output_plugin),
						      .kind = WEIR_OUTPUT,
						      .name = "mock",
						      .version = "1",
						      .summary = "Delivers",
						      .output = &mock_output_ops};

/* ---- open and close -------------------------------------------------------------------------- */

static inline void mock_open_host(struct mock_filter *mock)
{
	struct weir_error error;

	must(loop_create(&mock->host.loop, &error) == 0);
	must(scheduler_create(1, &mock->host.scheduler, &error) == 0);
	mock->host.metrics = metrics_create();
	must(mock->host.metrics != NULL);
	mock->host.host_name = weir_slice_of("host");
	mock->host.state_dir = "/nonexistent";
	mock->host.user = mock;
	taps_init(&mock->host.taps);
}

static inline void mock_open_pipeline(struct mock_filter *mock)
{
	static char name[] = "mock", dead[] = "dead";
	struct weir_error error;

	mock->filters[0] = mock->filters[1] =
		(struct config_stage){.plugin = &mock_filter_plugin, .name = name};
	mock->dead = (struct config_stage){.plugin = &mock_output_plugin, .name = dead};
	mock->config = (struct config_pipeline){.name = name,
						.id = name,
						.filters = mock->filters,
						.filter_count = 2,
						.dead_letter = &mock->dead,
						.dead_letter_count = 1};
	must(pipeline_create(&mock->host, &mock->config, MOCK_MEMORY, 0, NULL, &mock->pipeline,
			     &error) == 0);
}

/* A new process, as far as the agent can tell. */
static inline void mock_filter_connect(struct mock_filter *mock)
{
	struct link *link = &mock->filter.link;
	int messages[2], questions[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, messages) == 0);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, questions) == 0);
	mock->messages = messages[1];
	mock->questions = questions[1];
	link->process = (struct process){0, messages[0], questions[0]};
	atomic_store(&link->sent, UINT32_MAX);
	link->answers = 0;
	link->is_nonsense = 0;
	link_own_metrics(link);
}

/* Its end. Everything that was charged has been given back. */
static inline void mock_filter_disconnect(struct mock_filter *mock)
{
	struct link *link = &mock->filter.link;

	kept_done(&mock->filter.kept);
	link_charge(link, -link->charged);
	for (uint32_t i = 0; i < STAGE_TIMERS; i++)
		(void)stage_timer_set(link->stage, i, WEIR_TIMER_OFF);
	close(mock->messages);
	close(mock->questions);
	close(link->process.messages);
	close(link->process.questions);
	must(atomic_load(&mock->pipeline->memory->budget.used) == 0);
}

/* `rows` is what the process shares: the caller's. */
static inline void mock_filter_open(struct mock_filter *mock, struct batch_area rows)
{
	struct isolated_filter *filter = &mock->filter;

	*mock = (struct mock_filter){.messages = -1};
	mock_open_host(mock);
	mock_open_pipeline(mock);
	pthread_mutex_init(&filter->lock, NULL);
	filter->link.stage = mock->pipeline->filters[0];
	filter->link.rows.area = rows;
	filter->link.payload = malloc(PAYLOAD_MAX);
	filter->kept.budget = &mock->pipeline->memory->budget;
	must(filter->link.payload != NULL);
}

static inline void mock_filter_close(struct mock_filter *mock)
{
	struct isolated_filter *filter = &mock->filter;

	free(filter->merge.rows.records);
	free(filter->merge.rows.values);
	for (uint32_t i = 0; i < REASONS_MAX; i++)
		free(filter->reasons[i]);
	free(filter->link.metrics);
	free(filter->link.payload);
	pthread_mutex_destroy(&filter->lock);
	pipeline_destroy(mock->pipeline);
	loop_destroy(mock->host.loop);
	scheduler_destroy(mock->host.scheduler);
	metrics_destroy(mock->host.metrics);
}

/* ---- batches --------------------------------------------------------------------------------- */

/* So many records of one source, with the line and the field a: "line". */
static inline struct batch *mock_batch(struct mock_filter *mock, uint32_t count)
{
	static const uint8_t id[16] = {1};
	struct batch *batch = batch_acquire(&mock->pipeline->pool);
	struct weir_slice key = weir_slice_of("a");
	struct source *source = source_ghost(id, weir_slice_of("s"));
	uint32_t index;
	uint16_t shape = 0;
	int added;

	must(batch != NULL && source != NULL);
	batch->pipeline = mock->pipeline;
	must(batch_add_source(batch, &source->view, &index, &added) == 0);
	must(batch_shape(&batch->view, &key, 1, &shape) == 0);
	must(batch_reserve(&batch->view, count, count, count * 4) == 0);
	for (uint32_t i = 0; i < count; i++) {
		struct weir_value text = batch_text(&batch->view, weir_slice_of("line"));
		uint32_t row;
		struct weir_value *values = weir_batch_row(&batch->view, 1, &row);
		struct weir_record *record = weir_batch_record(&batch->view);

		*values = text;
		record->row = row;
		record->shape = shape;
		record->capacity = 1;
		record->line_offset = (uint32_t)text.as.offset;
		record->line_length = text.length;
	}
	return batch;
}

/* Goes on to the next filter, as the pipeline has it. */
static inline void mock_pass_on(struct mock_filter *mock, struct batch *take_batch)
{
	flow_run(mock->pipeline, take_batch, 1);
}

#endif
