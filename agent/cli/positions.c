// SPDX-License-Identifier: MIT
/*
 * `weir positions list`: how far each output has got in each source, from the state database. Reads
 * only, and may be used while the agent runs; what it shows is at most a commit interval old.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "batch/json.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "state/state.h"

#define OUTPUT_WIDTH 16
#define ID_HEX_SIZE 33

static const char usage[] =
	"usage: weir positions list [-c FILE] [--json]\n"
	"\n"
	"Lists the sources that pipelines have read, with the position up to which each output is\n"
	"done with them, in bytes. Works while the agent runs, too.\n"
	"\n"
	"  -c, --config FILE  the weir.yaml to use\n"
	"      --json         print the result as JSON\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit codes: 0 all is well, 1 there is no state that could be read, 2 wrong usage.\n";

struct arguments {
	const char *config;
	int json, help;
};

struct listing {
	struct state *state;
	struct buffer out; /* JSON */
	struct weir_error error;
	char *pipeline, *input; /* of the source before */
	size_t sources, positions;
};

static int read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct arguments arguments = {0};
	int letter;

	while ((letter = cli_getopt("positions", argc, argv, ":c:h", options)) != -1) {
		if (letter == 'c')
			arguments.config = optarg;
		else if (letter == 'j')
			arguments.json = 1;
		else if (letter == 'h')
			arguments.help = 1;
		else
			return CLI_USAGE;
	}
	*ret_arguments = arguments;
	if (arguments.help)
		return CLI_OK;
	if (argc - optind < 1)
		return cli_usage_error("positions", "it needs to be told what to do: list");
	if (strcmp(argv[optind], "list") != 0)
		return cli_usage_error("positions", "it can list, found \"%s\"", argv[optind]);
	if (argc - optind > 1)
		return cli_usage_error("positions", "list takes no argument, found \"%s\"",
				       argv[optind + 1]);
	return CLI_OK;
}

static void id_hex(const uint8_t id[16], char ret_hex[ID_HEX_SIZE])
{
	for (int i = 0; i < 16; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", id[i]);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void print_time(int64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm parts;
	char text[32];

	localtime_r(&seconds, &parts);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
	fputs(text, stdout);
}

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
	char hex[ID_HEX_SIZE];

	id_hex(source->id, hex);
	show_heading(listing, source);
	printf("  ");
	terminal_text(source->name);
	printf("\n      %sid %s, seen ", terminal_style(TERMINAL_DIM), hex);
	print_time(source->seen_ns);
	printf("%s\n", terminal_style(TERMINAL_PLAIN));
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
	char hex[ID_HEX_SIZE];

	id_hex(source->id, hex);
	buffer_text(out, listing->sources++ ? ",{\"pipeline\":" : "{\"pipeline\":");
	json_append_string(out, weir_slice_of(source->pipeline));
	buffer_text(out, ",\"input\":");
	json_append_string(out, weir_slice_of(source->input));
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

static int list(struct state *state, int json)
{
	struct listing listing = {.state = state};
	int failed;

	buffer_text(&listing.out, "{\"sources\":[");
	failed = state_each_source(state, NULL, NULL, json ? add_source : show_source, &listing,
				   &listing.error);
	buffer_text(&listing.out, "]}");
	failed = failed || listing.error.code;
	if (failed)
		fprintf(stderr, "weir positions: %s\n", listing.error.text);
	else if (json)
		puts(buffer_cstr(&listing.out));
	else if (!listing.sources)
		printf("No source has been read yet.\n");
	buffer_done(&listing.out);
	free(listing.pipeline);
	free(listing.input);
	return failed ? CLI_FAILED : CLI_OK;
}

static int list_of(const struct config *config, int json)
{
	struct weir_error error = {0};
	struct state *state;
	int result;

	for (size_t i = 0; i < config->problem_count; i++)
		if (config->problems[i].severity == CONFIG_ERROR)
			fprintf(stderr, "%s:%u:%u: %s\n", config->problems[i].path,
				config->problems[i].line, config->problems[i].column,
				config->problems[i].text);
	if (config_errors(config))
		return CLI_FAILED;
	if (state_open_readonly(config->state_dir, &state, &error) != 0) {
		fprintf(stderr, "weir positions: %s\n", error.text);
		return CLI_FAILED;
	}
	result = list(state, json);
	state_close(state);
	return result;
}

int cli_positions(int argc, char **argv)
{
	struct arguments arguments;
	struct weir_error error = {0};
	struct config *config = NULL;
	int result = read_arguments(argc, argv, &arguments);

	if (result)
		return result;
	if (arguments.help) {
		fputs(usage, stdout);
		return CLI_OK;
	}
	if (config_load(arguments.config, &config, &error) != 0) {
		fprintf(stderr, "weir positions: %s\n", error.text);
		return CLI_FAILED;
	}
	result = list_of(config, arguments.json);
	config_free(config);
	return result;
}
