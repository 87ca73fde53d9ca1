// SPDX-License-Identifier: MIT
/*
 * `weir dead list|show|replay|drop`: the dead letters of all pipelines, whether the agent runs or not.
 *
 * They are where the dead_letter stages say, as far as those write JSON to a path, and in the folder
 * `dead` of state_dir, where those of pipelines that are gone may lie.
 */
#include "cli/dead.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "config/units.h"
#include "expr/instant.h"

static const char synopsis[] =
	"usage: weir dead list|show [FILTER...] [-n N] [--json]\n"
	"       weir dead replay    [FILTER...] [-q] [--json]\n"
	"       weir dead drop      FILTER...|--all [--json]\n"
	"\n"
	"list counts the dead letters by pipeline, stage and reason, show prints them, replay "
	"sends\n"
	"them once more to the output that refused them (those of filters and inputs through all "
	"of\n"
	"their pipeline), drop deletes them. All work beside a running agent.\n";

static const char exit_codes[] =
	"Exit codes: 0 all is well, 1 something failed, 2 wrong usage, 4 replay was stopped or "
	"could\n"
	"not send some of the letters; they stay.\n";

struct action {
	const char *name;
	int (*run)(struct dead *dead);
};

static const struct action actions[] = {
	{"list", dead_list}, {"show", dead_show}, {"replay", dead_replay}, {"drop", dead_drop}};

struct arguments {
	const char *config;
	const struct action *action;
	struct dead dead;
};

/* ---- arguments ----------------------------------------------------------------------------------- */

static int read_time(const char *option, const char *text, int64_t *ret_ns)
{
	struct weir_slice slice = weir_slice_of(text);
	int64_t ago;

	if (instant_parse(slice, ret_ns))
		return CLI_OK;
	if (units_read_duration(slice, &ago) == 0) {
		*ret_ns = clock_wall_ns() - ago;
		return CLI_OK;
	}
	return cli_usage_error("dead",
			       "--%s takes a time like 2026-11-24T10:00:00Z or a span like "
			       "2h, found \"%s\"",
			       option, text);
}

static int read_limit(const char *text, uint64_t *ret_limit)
{
	char *end;

	*ret_limit = strtoull(text, &end, 10);
	if (*text < '1' || *text > '9' || *end)
		return cli_usage_error("dead", "--limit takes a number, found \"%s\"", text);
	return CLI_OK;
}

static int read_action(const struct cli_words *words, struct arguments *arguments)
{
	if (words->count < 1)
		return cli_usage_error("dead", "it needs to be told what to do: list, show, replay "
					       "or drop");
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(words->items[0], actions[i].name) == 0)
			arguments->action = &actions[i];
	if (!arguments->action)
		return cli_usage_error("dead", "it can list, show, replay and drop, found \"%s\"",
				       words->items[0]);
	if (words->count > 1)
		return cli_usage_error("dead", "\"%s\" is more than it takes", words->items[1]);
	if (arguments->action->run == dead_drop && !arguments->dead.all &&
	    !dead_filter_is_set(&arguments->dead.filter))
		return cli_usage_error("dead", "drop needs to be told which letters, or --all");
	if (arguments->dead.all && dead_filter_is_set(&arguments->dead.filter))
		return cli_usage_error("dead", "--all and a filter contradict each other");
	return CLI_GO_ON;
}

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	struct dead *dead = &ret->dead;
	struct dead_filter *filter = &dead->filter;
	const char *since = NULL, *until = NULL, *limit = NULL;
	const struct cli_option options[] = {
		{'p', "pipeline", "NAME", "only those of this pipeline", .text = &filter->pipeline},
		{0, "stage", "NAME", "only those that this stage gave up", .text = &filter->stage},
		{0, "reason", "WORD", "only those with this reason, as list shows it",
		 .text = &filter->reason},
		{0, "since", "TIME",
		 "only those since then: 2026-11-24, 2026-11-24T10:00:00Z, or 2h ago",
		 .text = &since},
		{0, "until", "TIME", "only those before then", .text = &until},
		{.name = "all", .help = "drop everything, damaged lines too", .flag = &dead->all},
		{'n', "limit", "N", "show at most so many", .text = &limit},
		{'q', "quiet", .help = "replay without a progress bar", .flag = &dead->quiet},
		CLI_CONFIG(&ret->config, "the weir.yaml to use"),
		CLI_JSON(&dead->json, "print the result as JSON; show: the letters as they are"),
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"dead", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	if ((since && read_time("since", since, &filter->since_ns)) ||
	    (until && read_time("until", until, &filter->until_ns)) ||
	    (limit && read_limit(limit, &dead->limit)))
		return CLI_USAGE;
	return read_action(&words, ret);
}

/* ---- places -------------------------------------------------------------------------------------- */

const struct config_stage *dead_stage(const struct config_pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->dead_letter_count; i++) {
		const struct config_stage *stage = &pipeline->dead_letter[i];
		const char *format = weir_node_text(stage->options, "format");

		if (weir_node_text(stage->options, "path") &&
		    (!format || strcmp(format, "json") == 0))
			return stage;
	}
	return NULL;
}

