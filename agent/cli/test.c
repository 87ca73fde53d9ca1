// SPDX-License-Identifier: MIT
/*
 * `weir test`: the tests that lie beside the pipelines, NAME.test.yaml beside NAME.yaml, and what is
 * different from what they expect.
 */
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "batch/json.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "cli/test_run.h"

static const char suffix[] = ".yaml";
static const char test_suffix[] = ".test.yaml";

static const char synopsis[] =
	"usage: weir test [-c FILE] [--json] [PIPELINE.yaml...]\n"
	"\n"
	"Runs the tests of every pipeline of the conf_dir, or of those given: NAME.test.yaml "
	"beside\n"
	"NAME.yaml. The pipeline's own plugins work; nothing is read but the tests' input, and "
	"nothing\n"
	"is sent. `man weir.yaml` describes the file.\n";

static const char exit_codes[] =
	"Exit codes: 0 all passed, 1 a test failed or could not be run, 2 wrong usage.\n";

struct arguments {
	const char *config;
	int json;
	struct cli_words paths;
};

struct tally {
	int json;
	struct registry *registry;
	size_t pipelines, tests, failed, untested;
	struct buffer results; /* JSON */
};

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	const struct cli_option options[] = {CLI_CONFIG(&ret->config, "the weir.yaml to use"),
					     CLI_JSON(&ret->json, "print the results as JSON"),
					     CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"test", synopsis, exit_codes, options};

	return cli_parse(&syntax, argc, argv, &ret->paths);
}

/* ---- what a test said ---- */

static void show_side(char sign, const char *style, const char *value)
{
	if (!value)
		return;
	printf("%s          %c ", terminal_style(style), sign);
	terminal_text(weir_slice_of(value));
	printf("%s\n", terminal_style(TERMINAL_PLAIN));
}

static void show_difference(const struct test_difference *difference)
{
	printf("        ");
	terminal_text(weir_slice_of(difference->output));
	if (difference->record == 0)
		printf(": number of records");
	else
		printf(", record %zu", difference->record);
	if (difference->field[0]) {
		printf(": ");
		terminal_text(weir_slice_of(difference->field));
	}
	printf("\n");
	show_side('-', TERMINAL_RED, difference->expected);
	show_side('+', TERMINAL_YELLOW, difference->found);
}

static void show(const char *path, const struct test_case *test, const char *why,
		 const struct test_differences *differences)
{
	int failed = why || differences->count;

	printf("  %s%-4s%s  ", terminal_style(failed ? TERMINAL_RED : TERMINAL_PLAIN),
	       failed ? "FAIL" : "ok", terminal_style(TERMINAL_PLAIN));
	terminal_text(weir_slice_of(test->name));
	if (failed) {
		printf("  (");
		terminal_text(weir_slice_of(path));
		printf(":%u:%u)", test->line, test->column);
	}
	printf("\n");
	if (why) {
		printf("        ");
		terminal_text(weir_slice_of(why));
		printf("\n");
	}
	for (size_t i = 0; i < differences->count; i++)
		show_difference(&differences->items[i]);
}

static void add_json(struct buffer *out, const char *path, const struct test_case *test,
		     const char *why, const struct test_differences *differences)
{
	buffer_printf(out, "%s{\"line\":%u,\"passed\":%s", out->size ? "," : "", test->line,
		      why || differences->count ? "false" : "true");
	json_append_member(out, "path", path);
	json_append_member(out, "name", test->name);
	json_append_member(out, "error", why);
	buffer_text(out, ",\"differences\":[");
	for (size_t i = 0; i < differences->count; i++) {
		const struct test_difference *difference = &differences->items[i];

		buffer_printf(out, "%s{\"record\":%zu", i ? "," : "", difference->record);
		json_append_member(out, "output", difference->output);
		json_append_member(out, "field", difference->field);
		json_append_member(out, "expected", difference->expected);
		json_append_member(out, "found", difference->found);
		buffer_text(out, "}");
	}
	buffer_text(out, "]}");
}

/* ---- one pipeline ---- */

static void run_case(struct tally *tally, const struct config *config, const char *path,
		     const struct test_case *test)
{
	struct config_memory memory = {0};
	struct test_differences differences = {.memory = &memory};
	struct weir_error error = {0};
	int status = test_run(config, &config->pipelines[0], tally->registry, test, &differences,
			      &error);
	const char *why = status < 0 ? error.text : NULL;

	tally->tests++;
	tally->failed += why || differences.count;
	if (tally->json)
		add_json(&tally->results, path, test, why, &differences);
	else
		show(path, test, why, &differences);
	config_memory_done(&memory);
}

/* The variables of the test file as they were before; `before` has room for all. */
static void set_environment(const struct weir_node *variables, char **before)
{
	for (uint32_t i = 0; variables && i < variables->count; i++) {
		const char *old = getenv(variables->keys[i].data);

		before[i] = old ? strdup(old) : NULL;
		setenv(variables->keys[i].data, variables->items[i]->text.data, 1);
	}
}

static void restore_environment(const struct weir_node *variables, char **before)
{
	for (uint32_t i = 0; variables && i < variables->count; i++) {
		if (before[i])
			setenv(variables->keys[i].data, before[i], 1);
		else
			unsetenv(variables->keys[i].data);
		free(before[i]);
	}
}

