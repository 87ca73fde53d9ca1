// SPDX-License-Identifier: MIT
/*
 * `weir tap`: records of a running pipeline as they pass a stage. A sample, where there are more than can
 * be looked at without slowing the pipeline; see pipeline/tap.h.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/document.h"
#include "cli/expression.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "config/scalar.h"

static const char synopsis[] =
	"usage: weir tap PIPELINE [--at STAGE] [--where EXPRESSION] [--limit N] [--json] [-c "
	"FILE]\n"
	"\n"
	"Shows records of a running pipeline as they pass, until Ctrl-C. Where more pass than can "
	"be\n"
	"looked at without slowing the pipeline, it is a sample; how many were left out is said "
	"at\n"
	"the end.\n";

static const char exit_codes[] =
	"Exit codes: 0 done, 1 there is no such pipeline or stage, or the agent ended, 2 wrong "
	"usage,\n"
	"3 the agent is not running.\n";

struct arguments {
	const char *config, *pipeline, *at, *where;
	int64_t limit;
	int json;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static int read_limit(const char *text, int64_t *ret_limit)
{
	if (scalar_read_int(weir_slice_of(text), ret_limit) || *ret_limit < 1)
		return cli_usage_error("tap", "--limit wants a number of records, found \"%s\"",
				       text);
	return CLI_OK;
}

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	const char *limit = NULL;
	const struct cli_option options[] = {
		{'a', "at", "STAGE",
		 "the input, filter or output to look at (filter:set, output:http, ...),\n"
		 "or dead_letter; without it, behind all filters",
		 .text = &ret->at},
		{'w', "where", "EXPR", "only records for which this is true, as in `when`",
		 .text = &ret->where},
		{'n', "limit", "N", "end after N records", .text = &limit},
		CLI_JSON(&ret->json, "one JSON object a line"),
		CLI_CONFIG(&ret->config, "the weir.yaml that the agent runs with"),
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"tap", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	if (limit && read_limit(limit, &ret->limit))
		return CLI_USAGE;
	if (words.count == 0)
		return cli_usage_error("tap", "say which pipeline");
	if (words.count > 1)
		return cli_usage_error("tap", "it takes one pipeline, found \"%s\", too",
				       words.items[1]);
	ret->pipeline = words.items[0];
	return cli_check_expression("tap", "--where", ret->where) ? CLI_USAGE : CLI_GO_ON;
}

/* ---- showing ---- */

static void show_value(struct weir_slice key, struct weir_slice value)
{
	int is_meta = key.size > 1 && key.data[1] == '@';

	printf("%s", terminal_style(is_meta ? TERMINAL_DIM : TERMINAL_BOLD));
	terminal_text((struct weir_slice){key.data + 1, key.size - 2});
	printf("%s=", is_meta ? "" : terminal_style(TERMINAL_PLAIN));
	terminal_text(value);
	printf("%s ", terminal_style(TERMINAL_PLAIN));
}

static void show_record(struct weir_slice line, int json)
{
	struct json_walk walk;
	struct weir_slice key, value;

	if (json) {
		printf("%.*s\n", (int)line.size, line.data);
		return;
	}
	walk = json_walk_start(line);
	while (json_walk_next(&walk, &key, &value))
		if (key.size >= 2)
			show_value(key, value);
	printf("\n");
}

/* The number in {"left_out":N}, or -1: a record. */
static int64_t left_out_of(struct weir_slice line)
{
	static const char note[] = "{\"left_out\":";

	if (line.size < sizeof(note) || memcmp(line.data, note, sizeof(note) - 1) != 0)
		return -1;
	return strtoll(line.data + sizeof(note) - 1, NULL, 10);
}

static int show_all(struct local_http_lines *lines, const struct arguments *arguments)
{
	struct weir_error error = {0};
	struct weir_slice line;
	int64_t shown = 0, left_out = 0, note;
	int more = 1;

	while (!interrupted) {
		more = local_http_line(lines, &line, &error);
		if (more == WEIR_ERR_STATE)
			continue; /* a signal, maybe another than ours */
		if (more <= 0)
			break;
		note = line.size ? left_out_of(line) : 0;
		if (note >= 0) {
			left_out += note;
			continue;
		}
		show_record(line, arguments->json);
		shown++;
		if (fflush(stdout) != 0)
			return CLI_OK; /* nobody reads on */
	}
	if (!arguments->json && isatty(STDERR_FILENO))
		fprintf(stderr, "%lld records shown, %lld left out\n", (long long)shown,
			(long long)left_out);
	if (interrupted || (arguments->limit && shown >= arguments->limit))
		return CLI_OK;
	fprintf(stderr, "weir tap: %s\n", more < 0 ? error.text : "the agent has ended");
	return CLI_FAILED;
}

/* ---- asking ---- */

static void put_argument(struct buffer *path, const char *name, const char *text)
{
	buffer_printf(path, "&%s=", name);
	for (; *text; text++)
		buffer_printf(path, "%%%02X", (unsigned char)*text);
}

static int open_stream(const struct config *config, const struct arguments *arguments,
		       struct local_http_lines *ret_lines, struct weir_error *error)
{
	char token[TOKEN_SIZE] = "";
	struct buffer path = {0};
	int status;

	if (!config->state_dir)
		return weir_fail(error, WEIR_ERR_INVALID, "%s has errors; see weir check",
				 config->path);
	if (config->admin_host && !config->admin_token &&
	    (status = token_read(config->state_dir, token, error)) < 0)
		return status;
	buffer_printf(&path, "/tap?limit=%lld", (long long)arguments->limit);
	put_argument(&path, "pipeline", arguments->pipeline);
	if (arguments->at)
		put_argument(&path, "at", arguments->at);
	if (arguments->where)
		put_argument(&path, "where", arguments->where);
	status = ask_lines(config, token, buffer_cstr(&path), ret_lines, error);
	buffer_done(&path);
	return status;
}

static int tap(const struct config *config, const struct arguments *arguments)
{
	const struct sigaction stop = {.sa_handler = interrupt}; /* no restart: read() returns */
	struct local_http_lines lines;
	struct weir_error error = {0};
	int result;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (open_stream(config, arguments, &lines, &error) < 0)
		return ask_failed("tap", &error);
	result = show_all(&lines, arguments);
	local_http_close(&lines);
	return result;
}

int cli_tap(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct config *config = NULL;
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	if (cli_load_settings("tap", arguments.config, &config))
		return CLI_FAILED;
	result = tap(config, &arguments);
	config_free(config);
	return result;
}
