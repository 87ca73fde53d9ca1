// SPDX-License-Identifier: MIT
/* Pipelines: their stages, names and ids, and what a broken one does to the others: nothing. */
#include "fixture.h"

static void expect(void **state, const char *text, uint32_t line, uint32_t column,
		   const char *problem)
{
	assert_true(load_pipeline(*state, text)->broken);
	expect_error(*state, line, column, problem);
}

static struct config_pipeline *good(void **state, const char *text)
{
	struct config_pipeline *pipeline = load_pipeline(*state, text);

	expect_no_problem(*state);
	assert_false(pipeline->broken);
	return pipeline;
}

/* ---- what passes ---- */

static void a_pipeline_has_the_name_of_its_file(void **state)
{
	struct config_pipeline *pipeline = good(state, INPUTS OUTPUTS);

	assert_string_equal(pipeline->name, "web");
	assert_string_equal(pipeline->id, "web");
	assert_int_equal(pipeline->input_count, 1);
	assert_int_equal(pipeline->filter_count, 0);
	assert_int_equal(pipeline->output_count, 1);
	assert_int_equal(pipeline->on_corrupt_state, CONFIG_CORRUPT_STOP);
}

static void an_id_keeps_positions_through_a_rename(void **state)
{
	assert_string_equal(good(state, "id: old-name\n" INPUTS OUTPUTS)->id, "old-name");
}

static void a_pipeline_may_say_what_corrupt_state_means(void **state)
{
	assert_int_equal(
		good(state, "on_corrupt_state: beginning\n" INPUTS OUTPUTS)->on_corrupt_state,
		CONFIG_CORRUPT_BEGINNING);
}

static void a_stage_may_be_written_in_four_ways(void **state)
{
	struct config_pipeline *pipeline = good(
		state,
		"inputs:\n  - stdin\n  - stdin:\n  - stdin: {}\n  - tail: /var/log/x\n" OUTPUTS);
	const struct weir_node *paths = weir_node_find(pipeline->inputs[3].options, "paths");

	assert_int_equal(pipeline->input_count, 4);
	assert_string_equal(paths->items[0]->text.data, "/var/log/x");
}

static void a_list_may_be_short_for_the_options_too(void **state)
{
	struct config_pipeline *pipeline = good(state, "inputs:\n  - tail: [/a, /b]\n" OUTPUTS);

	assert_int_equal(weir_node_find(pipeline->inputs[0].options, "paths")->count, 2);
}

static void filters_may_be_empty(void **state)
{
	assert_int_equal(good(state, INPUTS "filters:\n" OUTPUTS)->filter_count, 0);
	assert_int_equal(good(state, INPUTS "filters: []\n" OUTPUTS)->filter_count, 0);
}

static void repeated_plugins_get_numbered_names(void **state)
{
	struct config_pipeline *pipeline = good(
		state, INPUTS "outputs:\n  - stdout\n  - file: /a\n  - stdout: { name: stdout_2 }\n"
			      "  - stdout\n  - file: /b\n");

	assert_string_equal(pipeline->outputs[0].name, "stdout");
	assert_string_equal(pipeline->outputs[1].name, "file");
	assert_string_equal(pipeline->outputs[2].name, "stdout_2");
	assert_string_equal(pipeline->outputs[3].name, "stdout_3");
	assert_string_equal(pipeline->outputs[4].name, "file_2");
}

static void the_options_of_the_host_do_not_reach_the_plugin(void **state)
{
	struct config_pipeline *pipeline = good(
		state, INPUTS "outputs:\n  - file:\n      path: /x\n      when: status >= 500\n"
			      "      ordering: strict\n      linger: 200ms\n"
			      "      retry: { backoff_min: 1s, backoff_max: 1m }\n");
	const struct config_stage *output = &pipeline->outputs[0];

	assert_string_equal(output->when, "status >= 500");
	assert_int_equal(output->when_written->line, 6);
	assert_int_equal(output->when_written->column, 13);
	assert_int_equal(output->strict, 1);
	assert_int_equal(output->linger_ns, 200000000);
	assert_int_equal(output->retry_min_ns, 1000000000);
	assert_int_equal(output->retry_max_ns, 60000000000);
	assert_null(weir_node_find(output->options, "when"));
	assert_null(weir_node_find(output->options, "name"));
}