static int run_file(struct tally *tally, struct config *config, const struct test_file *file,
		    const char *path, const char *test_path)
{
	struct weir_error error = {0};
	uint32_t variables = file->environment ? file->environment->count : 0;
	char **before = calloc(variables + 1, sizeof(*before));
	int status;

	if (!before)
		return CLI_FAILED;
	set_environment(file->environment, before);
	status = config_load_pipeline(config, tally->registry, path, &error);
	if (status < 0)
		fprintf(stderr, "weir test: %s\n", error.text);
	else if (config_errors(config))
		status = WEIR_ERR_INVALID;
	for (size_t i = 0; status == 0 && i < file->count; i++)
		run_case(tally, config, test_path, &file->cases[i]);
	restore_environment(file->environment, before);
	free(before);
	return status < 0 ? CLI_FAILED : CLI_OK;
}

static int run_pipeline(struct tally *tally, const char *config_path, const char *path,
			const char *test_path)
{
	struct config *config = NULL;
	struct test_file file;
	int result = CLI_FAILED;

	if (access(path, F_OK) < 0 && access(test_path, F_OK) < 0) {
		fprintf(stderr, "weir test: there is no %s; check its name\n", path);
		return CLI_FAILED;
	}
	tally->pipelines++;
	if (!tally->json) {
		printf("%s", terminal_style(TERMINAL_BOLD));
		terminal_text(weir_slice_of(path));
		printf("%s\n", terminal_style(TERMINAL_PLAIN));
	}
	if (access(test_path, F_OK) < 0) {
		tally->untested++;
		if (!tally->json)
			printf("  has no tests\n");
		return CLI_OK;
	}
	if (cli_load_settings("test", config_path, &config))
		return CLI_FAILED;
	if (test_file_read(config, test_path, &file) == 0)
		result = run_file(tally, config, &file, path, test_path);
	fflush(stdout);
	cli_show_errors(config);
	config_free(config);
	return result;
}

/* Either of the two names will do. */
static int run_path(struct tally *tally, const char *config_path, const char *given)
{
	size_t size = strlen(given);
	char path[PATH_MAX], test_path[PATH_MAX];

	if (size > strlen(test_suffix) &&
	    strcmp(given + size - strlen(test_suffix), test_suffix) == 0)
		size -= strlen(test_suffix);
	else if (size > strlen(suffix) && strcmp(given + size - strlen(suffix), suffix) == 0)
		size -= strlen(suffix);
	else
		return cli_usage_error("test", "\"%s\" is no NAME.yaml", given);
	if (size + strlen(test_suffix) >= PATH_MAX)
		return cli_usage_error("test", "\"%s\" is too long a path", given);
	snprintf(path, sizeof(path), "%.*s%s", (int)size, given, suffix);
	snprintf(test_path, sizeof(test_path), "%.*s%s", (int)size, given, test_suffix);
	return run_pipeline(tally, config_path, path, test_path);
}

static int run_folder(struct tally *tally, const struct config *config, const char *config_path)
{
	char pattern[PATH_MAX];
	glob_t found;
	int result = CLI_OK;

	if (config->conf_dir && cli_can_read("test", config->conf_dir))
		return CLI_FAILED;
	snprintf(pattern, sizeof(pattern), "%s/*%s", config->conf_dir ? config->conf_dir : "",
		 suffix);
	if (glob(pattern, 0, NULL, &found) != 0)
		return CLI_OK;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		size_t size = strlen(path);
		char pipeline[PATH_MAX];

		if (size > strlen(test_suffix) &&
		    strcmp(path + size - strlen(test_suffix), test_suffix) == 0) {
			snprintf(pipeline, sizeof(pipeline), "%.*s%s",
				 (int)(size - strlen(test_suffix)), path, suffix);
			if (access(pipeline, F_OK) == 0)
				continue; /* comes with its pipeline */
		}
		if (run_path(tally, config_path, path))
			result = CLI_FAILED;
	}
	globfree(&found);
	return result;
}

static void summarize(struct tally *tally)
{
	if (tally->json)
		printf("{\"pipelines\":%zu,\"untested\":%zu,\"tests\":%zu,\"failed\":%zu,"
		       "\"results\":[%s]}\n",
		       tally->pipelines, tally->untested, tally->tests, tally->failed,
		       buffer_cstr(&tally->results));
	else
		printf("%s%zu pipeline%s, %zu test%s, %zu failed\n", tally->pipelines ? "\n" : "",
		       tally->pipelines, tally->pipelines == 1 ? "" : "s", tally->tests,
		       tally->tests == 1 ? "" : "s", tally->failed);
}

static int run_all(const struct arguments *arguments)
{
	struct tally tally = {.json = arguments->json};
	struct weir_error error = {0};
	struct config *config;
	int result = cli_load(arguments->config, &config, &tally.registry);

	if (result)
		return result;
	result = cli_show_errors(config);
	/* What a pipeline under test says of itself is of no interest while it works. */
	if (log_setup(WEIR_LOG_ERROR, LOG_TEXT, NULL, &error) < 0)
		result = CLI_FAILED;
	if (result == CLI_OK && arguments->paths.count == 0)
		result = run_folder(&tally, config, arguments->config);
	for (size_t i = 0; result != CLI_USAGE && i < arguments->paths.count; i++) {
		int one = run_path(&tally, arguments->config, arguments->paths.items[i]);

		result = one ? one : result;
	}
	if (result != CLI_USAGE)
		summarize(&tally);
	buffer_done(&tally.results);
	cli_unload(config, tally.registry);
	return result == CLI_OK && tally.failed ? CLI_FAILED : result;
}

int cli_test(int argc, char **argv)
{
	struct arguments arguments = {0};
	int result = read_arguments(argc, argv, &arguments);

	return result == CLI_GO_ON ? run_all(&arguments) : result;
}