/* Takes the pattern, unless it is there already. */
static int place_add(struct dead *dead, char *take_pattern)
{
	struct dead_place *places;

	for (size_t i = 0; take_pattern && i < dead->place_count; i++)
		if (strcmp(dead->places[i].pattern, take_pattern) == 0) {
			free(take_pattern);
			return 0;
		}
	places = realloc(dead->places, (dead->place_count + 1) * sizeof(*places));
	if (places)
		dead->places = places;
	if (!places || !take_pattern) {
		free(take_pattern);
		return WEIR_ERR_MEMORY;
	}
	places[dead->place_count++].pattern = take_pattern;
	return 0;
}

/* The path of the option for a file in the default folder, whatever its suffix. */
static char *default_pattern(const char *path)
{
	const char *end = strstr(strrchr(path, '/'), ".jsonl"); /* not in a folder's name */
	char *pattern = malloc(strlen(path) * 2 + 1), *to = pattern;

	for (const char *at = path; pattern && at < end + strlen(".jsonl"); at++) {
		if (*at == '%')
			*to++ = '%';
		*to++ = *at;
	}
	if (pattern)
		*to = '\0';
	return pattern;
}

static int add_default_places(struct dead *dead)
{
	glob_t found = {0};
	char *folder;
	int status = 0;

	if (asprintf(&folder, "%s/dead/*.jsonl*", dead->config->state_dir) < 0)
		return WEIR_ERR_MEMORY;
	if (glob(folder, 0, NULL, &found) == 0)
		for (size_t i = 0; status == 0 && i < found.gl_pathc; i++)
			status = place_add(dead, default_pattern(found.gl_pathv[i]));
	globfree(&found);
	free(folder);
	return status;
}

static int find_places(struct dead *dead, struct weir_error *error)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < dead->config->pipeline_count; i++) {
		const struct config_stage *stage = dead_stage(&dead->config->pipelines[i]);

		if (stage)
			status = place_add(dead, strdup(weir_node_text(stage->options, "path")));
	}
	if (status == 0)
		status = add_default_places(dead);
	return status < 0 ? weir_fail(error, status, "no memory for paths") : 0;
}

static void dead_done(struct dead *dead)
{
	for (size_t i = 0; i < dead->place_count; i++)
		free(dead->places[i].pattern);
	free(dead->places);
}

/* ---- letters ------------------------------------------------------------------------------------- */

int dead_filter_is_set(const struct dead_filter *filter)
{
	return filter->pipeline || filter->stage || filter->reason || filter->since_ns ||
	       filter->until_ns;
}

int dead_wants(const struct dead_filter *filter, const struct letter *letter)
{
	if (filter->pipeline && !weir_slice_equals(letter->pipeline, filter->pipeline))
		return 0;
	if (filter->stage && !weir_slice_equals(letter->stage, filter->stage))
		return 0;
	if (filter->reason && !weir_slice_equals(letter->reason, filter->reason))
		return 0;
	if ((filter->since_ns || filter->until_ns) && !letter->time_ns)
		return 0;
	return (!filter->since_ns || letter->time_ns >= filter->since_ns) &&
	       (!filter->until_ns || letter->time_ns < filter->until_ns);
}

static int scan_file(const struct dead *dead, const char *path, const struct dead_scan *scan,
		     struct weir_error *error)
{
	struct scratch scratch = {.limit = DEAD_SCRATCH_MAX};
	struct letter_reader *reader;
	struct letter_line line;
	struct letter letter;
	int status = letter_reader_open(path, &reader, error);
	int more = 0;

	if (status <
	    0) /* renamed by an agent's rotation a moment ago: found again under its new name */
		return status == WEIR_ERR_NOT_FOUND ? 0 : status;
	while (status == 0 && (more = letter_reader_next(reader, &line)) > 0) {
		if (!line.whole && scan->live)
			continue;
		if (!line.whole || letter_read(&scratch, line.text, &letter) < 0)
			status = scan->call(scan->user, path, &line, NULL);
		else if (dead_wants(&dead->filter, &letter))
			status = scan->call(scan->user, path, &line, &letter);
		scratch_reset(&scratch);
	}
	if (more < 0)
		status = weir_fail(error, WEIR_ERR_IO, "can't read %s", path);
	else if (status == WEIR_ERR_MEMORY)
		weir_fail(error, status, "no memory for the letters of %s", path);
	scratch_done(&scratch);
	letter_reader_close(reader);
	return status;
}

int dead_scan_files(const struct dead *dead, const struct letter_files *files,
		    const struct dead_scan *scan, struct weir_error *error)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < files->count; i++)
		status = scan_file(dead, files->paths[i], scan, error);
	return status;
}

static int load(struct arguments *arguments)
{
	struct dead *dead = &arguments->dead;
	struct weir_error error = {0};
	int result = cli_load_state("dead", arguments->config, &dead->config, &dead->registry);

	if (result)
		return result;
	return find_places(dead, &error) < 0 ? cli_fail("dead", &error) : CLI_OK;
}

static int can_read_letters(const struct config *config)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/dead", config->state_dir);
	return cli_can_read("dead", folder);
}

int cli_dead(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct dead *dead = &arguments.dead;
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	result = load(&arguments);
	if (!result)
		result = can_read_letters(dead->config);
	if (!result)
		result = arguments.action->run(dead);
	dead_done(dead);
	cli_unload(dead->config, dead->registry);
	return result;
}
