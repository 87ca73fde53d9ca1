// SPDX-License-Identifier: MIT
/*
 * `weir status`: asks the running agent for the document of admin/status_json.h and shows it. The
 * exit code says whether all is well, for scripts.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/status_json.h"
#include "cli/cli.h"
#include "cli/local_http.h"
#include "cli/terminal.h"
#include "expr/json_walk.h"

#define EXIT_NOT_RUNNING 3
#define STAGE_WIDTH 12

static const char usage[] =
	"usage: weir status [-c FILE] [--json]\n"
	"\n"
	"Asks the running agent how its pipelines are.\n"
	"\n"
	"  -c, --config FILE  the weir.yaml whose `admin` address is asked\n"
	"      --json         print the answer as JSON\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit codes: 0 all is well, 1 something failed or is stalled, or cannot be asked, 2 wrong\n"
	"usage, 3 the agent is not running.\n";

struct arguments {
	const char *config;
	int json, help;
};

/* The document while it is shown. */
struct view {
	struct scratch scratch;
	int troubled;
};

static int read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int letter;

	while ((letter = cli_getopt("status", argc, argv, ":c:h", options)) != -1) {
		if (letter == 'c')
			ret_arguments->config = optarg;
		else if (letter == 'j')
			ret_arguments->json = 1;
		else if (letter == 'h')
			ret_arguments->help = 1;
		else
			return CLI_USAGE;
	}
	if (optind < argc)
		return cli_usage_error("status", "it takes no argument, found \"%s\"",
				       argv[optind]);
	return CLI_OK;
}

/* ---- reading the document ---- */

static struct value member(struct view *view, struct weir_slice map, const char *name)
{
	struct weir_slice raw;

	if (!json_walk_member(&view->scratch, map, weir_slice_of(name), &raw))
		return value_of_tag(WEIR_ABSENT);
	return json_walk_value(&view->scratch, raw);
}

static int64_t number(struct view *view, struct weir_slice map, const char *name)
{
	struct value value = member(view, map, name);
	struct number found;

	return value_number(&value, &found) ? (found.is_int ? found.i64 : (int64_t)found.f64) : 0;
}

static struct weir_slice text(struct view *view, struct weir_slice map, const char *name)
{
	struct value value = member(view, map, name);

	return value_is_string(&value) ? value.text : (struct weir_slice){"", 0};
}

static struct weir_slice nested(struct view *view, struct weir_slice map, const char *name)
{
	struct value value = member(view, map, name);

	return value.tag == WEIR_MAP || value.tag == WEIR_LIST ? value.text
							       : (struct weir_slice){"[]", 2};
}

/* ---- printing ---- */

static void print_padded(struct weir_slice what, unsigned width)
{
	terminal_text(what);
	printf("%*s", what.size < width ? (int)(width - what.size) : 1, "");
}

