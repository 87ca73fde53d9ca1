// SPDX-License-Identifier: MIT
#include "cli/test_run.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/file_write.h"
#include "cli/temporary.h"
#include "pipeline/agent.h"

/* A pipeline that has not ended by then never will. */
#define TIME_LIMIT_NS (60 * NS_PER_SECOND)
#define TICK_NS (20 * NS_PER_MS)

static const char dead_letter[] = "dead_letter";

/* A pipeline between two other ends. */
struct rig {
	const struct test_case *test;
	struct config_memory memory; /* of what follows */
	struct temporary folder;
	struct config config;
	struct config_pipeline pipeline;
	struct test_records *records; /* of the outputs, then of the dead letter */
	size_t records_count;
};

/* ---- inputs ---- */

static const struct config_stage *input_of(const struct config_pipeline *pipeline,
					   const struct test_case *test, struct weir_error *error)
{
	for (size_t i = 0; i < pipeline->input_count; i++)
		if (!test->to || strcmp(pipeline->inputs[i].name, test->to) == 0)
			return &pipeline->inputs[i];
	weir_fail(error, WEIR_ERR_NOT_FOUND, "the pipeline has no input \"%.64s\"", test->to);
	return NULL;
}

static const struct weir_node *list_of(struct config_memory *memory, const char *text)
{
	struct weir_node *list = config_alloc(memory, sizeof(*list));
	struct weir_node *item = config_alloc(memory, sizeof(*item));
	const struct weir_node **items = config_alloc(memory, sizeof(*items));

	if (!list || !item || !items)
		return NULL;
	*item = (struct weir_node){.struct_size = sizeof(*item),
				   .type = WEIR_TYPE_STRING,
				   .text = weir_slice_of(text)};
	items[0] = item;
	*list = (struct weir_node){.struct_size = sizeof(*list),
				   .type = WEIR_TYPE_LIST,
				   .count = text ? 1 : 0,
				   .items = items};
	return list;
}

/* The same options with `paths` naming one file, and nothing excluded. */
static const struct weir_node *with_path(struct config_memory *memory,
					 const struct weir_node *options, const char *path)
{
	struct weir_node *copy = config_alloc(memory, sizeof(*copy));
	const struct weir_node **items =
		config_alloc(memory, (options->count + 1) * sizeof(struct weir_node *));

	if (!copy || !items)
		return NULL;
	*copy = *options;
	copy->items = items;
	for (uint32_t i = 0; i < options->count; i++) {
		if (weir_slice_equals(options->keys[i], "paths"))
			items[i] = list_of(memory, path);
		else if (weir_slice_equals(options->keys[i], "exclude"))
			items[i] = list_of(memory, NULL);
		else
			items[i] = options->items[i];
		if (!items[i])
			return NULL;
	}
	return copy;
}

static int replace_input(struct rig *rig, const struct config_stage *input,
			 struct weir_error *error)
{
	struct config_stage *stage = config_alloc(&rig->memory, sizeof(*stage));
	struct test_feed_options *feed = config_alloc(&rig->memory, sizeof(*feed));
	const struct weir_node *paths = weir_node_find(input->options, "paths");
	char path[PATH_MAX];

	if (!stage || !feed)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a test");
	*stage = *input;
	rig->pipeline.inputs = stage;
	rig->pipeline.input_count = 1;
	if (!paths || paths->type != WEIR_TYPE_LIST || rig->test->records) {
		*feed = (struct test_feed_options){.text = rig->test->input,
						   .size = rig->test->input_size,
						   .records = rig->test->records};
		stage->plugin = &test_feed_plugin;
		stage->options = &feed->node;
		return 0;
	}
	snprintf(path, sizeof(path), "%s/input.log", rig->folder.path);
	stage->options = with_path(&rig->memory, input->options,
				   config_copy(&rig->memory, path, strlen(path)));
	if (!stage->options)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a test");
	return file_write(path, O_EXCL, 0600, rig->test->input, rig->test->input_size, error);
}

/* ---- outputs ---- */

static int collect_into(struct rig *rig, struct config_stage *stage, struct test_records *records)
{
	struct test_collect_options *options = config_alloc(&rig->memory, sizeof(*options));

	if (!options)
		return WEIR_ERR_MEMORY;
	test_records_init(records);
	rig->records_count++;
	options->records = records;
	stage->plugin = &test_collect_plugin;
	stage->options = &options->node;
	return 0;
}

static int replace_outputs(struct rig *rig, const struct config_pipeline *pipeline)
{
	size_t count = pipeline->output_count;
	struct config_stage *stages = config_alloc(&rig->memory, (count + 1) * sizeof(*stages));
	int status = 0;

	rig->records = config_alloc(&rig->memory, (count + 1) * sizeof(*rig->records));
	if (!stages || !rig->records)
		return WEIR_ERR_MEMORY;
	memcpy(stages, pipeline->outputs, count * sizeof(*stages));
	stages[count] = pipeline->dead_letter[0];
	stages[count].name = (char *)(uintptr_t)dead_letter;
	stages[count].when = NULL;
	for (size_t i = 0; status == 0 && i <= count; i++)
		status = collect_into(rig, &stages[i], &rig->records[i]);
	rig->pipeline.outputs = stages;
	rig->pipeline.without_buffers = 1;
	rig->pipeline.dead_letter = &stages[count];
	rig->pipeline.dead_letter_count = 1;
	return status;
}