static void what_the_host_may_be_told_has_defaults(void **state)
{
	const struct config_stage *output = &good(state, INPUTS OUTPUTS)->outputs[0];

	assert_null(output->when);
	assert_int_equal(output->strict, 0);
	assert_int_equal(output->linger_ns, WEIR_TIMER_OFF);
	assert_int_equal(output->retry_min_ns, 0);
	assert_int_equal(output->retry_max_ns, 0);
}

static void the_default_dead_letter_is_a_bounded_file(void **state)
{
	struct config_pipeline *pipeline = good(state, INPUTS OUTPUTS);
	const struct config_stage *dead = pipeline->dead_letter;

	assert_int_equal(pipeline->dead_letter_count, 1);
	assert_string_equal(dead->plugin->name, "file");
	assert_string_equal(weir_node_text(dead->options, "path"), "/var/lib/weir/dead/web.jsonl");
	assert_int_equal(weir_node_int(dead->options, "max_bytes", 0), 1 << 30);
}

static void a_dead_letter_can_be_chosen(void **state)
{
	struct config_pipeline *pipeline =
		good(state, INPUTS OUTPUTS "dead_letter:\n  - file: /dead\n  - stdout\n");

	assert_int_equal(pipeline->dead_letter_count, 2);
	assert_string_equal(weir_node_text(pipeline->dead_letter[0].options, "path"), "/dead");
}

/* A state folder is the user's to name: its quotes must not end the text that names it. */
static void a_state_dir_with_quotes_and_dollars_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};
	struct config *config = load_service(fixture, "state_dir: \"/it's $${X}\"\n");

	write_file(fixture, "conf.d/web.yaml", INPUTS OUTPUTS, strlen(INPUTS OUTPUTS));
	assert_int_equal(config_load_pipeline(config, fixture->registry, fixture->path, &error), 0);
	expect_no_problem(fixture);
	assert_string_equal(weir_node_text(config->pipelines[0].dead_letter->options, "path"),
			    "/it's ${X}/dead/web.jsonl");
}

/* ---- what does not ---- */

static void a_misspelt_key_names_the_nearest(void **state)
{
	expect(state, INPUTS OUTPUTS "filter: []\n", 5, 1,
	       "unknown key \"filter\" of a pipeline; did you mean \"filters\"?");
}

static void a_setting_of_the_service_is_sent_home(void **state)
{
	expect(state, INPUTS OUTPUTS "workers: 2\n", 5, 1,
	       "\"workers\" is a setting of weir.yaml, not of a pipeline; move it there");
}

static void inputs_and_outputs_are_needed(void **state)
{
	expect(state, OUTPUTS, 1, 1,
	       "the pipeline has no \"inputs\"; give it at least one, as \"inputs: [tail: {paths: "
	       "[/var/log/app.log]}]\"");
	expect(state, INPUTS, 1, 1,
	       "the pipeline has no \"outputs\"; give it at least one, as \"outputs: [stdout]\"");
	expect(state, "inputs:\n" OUTPUTS, 1, 1,
	       "\"inputs\" is empty; give it at least one, as \"- tail: {paths: "
	       "[/var/log/app.log]}\"");
	expect(state, INPUTS "outputs: []\n", 3, 1,
	       "\"outputs\" is empty; give it at least one, as \"- stdout\"");
}

static void a_list_without_dashes_is_named(void **state)
{
	expect(state, "inputs:\n  stdin: {}\n" OUTPUTS, 2, 3,
	       "expected \"inputs\" to be a list; write \"- \" before \"stdin:\"");
	expect(state, "inputs: stdin\n" OUTPUTS, 1, 9,
	       "expected \"inputs\" to be a list of \"- plugin: {options}\", found \"stdin\"");
}

static void a_file_that_is_no_map_is_named(void **state)
{
	expect(state, "- stdin\n", 1, 1,
	       "expected \"inputs:\", \"filters:\" and \"outputs:\", found a list");
}

static void an_unknown_plugin_names_the_nearest(void **state)
{
	expect(state, "inputs:\n  - tial: /x\n" OUTPUTS, 2, 5,
	       "there is no input \"tial\"; did you mean \"tail\"?");
	expect(state, INPUTS "outputs:\n  - pigeon_post: {}\n", 4, 5,
	       "there is no output \"pigeon_post\"; for the list: weir plugins");
}

static void a_plugin_of_another_package_names_it(void **state)
{
	expect(state, INPUTS "outputs:\n  - elasticsearch: {}\n", 4, 5,
	       "the output \"elasticsearch\" is not installed; install the package "
	       "weir-plugin-elasticsearch");
}

