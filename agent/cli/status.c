// SPDX-License-Identifier: MIT
/*
 * `weir status`: asks the running agent for the document of admin/status_json.h and shows it. The
 * exit code says whether all is well, for scripts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/status_json.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/document.h"
#include "cli/terminal.h"
#include "config/units.h"

#define STAGE_WIDTH 12

static const char synopsis[] = "usage: weir status [-c FILE] [--json]\n"
			       "\n"
			       "Asks the running agent how its pipelines are.\n";

static const char exit_codes[] =
	"Exit codes: 0 all is well, 1 something failed or is stalled, or cannot be asked, 2 wrong\n"
	"usage, 3 the agent is not running.\n";

/* The document while it is shown. */
struct view {
	struct scratch scratch;
	int troubled;
};

/* ---- reading the document ---- */

static int64_t number(struct view *view, struct weir_slice map, const char *name)
{
	return document_number(&view->scratch, map, name);
}

static struct weir_slice text(struct view *view, struct weir_slice map, const char *name)
{
	return document_text(&view->scratch, map, name);
}

static struct weir_slice nested(struct view *view, struct weir_slice map, const char *name)
{
	return document_nested(&view->scratch, map, name);
}

/* ---- printing ---- */

static void print_padded(struct weir_slice what, unsigned width)
{
	terminal_text(what);
	printf("%*s", what.size < width ? (int)(width - what.size) : 1, "");
}

static void print_size(int64_t bytes)
{
	char text[32];

	units_round_size(bytes, text, sizeof(text));
	printf("%s", text);
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
	int result;

	if (ask_status(config, &document, &error))
		return ask_failed("status", &error);
	result = show_document(&document, json);
	buffer_done(&document);
	return result;
}

int cli_status(int argc, char **argv)
{
	const char *path = NULL;
	int json = 0;
	const struct cli_option options[] = {
		CLI_CONFIG(&path, "the weir.yaml whose `admin` address is asked"),
		CLI_JSON(&json, "print the answer as JSON"), CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"status", synopsis, exit_codes, options};
	struct config *config = NULL;
	int result = cli_parse(&syntax, argc, argv, NULL);

	if (result != CLI_GO_ON)
		return result;
	if (cli_load_settings("status", path, &config))
		return CLI_FAILED;
	result = ask(config, json);
	config_free(config);
	return result;
}