static int rig_build(struct rig *rig, const struct config *config,
		     const struct config_pipeline *pipeline, struct weir_error *error)
{
	const struct config_stage *input = input_of(pipeline, rig->test, error);

	if (!input)
		return WEIR_ERR_NOT_FOUND;
	rig->config = *config;
	rig->config.state_dir = rig->folder.path;
	rig->config.workers = 1;
	rig->config.pipelines = &rig->pipeline;
	rig->config.pipeline_count = 1;
	rig->pipeline = *pipeline;
	rig->pipeline.from_beginning = 1;
	rig->pipeline.source_name = rig->test->source ? rig->test->source : "test";
	if (replace_outputs(rig, pipeline) < 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a test");
	return replace_input(rig, input, error);
}

/* ---- the run ---- */

static int never(void *user)
{
	(void)user;
	return 0;
}

static int wait_for_end(struct agent *agent, struct weir_error *error)
{
	uint64_t deadline = clock_monotonic_ns() + TIME_LIMIT_NS;
	struct buffer why = {0};
	uint32_t running, all;

	while (!agent_finished(agent) && clock_monotonic_ns() < deadline)
		agent_wait(agent, TICK_NS);
	agent_count(agent, &running, &all);
	if (running == all && agent_finished(agent))
		return 0;
	if (running < all)
		agent_health(agent, &why);
	weir_fail(error, WEIR_ERR_STATE, "%s",
		  running < all ? buffer_cstr(&why) : "the pipeline did not come to an end");
	error->text[strcspn(error->text, "\n")] = '\0';
	buffer_done(&why);
	return WEIR_ERR_STATE;
}

static int rig_run(struct rig *rig, struct registry *registry, struct weir_error *error)
{
	struct agent *agent = NULL;
	int status = agent_create(&rig->config, registry, 1, &agent, error);

	if (status == 0)
		status = agent_start(agent, error);
	if (status == 0)
		status = wait_for_end(agent, error);
	if (agent)
		agent_stop(agent, never, NULL);
	agent_destroy(agent);
	for (size_t i = 0; status == 0 && i < rig->records_count; i++)
		if (rig->records[i].failed)
			status = weir_fail(error, WEIR_ERR_MEMORY, "no memory for the records");
	return status;
}

static int is_output(const struct config_pipeline *pipeline, struct weir_slice name)
{
	for (size_t i = 0; i < pipeline->output_count; i++)
		if (weir_slice_equals(name, pipeline->outputs[i].name))
			return 1;
	return 0;
}

/* An expectation of an output that isn't there would never be looked at. */
static int check_names(const struct config_pipeline *pipeline, const struct test_case *test,
		       struct weir_error *error)
{
	for (uint32_t i = 0; test->outputs && i < test->outputs->count; i++)
		if (!is_output(pipeline, test->outputs->keys[i]))
			return weir_fail(error, WEIR_ERR_NOT_FOUND,
					 "the pipeline has no output \"%.64s\"",
					 test->outputs->keys[i].data);
	return 0;
}

static void rig_compare(const struct rig *rig, struct test_differences *differences)
{
	const struct test_case *test = rig->test;

	for (size_t i = 0; i < rig->pipeline.output_count; i++) {
		const char *name = rig->pipeline.outputs[i].name;
		const struct weir_node *expected = weir_node_find(test->outputs, name);

		if (expected)
			test_compare(differences, name, expected, &rig->records[i],
				     test->named_only);
	}
	/* Error texts are for people and change; what is named of a dead letter is what is meant. */
	test_compare(differences, dead_letter, test->dead_letter,
		     &rig->records[rig->pipeline.output_count], 1);
}

int test_run(const struct config *config, const struct config_pipeline *pipeline,
	     struct registry *registry, const struct test_case *test,
	     struct test_differences *differences, struct weir_error *error)
{
	struct rig rig = {.test = test};
	int status = check_names(pipeline, test, error);

	if (status == 0)
		status = temporary_make(&rig.folder, error);
	if (status < 0)
		return status;
	status = rig_build(&rig, config, pipeline, error);
	clock_wall_hold(test->at_ns);
	if (status == 0)
		status = rig_run(&rig, registry, error);
	clock_wall_hold(0);
	if (status == 0)
		rig_compare(&rig, differences);
	for (size_t i = 0; i < rig.records_count; i++)
		test_records_done(&rig.records[i]);
	config_memory_done(&rig.memory);
	temporary_remove(rig.folder.path);
	return status;
}
