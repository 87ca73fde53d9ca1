// SPDX-License-Identifier: MIT
/*
 * `weir spool list|check|repair`: the queues on disk of outputs with `buffer`, under STATE_DIR/spool.
 * Listing and checking read only, and may be done while the agent runs.
 */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "batch/json.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "config/units.h"
#include "spool/spool_survey.h"

static const char synopsis[] =
	"usage: weir spool list|check|repair [-c FILE] [--json] [PIPELINE[/OUTPUT]...]\n"
	"\n"
	"Looks at the queues on disk of outputs with the option \"buffer\": all of them, or those\n"
	"named.\n"
	"\n"
	"  list    what waits in each\n"
	"  check   reads every byte, and names the segments that are damaged\n"
	"  repair  writes damaged segments anew with what is whole of them; the agent must\n"
	"          not run. It is never necessary: the agent skips what is damaged, and\n"
	"          says so\n";

static const char exit_codes[] =
	"Exit codes: 0 all is well, 1 something is damaged or could not be read, 2 wrong usage.\n";

enum action { SPOOL_LIST, SPOOL_CHECK, SPOOL_REPAIR };

struct arguments {
	const char *config;
	int json;
	enum action action;
	char **names; /* NULL-terminated */
};

struct look {
	const struct arguments *arguments;
	struct buffer out;    /* JSON */
	const char *name;     /* of the queue at hand */
	struct buffer others; /* names of queues that were not asked for */
	size_t found;
	int failed;
};

static int read_action(const char *word, enum action *ret_action)
{
	static const char *const words[] = {"list", "check", "repair"};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word && strcmp(word, words[i]) == 0) {
			*ret_action = (enum action)i;
			return CLI_GO_ON;
		}
	return word ? cli_usage_error("spool", "it can list, check and repair, found \"%s\"", word)
		    : cli_usage_error("spool",
				      "it needs to be told what to do: list, check or repair");
}

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	const struct cli_option options[] = {CLI_CONFIG(&ret->config, "the weir.yaml to use"),
					     CLI_JSON(&ret->json, "print the result as JSON"),
					     CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"spool", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	ret->names = words.items + (words.count ? 1 : 0);
	return read_action(words.items[0], &ret->action);
}

/* ---- one queue ------------------------------------------------------------------------------- */

static void show_segment(void *user, const struct spool_segment *segment,
			 const struct spool_segment_survey *survey)
{
	const struct look *look = user;
	char name[SPOOL_SEGMENT_NAME_SIZE];

	if (look->arguments->json)
		return;
	spool_segment_name(segment, name);
	printf("%s%s/%s: %" PRIu64 " bytes are damaged, %" PRIu64 " records missing%s\n",
	       terminal_style(TERMINAL_RED), look->name, name, survey->damaged, survey->missing,
	       terminal_style(TERMINAL_PLAIN));
}

static void show(const struct look *look, const struct spool_survey *survey)
{
	char bytes[32];

	units_round_size((int64_t)survey->bytes, bytes, sizeof(bytes));
	printf("%s%s%s\n", terminal_style(TERMINAL_BOLD), look->name,
	       terminal_style(TERMINAL_PLAIN));
	printf("  %" PRIu64 " record%s; %u segment%s of %s", survey->total.waiting,
	       survey->total.waiting == 1 ? " waits" : "s wait", survey->segments,
	       survey->segments == 1 ? "" : "s", bytes);
	if (survey->slots == 0)
		printf("; nothing is noted as delivered: all of it is sent");
	if (survey->bad_segments)
		printf("; %" PRIu64 " bytes in %u segment%s %s, %" PRIu64 " records missing",
		       survey->total.damaged, survey->bad_segments,
		       survey->bad_segments == 1 ? "" : "s",
		       look->arguments->action == SPOOL_REPAIR ? "were damaged" : "are damaged",
		       survey->total.missing);
	putchar('\n');
}

