// SPDX-License-Identifier: MIT
/*
 * `weir import`: reads another agent's configuration, writes pipelines that do the same, continues at its
 * positions, and says what is different.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "base/log.h"
#include "batch/json.h"
#include "cli/cli.h"
#include "cli/file_write.h"
#include "cli/import_places.h"
#include "cli/import_positions.h"
#include "cli/terminal.h"

#define EXIT_INCOMPLETE 3

static const char synopsis[] =
	"usage: weir import kinesis-agent [OPTION...] agent.json\n"
	"       weir import fluent-bit [OPTION...] FILE\n"
	"\n"
	"Writes a pipeline for every flow of the Kinesis Agent's agent.json, and of agent.d "
	"beside\n"
	"it; or for every input of Fluent Bit, whose FILE may be of either form. Takes their\n"
	"positions over: stop that agent before, and Weir, too.\n";

static const char exit_codes[] =
	"Exit codes: 0 all was carried over, 1 failed, 2 wrong usage, 3 written, but something "
	"could\n"
	"not be carried over.\n";

struct arguments {
	const char *config, *output, *positions, *kind, *path;
	int dry_run, force, no_positions, json;
};

static const struct importer {
	const char *name, *program;
	int (*read)(struct import *import);
	const struct import_places *places;
} importers[] = {
	{"kinesis-agent", "the Kinesis Agent", import_kinesis, &import_places_kinesis},
	{"fluent-bit", "Fluent Bit", import_fluent, &import_places_fluent},
};

/* ---- arguments ---- */

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	const struct cli_option options[] = {
		CLI_CONFIG(&ret->config, "the weir.yaml to use"),
		{'o', "output", "FOLDER", "where the pipelines go (default: its conf_dir)",
		 .text = &ret->output},
		{'n', "dry-run", .help = "print them; write nothing", .flag = &ret->dry_run},
		{.name = "force", .help = "replace files that are there", .flag = &ret->force},
		{0, "positions", "FILE", "the other agent's positions, where they are elsewhere",
		 .text = &ret->positions},
		{.name = "no-positions",
		 .help = "don't take positions over",
		 .flag = &ret->no_positions},
		CLI_JSON(&ret->json, "print what was done as JSON"),
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"import", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	if (words.count < 1)
		return cli_usage_error("import", "say what to import: kinesis-agent or fluent-bit");
	if (words.count < 2)
		return cli_usage_error("import", "say what to import, and from which file: "
						 "kinesis-agent FILE or fluent-bit FILE");
	if (words.count > 2)
		return cli_usage_error("import", "\"%s\" is more than import takes",
				       words.items[2]);
	ret->kind = words.items[0];
	ret->path = words.items[1];
	return CLI_GO_ON;
}

/* ---- files ---- */

/* All of them can be written, or none is. */
static int check_targets(const struct import *import, const char *folder, int force)
{
	int result = CLI_OK;
	char path[PATH_MAX];

	for (const struct import_pipeline *p = import->pipelines; p && !force; p = p->next) {
		snprintf(path, sizeof(path), "%s/%s.yaml", folder, p->name);
		if (access(path, F_OK) < 0)
			continue;
		fprintf(stderr, "weir import: %s is there already; move it away, or add --force\n",
			path);
		result = CLI_FAILED;
	}
	return result;
}

static int write_files(const struct import *import, const char *folder, int force)
{
	int result = check_targets(import, folder, force);
	struct weir_error error = {0};
	char path[PATH_MAX];

	for (const struct import_pipeline *p = import->pipelines; p && !result; p = p->next) {
		struct buffer text = {0};

		import_print(import, p, &text);
		snprintf(path, sizeof(path), "%s/%s.yaml", folder, p->name);
		if (file_write(path, force ? O_TRUNC : O_EXCL, 0644, text.data, text.size, &error))
			result = cli_fail("import", &error);
		buffer_done(&text);
	}
	return result;
}

static void print_files(const struct import *import)
{
	for (const struct import_pipeline *p = import->pipelines; p; p = p->next) {
		struct buffer text = {0};

		import_print(import, p, &text);
		printf("---- %s.yaml\n%s\n", p->name, buffer_cstr(&text));
		buffer_done(&text);
	}
}

/* ---- the report ---- */

static int count_lost(const struct import_note *note)
{
	int lost = 0;

	for (; note; note = note->next)
		lost += note->kind == IMPORT_LOST;
	return lost;
}

static void show_notes(const struct import *import, const struct import_note *note)
{
	for (; note; note = note->next) {
		int lost = note->kind == IMPORT_LOST;

		printf("    %s%-8s%s ", terminal_style(lost ? TERMINAL_RED : TERMINAL_DIM),
		       lost ? "LOST" : "differs", terminal_style(TERMINAL_PLAIN));
		if (note->line)
			printf("%s:%u: ", import->path, note->line);
		terminal_text(weir_slice_of(note->text));
		printf("\n");
	}
}

static void show(const struct import *import, const char *folder, const struct import_place *places)
{
	for (const struct import_pipeline *p = import->pipelines; p; p = p->next) {
		printf("%s%s/%s.yaml%s  ", terminal_style(TERMINAL_BOLD), folder, p->name,
		       terminal_style(TERMINAL_PLAIN));
		terminal_text(weir_slice_of(p->about));
		printf("\n");
		for (const struct import_place *place = places; place; place = place->next) {
			if (strcmp(place->pipeline, p->name) != 0)
				continue;
			printf("    position ");
			terminal_text(weir_slice_of(place->path));
			printf(" at %" PRIu64 "\n", place->position);
		}
		show_notes(import, p->notes);
	}
	if (import->notes)
		printf("%s\n", import->path);
	show_notes(import, import->notes);
}

