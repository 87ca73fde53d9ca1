// SPDX-License-Identifier: MIT
/*
 * `weir positions list`: how far each output has got in each source, from the state database. Reads
 * only, and may be used while the agent runs; what it shows is at most a commit interval old.
 * set and reset are in positions_set.c.
 */
#include "cli/positions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/json.h"
#include "cli/cli.h"
#include "cli/terminal.h"

#define OUTPUT_WIDTH 16

static const char synopsis[] =
	"usage: weir positions list  [-p NAME] [--json]\n"
	"       weir positions set   [-p NAME] [-o OUTPUT] SOURCE... --to POSITION|beginning|end\n"
	"       weir positions reset [-p NAME] SOURCE...\n"
	"\n"
	"list shows the sources that pipelines have read, with the position up to which each "
	"output\n"
	"is done with them, in bytes; it works while the agent runs, too. set moves an output, or\n"
	"all of them, to another position: what is behind it is sent again, what is before it is\n"
	"skipped. reset forgets a source, which is then read from its beginning as a new one, "
	"under\n"
	"another id. A SOURCE is a path or an id, as list shows them. The agent must not run.\n";

static const char exit_codes[] =
	"Exit codes: 0 all is well, 1 there is no state that could be read, no such source, or an\n"
	"agent runs, 2 wrong usage.\n";

struct listing {
	struct state *state;
	struct buffer out; /* JSON */
	struct weir_error error;
	char *pipeline, *input; /* of the source before */
	size_t sources, positions;
};

/* ---- arguments ------------------------------------------------------------------------------- */

static int check_change(const struct positions *arguments)
{
	if (!arguments->source_count && !arguments->all)
		return cli_usage_error("positions", "it needs to be told which sources, or --all");
	if (arguments->source_count && arguments->all)
		return cli_usage_error("positions", "--all and a source contradict each other");
	if (strcmp(arguments->action, "reset") == 0 && (arguments->to || arguments->output))
		return cli_usage_error("positions", "reset takes no position and no output");
	if (strcmp(arguments->action, "set") == 0 && !arguments->to)
		return cli_usage_error("positions", "set needs --to POSITION");
	if (arguments->to && positions_read_to(arguments->to, NULL))
		return CLI_USAGE;
	return CLI_GO_ON;
}

static int read_action(const struct cli_words *words, struct positions *arguments)
{
	if (words->count < 1)
		return cli_usage_error("positions",
				       "it needs to be told what to do: list, set or reset");
	arguments->action = words->items[0];
	arguments->sources = words->items + 1;
	arguments->source_count = words->count - 1;
	if (strcmp(arguments->action, "set") == 0 || strcmp(arguments->action, "reset") == 0)
		return check_change(arguments);
	if (strcmp(arguments->action, "list") != 0)
		return cli_usage_error("positions", "it can list, set and reset, found \"%s\"",
				       arguments->action);
	if (arguments->source_count)
		return cli_usage_error("positions", "list takes no argument, found \"%s\"",
				       arguments->sources[0]);
	return CLI_GO_ON;
}

