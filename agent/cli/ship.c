// SPDX-License-Identifier: MIT
/*
 * `weir ship`: files to a destination, with nothing but a command line. A pipeline that lives as long as
 * the command, with its state in a temporary folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secrets.h"
#include "cli/cli.h"
#include "cli/expression.h"
#include "cli/file_write.h"
#include "cli/progress.h"
#include "cli/ship.h"
#include "cli/signals.h"
#include "cli/temporary.h"
#include "cli/terminal.h"
#include "config/memory.h"
#include "config/units.h"
#include "pipeline/agent.h"

#define TICK_NS (50 * NS_PER_MS)
#define GIVE_UP_NS (300 * NS_PER_SECOND)
/* For what is on its way when the command is stopped. */
#define STOP_NS (2 * NS_PER_SECOND)

static const char synopsis[] =
	"usage: weir ship FILE... --to URL [OPTION...]\n"
	"\n"
	"Ships files and exits, without a configuration: to kinesis://REGION/STREAM,\n"
	"firehose://REGION/STREAM, http://..., https://..., es+https://HOST:PORT/INDEX (also "
	"es+http),\n"
	"file:PATH, or - for standard output. FILE may be - for standard input. ${NAME} in the URL "
	"and\n"
	"in options is a variable of the environment.\n";

static const char exit_codes[] =
	"Exit codes: 0 every record was delivered (or left out by --where), 1 some were not, 2 "
	"wrong\n"
	"usage.\n";

struct arguments {
	struct ship_request request;
	const char *config;
	int64_t give_up_ns;
	int quiet, json, dry_run;
	struct config_memory memory; /* of what stood on the command line */
};

/* ---- arguments ---- */

static int take_give_up(struct arguments *arguments, const char *text)
{
	if (units_read_duration(weir_slice_of(text), &arguments->give_up_ns) < 0 ||
	    arguments->give_up_ns <= 0)
		return cli_usage_error("ship", "\"%s\" is no duration; write it as 30s or 5m",
				       text);
	return CLI_OK;
}

/* Everybody on the host can read the command line: what may be a secret is copied from it, and stars take
 * its place. */
static void hide(struct arguments *arguments, const char **argument, size_t kept)
{
	char *written = (char *)(uintptr_t)*argument;
	size_t size = strlen(written);
	char *copy = config_copy(&arguments->memory, written, size);

	if (!copy)
		return;
	*argument = copy;
	memset(written + kept, '*', size - kept);
}

static void hide_secrets(struct arguments *arguments)
{
	struct ship_request *request = &arguments->request;
	const char *written = request->to;

	secrets_add_url(NULL, weir_slice_of(request->to));
	hide(arguments, &request->to, strlen(request->to));
	if (request->to != written)
		secrets_mask_line((char *)(uintptr_t)written);
	for (size_t i = 0; i < request->option_count; i++) {
		size_t name = strcspn(request->options[i], "=");

		hide(arguments, &request->options[i], name + (request->options[i][name] == '='));
	}
}

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	struct ship_request *request = &ret->request;
	struct cli_list output_options = {request->options, 0, SHIP_OPTIONS_MAX};
	const char *give_up = NULL;
	const struct cli_option options[] = {
		{0, "to", "URL", "where to", .text = &request->to},
		{'p', "parse", "FORMAT",
		 "take lines apart: json, combined, syslog, ...; without it they are\n"
		 "sent as they are",
		 .text = &request->parse},
		{0, "pattern", "PATTERN", "for the formats regex and grok",
		 .text = &request->pattern},
		{'w', "where", "EXPRESSION", "only records for which it is true",
		 .text = &request->where},
		{'o', "option", "SETTING",
		 "NAME=VALUE, an option of the output: weir plugins shows them",
		 .list = &output_options},
		{0, "give-up", "DURATION",
		 "end when nothing was delivered for so long (default: 5m)", .text = &give_up},
		CLI_CONFIG(&ret->config, "a weir.yaml, for memory_limit and the like"),
		{'q', "quiet", .help = "no progress bar, no summary", .flag = &ret->quiet},
		CLI_JSON(&ret->json, "print the summary as JSON, to standard error"),
		{'n', "dry-run", .help = "print the pipeline, ship nothing", .flag = &ret->dry_run},
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"ship", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	if (give_up && take_give_up(ret, give_up))
		return CLI_USAGE;
	if (words.count == 0)
		return cli_usage_error("ship", "say which file to ship");
	if (!request->to)
		return cli_usage_error("ship", "say where to ship it: --to URL");
	if (cli_check_expression("ship", "--where", request->where))
		return CLI_USAGE;
	request->option_count = output_options.count;
	request->files = words.items;
	request->file_count = words.count;
	hide_secrets(ret);
	return CLI_GO_ON;
}