static void json_notes(struct buffer *out, const struct import_note *note)
{
	const char *separator = "";

	buffer_text(out, "[");
	for (; note; note = note->next) {
		buffer_printf(out, "%s{\"kind\":\"%s\",\"line\":%u", separator,
			      note->kind == IMPORT_LOST ? "lost" : "differs", note->line);
		json_append_member(out, "text", note->text);
		buffer_text(out, "}");
		separator = ",";
	}
	buffer_text(out, "]");
}

static void json_places(struct buffer *out, const char *pipeline, const struct import_place *place)
{
	const char *separator = "";

	buffer_text(out, "[");
	for (; place; place = place->next) {
		if (strcmp(place->pipeline, pipeline) != 0)
			continue;
		buffer_printf(out, "%s{\"position\":%" PRIu64, separator, place->position);
		json_append_member(out, "path", place->path);
		buffer_text(out, "}");
		separator = ",";
	}
	buffer_text(out, "]");
}

static void show_json(const struct import *import, const struct import_place *places)
{
	struct buffer out = {0};

	buffer_text(&out, "{\"pipelines\":[");
	for (const struct import_pipeline *p = import->pipelines; p; p = p->next) {
		struct buffer text = {0};

		import_print(import, p, &text);
		buffer_printf(&out,
			      "%s{\"name\":\"%s\",\"yaml\":", p == import->pipelines ? "" : ",",
			      p->name);
		json_append_string(&out, (struct weir_slice){text.data, text.size});
		buffer_text(&out, ",\"positions\":");
		json_places(&out, p->name, places);
		buffer_text(&out, ",\"notes\":");
		json_notes(&out, p->notes);
		buffer_text(&out, "}");
		buffer_done(&text);
	}
	buffer_text(&out, "],\"notes\":");
	json_notes(&out, import->notes);
	printf("%s}\n", buffer_cstr(&out));
	buffer_done(&out);
}

/* ---- all of it ---- */

static void finish(struct import *import)
{
	for (struct import_pipeline *p = import->pipelines; p; p = p->next) {
		buffer_done(&p->inputs);
		buffer_done(&p->filters);
		buffer_done(&p->outputs);
	}
}

/* Where there are positions to take over. */
static int find_positions(struct import *import, const struct arguments *arguments)
{
	int any = 0;

	for (struct import_pipeline *p = import->pipelines; p; p = p->next) {
		if (p->positions && arguments->positions)
			p->positions = arguments->positions;
		if (!p->positions || access(p->positions, F_OK) == 0) {
			any |= p->positions != NULL;
			continue;
		}
		import_note(import, p, arguments->positions ? IMPORT_LOST : IMPORT_DIFFERS, 0,
			    "there are no positions in %s, so it begins as a new one; name the "
			    "file by --positions if it is elsewhere",
			    p->positions);
		p->positions = NULL;
	}
	return any;
}

static int take_positions(struct import *import, const struct arguments *arguments,
			  const struct import_places *reader, const char *folder,
			  struct import_place **ret_places)
{
	struct weir_error error = {0};

	if (arguments->no_positions || arguments->dry_run || !find_positions(import, arguments))
		return CLI_OK;
	if (import_positions(import, reader, arguments->config, folder, ret_places, &error) == 0)
		return CLI_OK;
	fprintf(stderr,
		"weir import: %s. The pipelines are written; mend that, and import again "
		"with --force\n",
		error.text);
	return CLI_FAILED;
}

static int carry_over(struct import *import, const struct arguments *arguments,
		      const struct import_places *reader, const char *folder)
{
	struct import_place *places = NULL;
	int result = arguments->dry_run ? CLI_OK : write_files(import, folder, arguments->force);
	int lost = count_lost(import->notes);

	if (!result)
		result = take_positions(import, arguments, reader, folder, &places);
	if (result)
		return result;
	if (arguments->json) {
		show_json(import, places);
	} else {
		if (arguments->dry_run)
			print_files(import);
		show(import, folder, places);
	}
	for (const struct import_pipeline *p = import->pipelines; p; p = p->next)
		lost += count_lost(p->notes);
	return lost ? EXIT_INCOMPLETE : CLI_OK;
}

static int run(const struct arguments *arguments, const struct importer *importer)
{
	struct weir_error error = {0};
	struct config *config = NULL;
	struct import import = {.program = importer->program, .path = arguments->path};
	int result;

	if (config_load(arguments->config, &config, &error) < 0 ||
	    log_setup(WEIR_LOG_WARNING, LOG_TEXT, NULL, &error) < 0) {
		config_free(config);
		return cli_fail("import", &error);
	}
	import.config = config;
	import.memory = config->memory;
	import.pipelines_end = &import.pipelines;
	import.notes_end = &import.notes;
	result = cli_show_errors(config);
	if (!result && importer->read(&import) < 0) {
		(void)cli_show_errors(config);
		result = CLI_FAILED;
	}
	if (!result)
		result = carry_over(&import, arguments, importer->places,
				    arguments->output ? arguments->output : config->conf_dir);
	finish(&import);
	config_free(config);
	return result;
}

int cli_import(int argc, char **argv)
{
	struct arguments arguments = {0};
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	for (size_t i = 0; i < sizeof(importers) / sizeof(importers[0]); i++)
		if (strcmp(importers[i].name, arguments.kind) == 0)
			return run(&arguments, &importers[i]);
	return cli_usage_error("import",
			       "\"%s\" can't be imported, only kinesis-agent and fluent-bit",
			       arguments.kind);
}