static void print_size(int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double size = (double)bytes;
	size_t unit = 0;

	for (; size >= 1024 && unit < 5; unit++)
		size /= 1024;
	printf(unit && size < 100 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

static void print_duration(int64_t seconds)
{
	if (seconds < 60)
		printf("%" PRId64 " s", seconds);
	else if (seconds < 3600)
		printf("%" PRId64 " min", seconds / 60);
	else if (seconds < 86400)
		printf("%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
	else
		printf("%" PRId64 " d %" PRId64 " h", seconds / 86400, seconds / 3600 % 24);
}

static void print_trouble(struct view *view, const char *what, struct weir_slice why)
{
	view->troubled = 1;
	printf("%*s%s%s%s", STAGE_WIDTH, "", terminal_style(TERMINAL_RED), what,
	       why.size ? ": " : "");
	terminal_text(why);
	printf("%s\n", terminal_style(TERMINAL_PLAIN));
}

static void print_count(int64_t count, const char *what, int *ret_any)
{
	if (count == 0)
		return;
	printf("%s%" PRId64 " %s", *ret_any ? ", " : "", count, what);
	*ret_any = 1;
}

/* ---- stages ---- */

static void show_input(struct view *view, struct weir_slice input)
{
	int64_t lag = number(view, input, "lag_bytes"), errors = number(view, input, "read_errors");
	int64_t sources = number(view, input, "sources");

	printf("%" PRId64 " records, ", number(view, input, "records"));
	print_size(number(view, input, "bytes"));
	printf(" from %" PRId64 " source%s", sources, sources == 1 ? "" : "s");
	if (lag > 0) {
		printf("; ");
		print_size(lag);
		printf(" unread, ");
		print_duration(number(view, input, "lag_seconds"));
		printf(" behind");
	}
	if (errors)
		printf("; %" PRId64 " read errors", errors);
	printf("\n");
}

static void show_filter(struct view *view, struct weir_slice filter)
{
	int any = 0;

	print_count(number(view, filter, "dropped"), "dropped", &any);
	print_count(number(view, filter, "dead_lettered"), "dead-lettered", &any);
	printf(any ? "\n" : "nothing left out\n");
}

/* How full the output's queue on disk is, if it has one. */
static void show_queue(struct view *view, struct weir_slice output)
{
	struct weir_slice queue = nested(view, output, "buffer");

	if (number(view, queue, "limit") == 0)
		return;
	printf("; queue ");
	print_size(number(view, queue, "bytes"));
	printf(" of ");
	print_size(number(view, queue, "limit"));
}

static void show_output(struct view *view, struct weir_slice output)
{
	struct weir_slice stalled = text(view, output, "stalled");
	int64_t requests = number(view, output, "requests");
	int any = 1;

	printf("%" PRId64 " delivered", number(view, output, "delivered"));
	print_count(number(view, output, "in_flight"), "in flight", &any);
	print_count(number(view, output, "dead_lettered"), "dead-lettered", &any);
	print_count(number(view, output, "dropped"), "dropped", &any);
	print_count(number(view, output, "lost"), "lost by its queue", &any);
	print_count(number(view, output, "not_routed"), "not routed", &any);
	show_queue(view, output);
	if (requests)
		printf("; %" PRId64 " requests, %" PRId64 " retries", requests,
		       number(view, output, "retries"));
	printf("\n");
	if (stalled.size)
		print_trouble(view, "stalled", stalled);
}

static void show_stages(struct view *view, struct weir_slice pipeline, const char *list,
			const char *title, void (*show)(struct view *, struct weir_slice))
{
	struct json_walk walk = json_walk_start(nested(view, pipeline, list));
	struct weir_slice key, stage;

	while (json_walk_next(&walk, &key, &stage)) {
		printf("  %-*s", STAGE_WIDTH - 2, title);
		print_padded(text(view, stage, "name"), STAGE_WIDTH);
		show(view, stage);
	}
}

/* The dead letter is worth a line once something is in it. */
static void show_dead_letter(struct view *view, struct weir_slice pipeline)
{
	struct json_walk walk = json_walk_start(nested(view, pipeline, "dead_letter"));
	struct weir_slice key, output;
	int used = 0;

	while (json_walk_next(&walk, &key, &output))
		used |= number(view, output, "delivered") || number(view, output, "in_flight") ||
			text(view, output, "stalled").size > 0;
	if (used)
		show_stages(view, pipeline, "dead_letter", "dead", show_output);
}

static void show_pipeline(struct view *view, struct weir_slice pipeline)
{
	struct weir_slice state = text(view, pipeline, "state");
	struct weir_slice failure = text(view, pipeline, "failure");
	int well = weir_slice_equals(state, "running") || weir_slice_equals(state, "stopping");
	int64_t unrouted = number(view, pipeline, "unrouted");

	printf("\n%s", terminal_style(TERMINAL_BOLD));
	terminal_text(text(view, pipeline, "name"));
	printf("%s  ", terminal_style(TERMINAL_PLAIN));
	terminal_text(state);
	printf("\n");
	if (!well || failure.size)
		print_trouble(view, "failed", failure);
	show_stages(view, pipeline, "inputs", "input", show_input);
	show_stages(view, pipeline, "filters", "filter", show_filter);
	show_stages(view, pipeline, "outputs", "output", show_output);
	show_dead_letter(view, pipeline);
	if (unrouted)
		printf("%*s%" PRId64 " records went to no output\n", STAGE_WIDTH, "", unrouted);
}

/* What is in force, and what is not with the reason. */
static void show_sandbox(struct view *view, struct weir_slice sandbox)
{
	static const char *const parts[][2] = {
		{"capabilities", "few capabilities"},
		{"no_new_privs", "no new privileges"},
		{"landlock", "read-only system folders (Landlock)"},
		{"seccomp", "filtered system calls (seccomp)"},
	};
	const char *separator = "  sandbox: ";
	int64_t denied = number(view, sandbox, "denied");

	if (!sandbox.size || sandbox.data[0] != '{')
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct weir_slice why = text(view, sandbox, parts[i][0]);

		printf("%s%s%s", separator, why.size ? "not " : "", parts[i][1]);
		if (why.size)
			printf(": %.*s", (int)why.size, why.data);
		separator = why.size ? "; " : ", ";
	}
	if (denied)
		printf("; %" PRId64 " calls denied", denied);
	printf("\n");
}

static void show(struct view *view, struct weir_slice document)
{
	struct json_walk walk = json_walk_start(nested(view, document, "pipelines"));
	struct weir_slice memory = nested(view, document, "memory");
	struct weir_slice stalled = text(view, nested(view, document, "state"), "stalled");
	struct weir_slice key, pipeline;

	printf("weir ");
	terminal_text(text(view, document, "version"));
	printf(" on ");
	terminal_text(text(view, document, "host"));
	printf(", up ");
	print_duration(number(view, document, "uptime_seconds"));
	printf(", memory ");
	print_size(number(view, memory, "used"));
	printf(" of ");
	print_size(number(view, memory, "limit"));
	printf("\n");
	show_sandbox(view, nested(view, document, "sandbox"));
	if (stalled.size)
		print_trouble(view, "positions cannot be saved", stalled);
	while (json_walk_next(&walk, &key, &pipeline))
		show_pipeline(view, pipeline);
}

/* ---- asking ---- */

static int is_troubled(struct view *view, struct weir_slice document)
{
	struct json_walk pipelines = json_walk_start(nested(view, document, "pipelines"));
	struct weir_slice key, pipeline;

	if (text(view, nested(view, document, "state"), "stalled").size)
		return 1;
	while (json_walk_next(&pipelines, &key, &pipeline)) {
		struct json_walk outputs = json_walk_start(nested(view, pipeline, "outputs"));
		struct json_walk dead = json_walk_start(nested(view, pipeline, "dead_letter"));
		struct weir_slice output;

		if (text(view, pipeline, "failure").size)
			return 1;
		while (json_walk_next(&outputs, &key, &output) ||
		       json_walk_next(&dead, &key, &output))
			if (text(view, output, "stalled").size)
				return 1;
	}
	return 0;
}

static int show_document(const struct buffer *document, int json)
{
	struct view view = {.scratch = {.limit = STATUS_JSON_MAX}};
	struct weir_slice whole = {document->data, document->size};

	if (json) {
		printf("%.*s\n", (int)document->size, document->data);
		view.troubled = is_troubled(&view, whole);
	} else {
		show(&view, whole);
	}
	scratch_done(&view.scratch);
	return view.troubled ? CLI_FAILED : CLI_OK;
}

static int ask(const struct config *config, int json)
{
	struct weir_error error = {0};
	struct buffer document = {0};
	int code, result;

	if (!config->admin_host) {
		fprintf(stderr, "weir status: `admin` is off in %s, so the agent cannot be asked\n",
			config->path);
		return CLI_FAILED;
	}
	code = local_http_get_as(config->admin_host, config->admin_port, config->admin_token,
				 "/status", STATUS_JSON_MAX, &document, &error);
	if (code == WEIR_ERR_NOT_FOUND) {
		fprintf(stderr, "weir status: the agent is not running: nobody listens on %s:%u\n",
			config->admin_host, config->admin_port);
		return EXIT_NOT_RUNNING;
	}
	if (code) {
		fprintf(stderr, "weir status: %s:%u: %s\n", config->admin_host, config->admin_port,
			error.text);
		return CLI_FAILED;
	}
	result = show_document(&document, json);
	buffer_done(&document);
	return result;
}

int cli_status(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct weir_error error = {0};
	struct config *config = NULL;
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_OK)
		return result;
	if (arguments.help) {
		fputs(usage, stdout);
		return CLI_OK;
	}
	if (config_load(arguments.config, &config, &error) < 0) {
		fprintf(stderr, "weir status: %s\n", error.text);
		return CLI_FAILED;
	}
	result = ask(config, arguments.json);
	config_free(config);
	return result;
}
