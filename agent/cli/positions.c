// SPDX-License-Identifier: MIT
/*
 * `weir positions list`: how far each output has got in each source, from the state database. Reads
 * only, and may be used while the agent runs; what it shows is at most a commit interval old.
 * set and reset are in positions_set.c.
 */
#include "cli/positions.h"

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

#define OUTPUT_WIDTH 16
#define ID_HEX_SIZE 33

static const char usage[] =
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
	"another id. A SOURCE is a path or an id, as list shows them. The agent must not run.\n"
	"\n"
	"  -p, --pipeline ID  only sources of this pipeline\n"
	"  -o, --output NAME  move this output alone\n"
	"  -t, --to POSITION  where to: a number of bytes, beginning or end\n"
	"  -a, --all          every source, in place of naming some\n"
	"  -c, --config FILE  the weir.yaml to use\n"
	"      --json         print the result as JSON\n"
	"  -h, --help         this text\n"
	"\n"
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

static int read_option(int letter, struct positions *arguments)
{
	switch (letter) {
	case 'c':
		arguments->config_path = optarg;
		return CLI_OK;
	case 'p':
		arguments->pipeline = optarg;
		return CLI_OK;
	case 'o':
		arguments->output = optarg;
		return CLI_OK;
	case 't':
		arguments->to = optarg;
		return CLI_OK;
	case 'a':
		arguments->all = 1;
		return CLI_OK;
	case 'j':
		arguments->json = 1;
		return CLI_OK;
	case 'h':
		arguments->help = 1;
		return CLI_OK;
	default:
		return CLI_USAGE;
	}
}

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
	if (arguments->to)
		return positions_read_to(arguments->to, NULL);
	return CLI_OK;
}

static int read_action(int argc, char **argv, struct positions *arguments)
{
	if (argc - optind < 1)
		return cli_usage_error("positions",
				       "it needs to be told what to do: list, set or reset");
	arguments->action = argv[optind];
	arguments->sources = argv + optind + 1;
	arguments->source_count = (size_t)(argc - optind - 1);
	if (strcmp(arguments->action, "set") == 0 || strcmp(arguments->action, "reset") == 0)
		return check_change(arguments);
	if (strcmp(arguments->action, "list") != 0)
		return cli_usage_error("positions", "it can list, set and reset, found \"%s\"",
				       arguments->action);
	if (arguments->source_count)
		return cli_usage_error("positions", "list takes no argument, found \"%s\"",
				       arguments->sources[0]);
	return CLI_OK;
}

static int read_arguments(int argc, char **argv, struct positions *arguments)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"pipeline", required_argument, NULL, 'p'},
						{"output", required_argument, NULL, 'o'},
						{"to", required_argument, NULL, 't'},
						{"all", no_argument, NULL, 'a'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int letter, status;

	while ((letter = cli_getopt("positions", argc, argv, ":c:p:o:t:ah", options)) != -1) {
		status = read_option(letter, arguments);
		if (status)
			return status;
	}
	return arguments->help ? CLI_OK : read_action(argc, argv, arguments);
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
		fprintf(stderr, "weir positions: %s\n", listing.error.text);
	else if (arguments->json)
		puts(buffer_cstr(&listing.out));
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
		return positions_fail(&error);
	result = list(state, arguments);
	state_close(state);
	return result;
}

int positions_fail(const struct weir_error *error)
{
	fprintf(stderr, "weir positions: %s\n", error->text);
	return CLI_FAILED;
}

static int has_errors(const struct config *config)
{
	for (size_t i = 0; i < config->problem_count; i++)
		if (config->problems[i].severity == CONFIG_ERROR)
			fprintf(stderr, "%s:%u:%u: %s\n", config->problems[i].path,
				config->problems[i].line, config->problems[i].column,
				config->problems[i].text);
	return config_errors(config) > 0;
}

/* Only an output's name needs more than the settings. */
static int load(const struct positions *arguments, struct config **ret_config,
		struct registry **ret_registry)
{
	struct weir_error error = {0};
	int result;

	if (arguments->output)
		result = cli_load(arguments->config_path, ret_config, ret_registry);
	else
		result = config_load(arguments->config_path, ret_config, &error)
				 ? positions_fail(&error)
				 : CLI_OK;
	if (!result && has_errors(*ret_config))
		result = CLI_FAILED;
	if (!result && arguments->output &&
	    config_load_pipelines(*ret_config, *ret_registry, &error) < 0)
		result = positions_fail(&error);
	return result;
}

int cli_positions(int argc, char **argv)
{
	struct positions arguments = {0};
	struct config *config = NULL;
	struct registry *registry = NULL;
	int result = read_arguments(argc, argv, &arguments);

	if (result)
		return result;
	if (arguments.help) {
		fputs(usage, stdout);
		return CLI_OK;
	}
	result = load(&arguments, &config, &registry);
	if (!result && strcmp(arguments.action, "list") == 0)
		result = list_of(&arguments, config);
	else if (!result)
		result = positions_change(&arguments, config);
	registry_destroy(registry);
	config_free(config);
	return result;
}