static void a_plugin_of_another_kind_is_sent_there(void **state)
{
	expect(state, INPUTS OUTPUTS "filters:\n  - stdin\n", 6, 5,
	       "\"stdin\" is an input and can't stand under \"filters\"; move it under \"inputs\"");
	expect(state, INPUTS "outputs:\n  - parse: json\n", 4, 5,
	       "\"parse\" is a filter and can't stand under \"outputs\"; move it under "
	       "\"filters\"");
}

static void options_beside_their_plugin_are_explained(void **state)
{
	expect(state, "inputs:\n  - tail:\n    paths: [/x]\n" OUTPUTS, 3, 5,
	       "\"paths\" stands beside \"tail\", not under it; indent the options of a plugin "
	       "deeper "
	       "than its name, or begin another plugin with \"- \"");
}

static void a_stage_that_is_nothing_is_named(void **state)
{
	expect(state, "inputs:\n  -\n" OUTPUTS, 2, 4,
	       "expected an entry of \"inputs\" as \"- plugin: {options}\", found nothing");
	expect(state, "inputs:\n  - [tail]\n" OUTPUTS, 2, 5,
	       "expected an entry of \"inputs\" as \"- plugin: {options}\", found a list");
}

static void a_scalar_for_a_plugin_without_short_form_is_refused(void **state)
{
	expect(state, "inputs:\n  - stdin: x\n" OUTPUTS, 2, 12,
	       "\"stdin\" wants a map of options, found \"x\"; see: weir plugins stdin");
}

static void a_name_used_twice_is_refused(void **state)
{
	expect(state, INPUTS "outputs:\n  - stdout: { name: a }\n  - file: { path: /x, name: a }\n",
	       5, 5, "the name \"a\" is used twice in this list; give each its own");
}

static void a_name_has_letters_digits_and_dashes(void **state)
{
	expect(state, INPUTS "outputs:\n  - stdout: { name: 'a b' }\n", 4, 21,
	       "\"a b\" is no name; use letters, digits, _ and -, at most 64");
	expect(state, "id: a/b\n" INPUTS OUTPUTS, 1, 5,
	       "\"a/b\" is no id; use letters, digits, _ and -, at most 64");
}

static void options_of_outputs_are_refused_elsewhere(void **state)
{
	expect(state, "inputs:\n  - stdin: { ordering: strict }\n" OUTPUTS, 2, 14,
	       "\"ordering\" is an option of outputs; \"stdin\" is an input");
	expect(state, "inputs:\n  - stdin: { when: x }\n" OUTPUTS, 2, 14,
	       "an input has no \"when\"; use the filter \"where\" to leave records out");
}

static void an_input_cannot_be_isolated(void **state)
{
	const struct config_pipeline *pipeline =
		good(state, INPUTS "outputs:\n  - stdout: { isolate: process }\n");

	assert_true(pipeline->outputs[0].isolated);
	pipeline = good(state, INPUTS "outputs:\n  - stdout: { isolate: no }\n");
	assert_false(pipeline->outputs[0].isolated);
	expect(state, "inputs:\n  - stdin: { isolate: process }\n" OUTPUTS, 2, 23,
	       "an input can't have a process of its own; filters and outputs can: leave it out");
}

static void a_buffer_is_read_short_and_long(void **state)
{
	const struct config_pipeline *pipeline =
		good(state, INPUTS "outputs:\n"
				   "  - stdout: { buffer: 2GiB }\n"
				   "  - stdout: { buffer: { disk: 1MiB, full: drop_oldest, "
				   "durable: false } }\n"
				   "  - stdout: {}\n");

	assert_int_equal(pipeline->outputs[0].buffer_bytes, INT64_C(2) << 30);
	assert_int_equal(pipeline->outputs[0].buffer_durable, 1);
	assert_int_equal(pipeline->outputs[0].buffer_drops, 0);
	assert_int_equal(pipeline->outputs[1].buffer_bytes, 1 << 20);
	assert_int_equal(pipeline->outputs[1].buffer_durable, 0);
	assert_int_equal(pipeline->outputs[1].buffer_drops, 1);
	assert_int_equal(pipeline->outputs[2].buffer_bytes, 0);
}

