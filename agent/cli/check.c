// SPDX-License-Identifier: MIT
/*
 * `weir check`: reads everything that `weir run` would, has the plugins look at their options, starts
 * nothing, and shows every problem with the line it is about.
 */
#include <limits.h>
#include <stdio.h>

#include "cli/check_overlap.h"
#include "cli/cli.h"
#include "cli/report.h"
#include "cli/source_line.h"
#include "cli/terminal.h"
#include "config/units.h"
#include "pipeline/agent.h"

#define GUTTER 8 /* columns before a source line */
/* Ten times what a call to a service takes at its slowest. */
#define ONLINE_LIMIT_NS INT64_C(10000000000)

static const char synopsis[] =
	"usage: weir check [-c FILE] [--strict] [--offline | --online] [--json]\n"
	"                  [PIPELINE.yaml...]\n"
	"\n"
	"Checks weir.yaml and every pipeline of its conf_dir, or only the pipelines given.\n";

static const char exit_codes[] =
	"Exit codes: 0 nothing wrong, 1 errors (or warnings with --strict), 2 wrong usage.\n";

struct arguments {
	const char *config;
	int strict, online, json;
	struct agent_checks checks;
	struct cli_words paths;
};

static int take_limit(struct arguments *arguments, const char *text)
{
	int64_t ns = ONLINE_LIMIT_NS;

	if (text && !arguments->online)
		return cli_usage_error("check", "--timeout goes with --online");
	if (arguments->online && arguments->checks.offline)
		return cli_usage_error("check", "--offline and --online exclude each other");
	if (text && (units_read_duration(weir_slice_of(text), &ns) < 0 || ns <= 0))
		return cli_usage_error("check", "\"%s\" is no duration; write it as 5s or 1m",
				       text);
	arguments->checks.online_ns = arguments->online ? (uint64_t)ns : 0;
	return CLI_GO_ON;
}

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	const char *limit = NULL;
	int result;
	const struct cli_option options[] = {
		CLI_CONFIG(&ret->config, "the weir.yaml to use"),
		{.name = "strict", .help = "warnings fail, too", .flag = &ret->strict},
		{.name = "offline",
		 .help = "don't ask whether paths match anything and destinations answer",
		 .flag = &ret->checks.offline},
		{.name = "online",
		 .help = "ask the destinations: do they take the credentials, is the stream there",
		 .flag = &ret->online},
		{0, "timeout", "DURATION", "with --online: how long those of a pipeline have (10s)",
		 .text = &limit},
		CLI_JSON(&ret->json, "print the result as JSON"),
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"check", synopsis, exit_codes, options};

	result = cli_parse(&syntax, argc, argv, &ret->paths);
	return result == CLI_GO_ON ? take_limit(ret, limit) : result;
}

/* ---- for people ------------------------------------------------------------------------------ */

static const char *step(const char *text, uint32_t characters)
{
	while (characters > 0 && *text) {
		do
			text++;
		while (((unsigned char)*text & 0xC0) == 0x80);
		characters--;
	}
	return text;
}

/* Control characters would move the cursor; each is shown as one column, as the caret counts. */
static void print_source(const char *line, uint32_t characters)
{
	const char *end = step(line, characters);

	for (; line < end; line++)
		putchar((unsigned char)*line < 0x20 || *line == 0x7F ? ' ' : *line);
}

/* The line and a caret under the column; of a long line, the part around the column. */
static void show_source(const struct config_problem *problem, struct source_line *source)
{
	const char *line;
	uint32_t room = terminal_width() - GUTTER - 1;
	uint32_t skip = 0;

	if (problem->line == 0 || problem->column == 0)
		return;
	line = source_line_read(source, problem->path, problem->line);
	if (!line)
		return;
	if (problem->column > room * 3 / 4)
		skip = problem->column - room / 2;
	printf("%s%5u |%s ", terminal_style(TERMINAL_DIM), problem->line,
	       terminal_style(TERMINAL_PLAIN));
	print_source(step(line, skip), room);
	printf("\n%s      |%s %*s%s^%s\n", terminal_style(TERMINAL_DIM),
	       terminal_style(TERMINAL_PLAIN), (int)(problem->column - skip - 1), "",
	       terminal_style(TERMINAL_BOLD), terminal_style(TERMINAL_PLAIN));
}

static void show_problem(const struct config_problem *problem, struct source_line *source)
{
	int is_error = problem->severity == CONFIG_ERROR;
	char place[PATH_MAX];

	config_print_place(problem, place, sizeof(place));
	printf("%s%s:", terminal_style(TERMINAL_BOLD), place);
	printf("%s %s%s:%s %s\n", terminal_style(TERMINAL_PLAIN),
	       terminal_style(is_error ? TERMINAL_RED : TERMINAL_YELLOW),
	       is_error ? "error" : "warning", terminal_style(TERMINAL_PLAIN), problem->text);
	show_source(problem, source);
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void show(const struct config *config)
{
	size_t errors = config_errors(config);
	size_t warnings = config->problem_count - errors;
	struct source_line source = {0};

	for (size_t i = 0; i < config->problem_count; i++)
		show_problem(&config->problems[i], &source);
	source_line_done(&source);
	printf("%s%zu pipeline%s, %zu error%s, %zu warning%s\n", config->problem_count ? "\n" : "",
	       config->pipeline_count, plural(config->pipeline_count), errors, plural(errors),
	       warnings, plural(warnings));
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void show_json(const struct config *config)
{
	struct buffer out = {0};
	size_t errors = config_errors(config);

	buffer_printf(&out, "{\"pipelines\":%zu,\"errors\":%zu,\"warnings\":%zu,\"problems\":",
		      config->pipeline_count, errors, config->problem_count - errors);
	report_append_json(&out, config);
	buffer_text(&out, "}");
	puts(buffer_cstr(&out));
	buffer_done(&out);
}

static int load_pipelines(struct config *config, struct registry *registry,
			  const struct arguments *arguments)
{
	struct weir_error error = {0};
	int result = 0;

	if (arguments->paths.count == 0)
		result = config_load_pipelines(config, registry, &error);
	for (size_t i = 0; !result && i < arguments->paths.count; i++)
		result = config_load_pipeline(config, registry, arguments->paths.items[i], &error);
	if (!result)
		result = agent_check(config, registry, &arguments->checks, &error);
	if (!result)
		check_overlap(config);
	if (result)
		fprintf(stderr, "weir: %s\n", error.text);
	return result ? CLI_FAILED : CLI_OK;
}

int cli_check(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct config *config;
	struct registry *registry;
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	result = cli_load(arguments.config, &config, &registry);
	if (result)
		return result;
	result = load_pipelines(config, registry, &arguments);
	if (!result) {
		if (arguments.json)
			show_json(config);
		else
			show(config);
		if (config_errors(config) || (arguments.strict && config->problem_count))
			result = CLI_FAILED;
	}
	cli_unload(config, registry);
	return result;
}