static int read_arguments(int argc, char **argv, struct positions *ret)
{
	const struct cli_option options[] = {
		{'p', "pipeline", "ID", "only sources of this pipeline", .text = &ret->pipeline},
		{'o', "output", "NAME", "move this output alone", .text = &ret->output},
		{'t', "to", "POSITION", "where to: a number of bytes, beginning or end",
		 .text = &ret->to},
		{'a', "all", .help = "every source, in place of naming some", .flag = &ret->all},
		CLI_CONFIG(&ret->config_path, "the weir.yaml to use"),
		CLI_JSON(&ret->json, "print the result as JSON"),
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"positions", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	return result == CLI_GO_ON ? read_action(&words, ret) : result;
}

void positions_format_id(const uint8_t id[16], char ret_hex[POSITIONS_ID_SIZE])
{
	for (int i = 0; i < 16; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", id[i]);
}

/* ---- for people ------------------------------------------------------------------------------ */

static int show_position(void *user, const char *output, uint64_t position)
{
	struct listing *listing = user;

	printf("      %-*s  %" PRIu64 "\n", OUTPUT_WIDTH, output, position);
	listing->positions++;
	return 0;
}

static void show_heading(struct listing *listing, const struct state_source *source)
{
	if (listing->pipeline && strcmp(listing->pipeline, source->pipeline) == 0 &&
	    strcmp(listing->input, source->input) == 0)
		return;
	printf("%s%s%s/%s%s\n", listing->sources ? "\n" : "", terminal_style(TERMINAL_BOLD),
	       source->pipeline, source->input, terminal_style(TERMINAL_PLAIN));
	free(listing->pipeline);
	free(listing->input);
	listing->pipeline = strdup(source->pipeline);
	listing->input = strdup(source->input);
}

static int show_source(void *user, const struct state_source *source)
{
	struct listing *listing = user;
	char hex[POSITIONS_ID_SIZE], seen[TERMINAL_TIME_SIZE];

	positions_format_id(source->id, hex);
	terminal_format_time(source->seen_ns, seen);
	show_heading(listing, source);
	printf("  ");
	terminal_text(source->name);
	printf("\n      %sid %s, seen %s%s\n", terminal_style(TERMINAL_DIM), hex, seen,
	       terminal_style(TERMINAL_PLAIN));
	listing->positions = 0;
	state_each_position(listing->state, source->id, show_position, listing, &listing->error);
	if (!listing->positions)
		printf("      nothing delivered yet\n");
	listing->sources++;
	return listing->error.code;
}

/* ---- for programs ---------------------------------------------------------------------------- */

static int add_position(void *user, const char *output, uint64_t position)
{
	struct listing *listing = user;

	buffer_text(&listing->out, listing->positions++ ? "," : "");
	json_append_string(&listing->out, weir_slice_of(output));
	return buffer_printf(&listing->out, ":%" PRIu64, position);
}

static int add_source(void *user, const struct state_source *source)
{
	struct listing *listing = user;
	struct buffer *out = &listing->out;
	char hex[POSITIONS_ID_SIZE];

	positions_format_id(source->id, hex);
	buffer_text(out, listing->sources++ ? ",{\"pipeline\":" : "{\"pipeline\":");
	json_append_string(out, weir_slice_of(source->pipeline));
	json_append_member(out, "input", source->input);
	buffer_text(out, ",\"source\":");
	json_append_string(out, source->name);
	buffer_printf(out, ",\"id\":\"%s\",\"seen\":", hex);
	json_append_timestamp(out, source->seen_ns);
	buffer_text(out, ",\"positions\":{");
	listing->positions = 0;
	state_each_position(listing->state, source->id, add_position, listing, &listing->error);
	buffer_text(out, "}}");
	return listing->error.code;
}

static int list(struct state *state, const struct positions *arguments)
{
	struct listing listing = {.state = state};
	int failed;

	buffer_text(&listing.out, "{\"sources\":[");
	failed = state_each_source(state, arguments->pipeline, NULL,
				   arguments->json ? add_source : show_source, &listing,
				   &listing.error);
	buffer_text(&listing.out, "]}");
	failed = failed || listing.error.code;
	if (failed)
		(void)cli_fail("positions", &listing.error);
	else if (arguments->json)
		puts(buffer_cstr(&listing.out));
	else if (!listing.sources && arguments->pipeline)
		printf("No source of a pipeline \"%s\" has been read yet.\n", arguments->pipeline);
	else if (!listing.sources)
		printf("No source has been read yet.\n");
	buffer_done(&listing.out);
	free(listing.pipeline);
	free(listing.input);
	return failed ? CLI_FAILED : CLI_OK;
}

static int list_of(const struct positions *arguments, const struct config *config)
{
	struct weir_error error = {0};
	struct state *state;
	int result;

	if (state_open_readonly(config->state_dir, &state, &error) != 0)
		return cli_fail("positions", &error);
	result = list(state, arguments);
	state_close(state);
	return result;
}

int cli_positions(int argc, char **argv)
{
	struct positions arguments = {0};
	struct config *config = NULL;
	struct registry *registry = NULL;
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	/* Only an output's name needs more than the settings. */
	result = cli_load_state("positions", arguments.config_path, &config,
				arguments.output ? &registry : NULL);
	if (!result && strcmp(arguments.action, "list") == 0)
		result = list_of(&arguments, config);
	else if (!result)
		result = positions_change(&arguments, config);
	cli_unload(config, registry);
	return result;
}