/* What a tail would leave alone without a word. */
static int check_files(const struct ship_request *request)
{
	static const char *const compressed[] = {".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip"};

	for (size_t i = 0; i < request->file_count; i++) {
		const char *path = request->files[i];
		size_t size = strlen(path);
		struct stat status;

		if (strcmp(path, "-") == 0 && request->file_count > 1)
			return cli_usage_error("ship", "standard input (-) can't be shipped "
						       "together with files");
		if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && !S_ISREG(status.st_mode))
			return cli_usage_error("ship", "%s is no file", path);
		if (strcmp(path, "-") != 0 && access(path, R_OK) < 0 && errno == EACCES) {
			fprintf(stderr,
				"weir ship: can't read %s: %s; run this as a user who may\n", path,
				strerror(errno));
			return CLI_FAILED;
		}
		for (size_t c = 0; c < sizeof(compressed) / sizeof(compressed[0]); c++) {
			size_t suffix = strlen(compressed[c]);

			if (size > suffix && strcmp(path + size - suffix, compressed[c]) == 0)
				return cli_usage_error("ship",
						       "%s is compressed; pipe its text into "
						       "weir ship -",
						       path);
		}
	}
	return CLI_OK;
}

/* ---- the pipeline ---- */

static int write_pipeline(const struct ship_request *request, const struct temporary *folder,
			  char *ret_path, size_t size, struct weir_error *error)
{
	struct buffer text = {0};
	int status = ship_write(request, &text, error);

	snprintf(ret_path, size, "%s/ship.yaml", folder->path);
	if (status == 0)
		status = file_write(ret_path, O_EXCL, 0600, text.data, text.size, error);
	buffer_done(&text);
	return status;
}

static int report(const struct config *config)
{
	for (size_t i = 0; i < config->problem_count; i++)
		if (config->problems[i].severity == CONFIG_ERROR)
			fprintf(stderr, "weir ship: %s\n", config->problems[i].text);
	return config_errors(config) ? CLI_USAGE : CLI_OK;
}

/* ---- shipping ---- */

static int stop_at(void *deadline)
{
	return clock_monotonic_ns() > *(uint64_t *)deadline;
}

/* Until all has an outcome, a signal comes, or nothing moves any more. Returns why it was given up. */
static const char *wait_for_end(struct agent *agent, const struct arguments *arguments,
				sigset_t *signals)
{
	uint64_t moved_ns = clock_monotonic_ns(), moved = 0;
	struct progress progress;
	const char *why = NULL;

	progress_start(&progress, arguments->quiet || !isatty(STDERR_FILENO));
	while (!why && !agent_finished(agent)) {
		struct agent_progress counts;
		uint64_t now = clock_monotonic_ns();

		agent_wait(agent, TICK_NS);
		progress_update(&progress, agent);
		agent_progress(agent, &counts);
		if (counts.delivered + counts.dead + counts.dropped + counts.bytes_read != moved) {
			moved = counts.delivered + counts.dead + counts.dropped + counts.bytes_read;
			moved_ns = now;
		}
		if (now - moved_ns > (uint64_t)arguments->give_up_ns)
			why = "nothing was delivered any more";
		else if (signals_stop_wanted(signals))
			why = "stopped";
	}
	progress_end(&progress, agent);
	return why;
}

static void summarize(const struct arguments *arguments, const struct agent_progress *counts,
		      const char *why, const char *dead_path)
{
	uint64_t left = counts->records - counts->delivered - counts->dead - counts->dropped;

	if (counts->records < counts->delivered + counts->dead + counts->dropped)
		left = 0;
	if (arguments->json) {
		fprintf(stderr,
			"{\"bytes\":%" PRIu64 ",\"records\":%" PRIu64 ",\"delivered\":%" PRIu64
			",\"dead_lettered\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"left\":%" PRIu64
			"}\n",
			counts->bytes_read, counts->records, counts->delivered, counts->dead,
			counts->dropped, left);
	} else if (!arguments->quiet) {
		fprintf(stderr, "%" PRIu64 " records delivered", counts->delivered);
		if (counts->dropped)
			fprintf(stderr, ", %" PRIu64 " left out", counts->dropped);
		fprintf(stderr, "\n");
	}
	if (counts->dead && !arguments->json)
		fprintf(stderr,
			"weir ship: %" PRIu64
			" records could not be delivered; they are in %s, with the reasons\n",
			counts->dead, dead_path);
	if (why)
		fprintf(stderr, "weir ship: %s\n", why);
}