static void show_json(struct look *look, const struct spool_survey *survey)
{
	struct buffer *out = &look->out;

	buffer_text(out, look->found ? ",{\"queue\":" : "{\"queue\":");
	json_append_string(out, weir_slice_of(look->name));
	buffer_printf(out,
		      ",\"waiting\":%" PRIu64 ",\"records\":%" PRIu64 ",\"segments\":%u,"
		      "\"bytes\":%" PRIu64 ",\"state\":%s,\"damaged_segments\":%u,"
		      "\"damaged_bytes\":%" PRIu64 ",\"missing\":%" PRIu64
		      ",\"unfinished_bytes\":%" PRIu64 "}",
		      survey->total.waiting, survey->total.records, survey->segments, survey->bytes,
		      survey->slots ? "true" : "false", survey->bad_segments, survey->total.damaged,
		      survey->total.missing, survey->total.unfinished);
}

/* All names, or those given: PIPELINE, or PIPELINE/OUTPUT. */
static int is_wanted(const struct arguments *arguments, const char *name)
{
	if (!arguments->names[0])
		return 1;
	for (char **wanted = arguments->names; *wanted; wanted++) {
		size_t size = strlen(*wanted);

		if (strncmp(name, *wanted, size) == 0 && (name[size] == '\0' || name[size] == '/'))
			return 1;
	}
	return 0;
}

static void look_at(struct look *look, const char *path, const char *name)
{
	struct weir_error error = {0};
	struct spool_survey survey;
	int status;

	if (!is_wanted(look->arguments, name)) {
		buffer_printf(&look->others, "%s%s", look->others.size ? ", " : "", name);
		return;
	}
	look->name = name;
	if (look->arguments->action == SPOOL_REPAIR)
		status = spool_repair(path, &survey, &error);
	else
		status = spool_survey(path, &survey,
				      look->arguments->action == SPOOL_CHECK ? show_segment : NULL,
				      look, &error);
	if (status < 0) {
		fprintf(stderr, "weir spool: %s: %s\n", name, error.text);
		look->failed = 1;
		return;
	}
	if (look->arguments->json)
		show_json(look, &survey);
	else
		show(look, &survey);
	if (look->arguments->action == SPOOL_CHECK && survey.bad_segments)
		look->failed = 1;
	look->found++;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Calls for every folder in a folder; a missing one has none. */
static void each_folder(const char *path, const char *prefix,
			void (*call)(struct look *look, const char *path, const char *name),
			struct look *look)
{
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char below[PATH_MAX];
		char name[PATH_MAX];

		if (list[i]->d_name[0] != '.' &&
		    snprintf(below, sizeof(below), "%s/%s", path, list[i]->d_name) <
			    (int)sizeof(below) &&
		    snprintf(name, sizeof(name), "%s%s", prefix, list[i]->d_name) <
			    (int)sizeof(name))
			call(look, below, name);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

static void look_at_pipeline(struct look *look, const char *path, const char *name)
{
	char prefix[PATH_MAX];

	if (snprintf(prefix, sizeof(prefix), "%s/", name) < (int)sizeof(prefix))
		each_folder(path, prefix, look_at, look);
}

static int look_at_all(const struct config *config, const struct arguments *arguments)
{
	struct look look = {.arguments = arguments};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/spool", config->state_dir);
	if (cli_can_read("spool", path))
		return CLI_FAILED;
	buffer_text(&look.out, "{\"queues\":[");
	each_folder(path, "", look_at_pipeline, &look);
	buffer_text(&look.out, "]}");
	if (arguments->json)
		puts(buffer_cstr(&look.out));
	else if (!look.found && !look.failed && !arguments->names[0])
		printf("There is no queue in %s.\n", path);
	buffer_done(&look.out);
	if (arguments->names[0] && !look.found) {
		fprintf(stderr, "weir spool: there is no queue of that name in %s; there %s%s\n",
			path, look.others.size ? "is " : "is none",
			look.others.size ? buffer_cstr(&look.others) : "");
		look.failed = 1;
	}
	buffer_done(&look.others);
	return look.failed ? CLI_FAILED : CLI_OK;
}

int cli_spool(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct config *config = NULL;
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	result = cli_load_state("spool", arguments.config, &config, NULL);
	if (!result)
		result = look_at_all(config, &arguments);
	config_free(config);
	return result;
}