static void a_buffer_of_the_dead_letter_is_refused(void **state)
{
	expect(state, INPUTS OUTPUTS "dead_letter:\n  - stdout: { buffer: 1MiB }\n", 6, 23,
	       "an output of the dead letter has no \"buffer\": a record is dealt with when it is "
	       "written there; leave it out");
}

static void a_backoff_from_long_to_short_is_refused(void **state)
{
	expect(state,
	       INPUTS "outputs:\n  - stdout: { retry: { backoff_min: 1m, backoff_max: 1s } }\n", 4,
	       22,
	       "\"retry.backoff_min\" is longer than \"retry.backoff_max\"; make it the shorter "
	       "one");
}

static void an_expression_is_wrong_at_its_character(void **state)
{
	expect(state, INPUTS "outputs:\n  - stdout: { when: 'status >= and' }\n", 4, 32,
	       "in \"when\": expected a value, found 'and'");
}

static void a_wrong_word_for_corrupt_state_is_refused(void **state)
{
	expect(state, "on_corrupt_state: begin\n" INPUTS OUTPUTS, 1, 19,
	       "\"on_corrupt_state\" must be \"stop\", \"beginning\" or \"end\", found \"begin\"; "
	       "did you "
	       "mean \"beginning\"?");
}

/* ---- the folder ---- */

static struct config *load_folder(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};
	struct config *config = load_service(fixture, "");

	assert_int_equal(config_load_pipelines(config, fixture->registry, &error), 0);
	return config;
}

static void put(void **state, const char *name, const char *text)
{
	write_file(*state, name, text, strlen(text));
}

static void one_broken_pipeline_leaves_the_others_whole(void **state)
{
	struct config *config;

	put(state, "conf.d/c.yaml", INPUTS OUTPUTS);
	put(state, "conf.d/b.yaml", "inputs: [\n");
	put(state, "conf.d/a.yaml", INPUTS OUTPUTS);
	config = load_folder(state);
	assert_int_equal(config->pipeline_count, 3);
	assert_string_equal(config->pipelines[0].name, "a");
	assert_false(config->pipelines[0].broken);
	assert_true(config->pipelines[1].broken);
	assert_false(config->pipelines[2].broken);
	assert_int_equal(config->pipelines[2].dead_letter_count, 1);
	assert_int_equal(config_errors(config), 1);
}

static void only_names_in_yaml_are_pipelines(void **state)
{
	struct config *config;

	put(state, "conf.d/web.yaml", INPUTS OUTPUTS);
	put(state, "conf.d/web.test.yaml", "tests: []\n");
	put(state, "conf.d/.hidden.yaml", "x\n");
	put(state, "conf.d/web.yaml~", "x\n");
	put(state, "conf.d/web.yaml.bak", "x\n");
	put(state, "conf.d/.yaml", "x\n");
	config = load_folder(state);
	expect_no_problem(*state);
	assert_int_equal(config->pipeline_count, 1);
}

static void a_file_in_yml_is_a_warning(void **state)
{
	struct fixture *fixture = *state;

	put(state, "conf.d/web.yml", INPUTS OUTPUTS);
	load_folder(state);
	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d/web.yml", fixture->dir);
	assert_int_equal(fixture->config->problem_count, 1);
	assert_int_equal(fixture->config->pipeline_count, 0);
	expect_problem_at(fixture, 0, CONFIG_WARNING, 0, 0,
			  "the file is left out, because pipelines end in .yaml; rename it");
}

static void a_file_with_a_strange_name_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct config *config;

	put(state, "conf.d/my pipe.yaml", INPUTS OUTPUTS);
	config = load_folder(state);
	assert_true(config->pipelines[0].broken);
	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d/my pipe.yaml", fixture->dir);
	expect_error(
		fixture, 0, 0,
		"\"my pipe\" is no name for a pipeline; rename the file, with letters, digits, _ "
		"and -, at most 64 before .yaml");
}

static void two_pipelines_with_one_id_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct config *config;
	char problem[160];

	put(state, "conf.d/a.yaml", INPUTS OUTPUTS);
	put(state, "conf.d/b.yaml", "id: a\n" INPUTS OUTPUTS);
	config = load_folder(state);
	snprintf(problem, sizeof(problem),
		 "the id \"a\" is that of %s/conf.d/a.yaml already; give each pipeline its own "
		 "\"id\"",
		 fixture->dir);
	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d/b.yaml", fixture->dir);
	expect_error(fixture, 0, 0, problem);
	assert_false(config->pipelines[0].broken);
	assert_true(config->pipelines[1].broken);
}