/* What is wrong at the destination, for people. */
static void tell_health(struct agent *agent)
{
	struct buffer why = {0};

	if (!agent_health(agent, &why) && why.size)
		fprintf(stderr, "weir ship: %s", buffer_cstr(&why));
	buffer_done(&why);
}

static int ship(const struct arguments *arguments, struct config *config, struct registry *registry,
		sigset_t *signals, const char *dead_path)
{
	struct weir_error error = {0};
	struct agent_progress counts = {0};
	struct agent *agent = NULL;
	uint64_t deadline;
	uint32_t running, all, left;
	const char *why = NULL;

	if (agent_create(config, registry, 1, &agent, &error) < 0 ||
	    agent_start(agent, &error) < 0) {
		agent_destroy(agent);
		return cli_fail("ship", &error);
	}
	why = wait_for_end(agent, arguments, signals);
	agent_count(agent, &running, &all);
	if (why || running < all)
		tell_health(agent);
	deadline = clock_monotonic_ns() + (uint64_t)STOP_NS;
	left = agent_stop(agent, stop_at, &deadline);
	agent_progress(agent, &counts);
	summarize(arguments, &counts, why, dead_path);
	agent_destroy(agent);
	return why || left || running < all || counts.dead ? CLI_FAILED : CLI_OK;
}

static int run(struct arguments *arguments, const struct temporary *folder, sigset_t *signals)
{
	struct weir_error error = {0};
	struct config *config = NULL;
	struct registry *registry = NULL;
	struct ship_request request = arguments->request;
	char path[PATH_MAX], dead_path[PATH_MAX];
	struct stat status;
	int result;

	snprintf(dead_path, sizeof(dead_path), "%s.dead.jsonl", folder->path);
	request.dead_letter = dead_path;
	if (write_pipeline(&request, folder, path, sizeof(path), &error) < 0)
		return cli_usage_error("ship", "%s", error.text);
	result = cli_load(arguments->config ? arguments->config : "/dev/null", &config, &registry);
	if (result)
		return result;
	config->state_dir = (char *)(uintptr_t)folder->path;
	if (config_load_pipeline(config, registry, path, &error) < 0)
		result = cli_fail("ship", &error);
	if (!result)
		result = report(config);
	if (!result)
		result = ship(arguments, config, registry, signals, dead_path);
	if (stat(dead_path, &status) == 0 && status.st_size == 0)
		unlink(dead_path); /* made for nothing */
	cli_unload(config, registry);
	return result;
}

static int print_pipeline(struct arguments *arguments)
{
	struct weir_error error = {0};
	struct buffer text = {0};
	int status;

	arguments->request.dead_letter = "/tmp/dead.jsonl";
	status = ship_write(&arguments->request, &text, &error);
	if (status == 0)
		fputs(buffer_cstr(&text), stdout);
	buffer_done(&text);
	return status < 0 ? cli_usage_error("ship", "%s", error.text) : CLI_OK;
}

static int ship_files(struct arguments *arguments)
{
	struct weir_error error = {0};
	struct temporary folder;
	sigset_t signals;
	int result = check_files(&arguments->request);

	if (result)
		return result;
	if (arguments->dry_run)
		return print_pipeline(arguments);
	signals_block(&signals, 0);
	if (log_setup(WEIR_LOG_WARNING, LOG_TEXT, NULL, &error) < 0 ||
	    temporary_make(&folder, &error) < 0)
		return cli_fail("ship", &error);
	result = run(arguments, &folder, &signals);
	temporary_remove(folder.path);
	return result;
}

int cli_ship(int argc, char **argv)
{
	struct arguments arguments = {.give_up_ns = GIVE_UP_NS};
	int result = read_arguments(argc, argv, &arguments);

	if (result == CLI_GO_ON)
		result = ship_files(&arguments);
	config_memory_done(&arguments.memory);
	return result;
}