static void a_test_file_is_no_pipeline(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	load_service(fixture, "");
	put(state, "conf.d/web.test.yaml", INPUTS OUTPUTS);
	assert_int_equal(
		config_load_pipeline(fixture->config, fixture->registry, fixture->path, &error), 0);
	expect_error(fixture, 0, 0,
		     "the file holds the tests of a pipeline; check the pipeline itself");
}

static void an_empty_folder_is_a_warning(void **state)
{
	struct fixture *fixture = *state;

	load_folder(state);
	assert_int_equal(fixture->config->problem_count, 1);
	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d", fixture->dir);
	expect_problem_at(fixture, 0, CONFIG_WARNING, 0, 0,
			  "there are no pipelines in this folder; put a NAME.yaml in it for each");
}

static void a_missing_folder_is_a_warning(void **state)
{
	struct fixture *fixture = *state;

	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d", fixture->dir);
	assert_int_equal(rmdir(fixture->path), 0);
	load_folder(state);
	assert_int_equal(fixture->config->problem_count, 1);
	snprintf(fixture->path, sizeof(fixture->path), "%s/conf.d", fixture->dir);
	expect_problem_at(
		fixture, 0, CONFIG_WARNING, 0, 0,
		"the folder does not exist, so there are no pipelines; make it, and put a "
		"NAME.yaml in it for each");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_pipeline_has_the_name_of_its_file),
		FIXTURE_TEST(an_id_keeps_positions_through_a_rename),
		FIXTURE_TEST(a_pipeline_may_say_what_corrupt_state_means),
		FIXTURE_TEST(a_stage_may_be_written_in_four_ways),
		FIXTURE_TEST(a_list_may_be_short_for_the_options_too),
		FIXTURE_TEST(filters_may_be_empty),
		FIXTURE_TEST(repeated_plugins_get_numbered_names),
		FIXTURE_TEST(the_options_of_the_host_do_not_reach_the_plugin),
		FIXTURE_TEST(what_the_host_may_be_told_has_defaults),
		FIXTURE_TEST(the_default_dead_letter_is_a_bounded_file),
		FIXTURE_TEST(a_dead_letter_can_be_chosen),
		FIXTURE_TEST(a_state_dir_with_quotes_and_dollars_is_kept),
		FIXTURE_TEST(a_misspelt_key_names_the_nearest),
		FIXTURE_TEST(a_setting_of_the_service_is_sent_home),
		FIXTURE_TEST(inputs_and_outputs_are_needed),
		FIXTURE_TEST(a_list_without_dashes_is_named),
		FIXTURE_TEST(a_file_that_is_no_map_is_named),
		FIXTURE_TEST(an_unknown_plugin_names_the_nearest),
		FIXTURE_TEST(a_plugin_of_another_package_names_it),
		FIXTURE_TEST(a_plugin_of_another_kind_is_sent_there),
		FIXTURE_TEST(options_beside_their_plugin_are_explained),
		FIXTURE_TEST(a_stage_that_is_nothing_is_named),
		FIXTURE_TEST(a_scalar_for_a_plugin_without_short_form_is_refused),
		FIXTURE_TEST(a_name_used_twice_is_refused),
		FIXTURE_TEST(a_name_has_letters_digits_and_dashes),
		FIXTURE_TEST(options_of_outputs_are_refused_elsewhere),
		FIXTURE_TEST(an_input_cannot_be_isolated),
		FIXTURE_TEST(a_buffer_is_read_short_and_long),
		FIXTURE_TEST(a_buffer_of_the_dead_letter_is_refused),
		FIXTURE_TEST(a_backoff_from_long_to_short_is_refused),
		FIXTURE_TEST(an_expression_is_wrong_at_its_character),
		FIXTURE_TEST(a_wrong_word_for_corrupt_state_is_refused),
		FIXTURE_TEST(one_broken_pipeline_leaves_the_others_whole),
		FIXTURE_TEST(only_names_in_yaml_are_pipelines),
		FIXTURE_TEST(a_file_in_yml_is_a_warning),
		FIXTURE_TEST(a_file_with_a_strange_name_is_refused),
		FIXTURE_TEST(two_pipelines_with_one_id_are_refused),
		FIXTURE_TEST(a_test_file_is_no_pipeline),
		FIXTURE_TEST(an_empty_folder_is_a_warning),
		FIXTURE_TEST(a_missing_folder_is_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
