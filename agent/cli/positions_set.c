// SPDX-License-Identifier: MIT
/*
 * `weir positions set` and `reset`. They take the lock of the state folder, so that no agent runs
 * meanwhile, and look at everything before they change anything.
 *
 * The sizes of files keep a slip of the pen from harm: a position behind the end would make the input
 * take the file for another one, and read it from its beginning.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/positions.h"

/* A source that is meant. */
struct choice {
	uint8_t id[16];
	char *pipeline, *name;
	uint64_t position;
	char **outputs;
	size_t output_count;
};

struct changing {
	const struct positions *arguments;
	struct choice *choices;
	size_t count;
	uint8_t *found; /* per source that was named */
};

int positions_read_to(const char *text, uint64_t *ret_position)
{
	uint64_t position;
	char *end;

	if (strcmp(text, "beginning") == 0)
		position = 0;
	else if (strcmp(text, "end") == 0)
		position = POSITIONS_END;
	else {
		position = strtoull(text, &end, 10);
		if (*text < '0' || *text > '9' || *end || position > INT64_MAX)
			return cli_usage_error("positions",
					       "--to takes a number of bytes, beginning or end, "
					       "found \"%s\"",
					       text);
	}
	if (ret_position)
		*ret_position = position;
	return CLI_OK;
}

/* ---- which sources ------------------------------------------------------------------------------- */

static int is_named(const char *word, const struct state_source *source)
{
	char hex[POSITIONS_ID_SIZE];

	positions_format_id(source->id, hex);
	return strcmp(word, hex) == 0 || weir_slice_equals(source->name, word);
}

static int choose(void *user, const struct state_source *source)
{
	struct changing *changing = user;
	const struct positions *arguments = changing->arguments;
	struct choice *choices;
	int meant = arguments->all;

	for (size_t i = 0; i < arguments->source_count; i++)
		if (is_named(arguments->sources[i], source))
			meant = changing->found[i] = 1;
	if (!meant)
		return 0;
	choices = realloc(changing->choices, (changing->count + 1) * sizeof(*choices));
	if (!choices)
		return WEIR_ERR_MEMORY;
	changing->choices = choices;
	choices[changing->count] = (struct choice){
		.pipeline = strdup(source->pipeline),
		.name = strndup(source->name.size ? source->name.data : "", source->name.size)};
	memcpy(choices[changing->count].id, source->id, sizeof(source->id));
	changing->count++;
	return choices[changing->count - 1].pipeline && choices[changing->count - 1].name
		       ? 0
		       : WEIR_ERR_MEMORY;
}

static int add_output(void *user, const char *output, uint64_t position)
{
	struct choice *choice = user;
	char **outputs = realloc(choice->outputs, (choice->output_count + 1) * sizeof(*outputs));

	(void)position;
	if (!outputs)
		return WEIR_ERR_MEMORY;
	choice->outputs = outputs;
	outputs[choice->output_count] = strdup(output);
	return outputs[choice->output_count++] ? 0 : WEIR_ERR_MEMORY;
}

static int choose_all(struct changing *changing, struct state *state, struct weir_error *error)
{
	const struct positions *arguments = changing->arguments;
	int failed;

	changing->found = calloc(arguments->source_count + 1, 1);
	if (!changing->found)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	failed = state_each_source(state, arguments->pipeline, NULL, choose, changing, error);

	for (size_t i = 0; !failed && i < arguments->source_count; i++)
		if (!changing->found[i])
			return weir_fail(error, WEIR_ERR_NOT_FOUND,
					 "there is no source \"%s\"; see weir positions list",
					 arguments->sources[i]);
	for (size_t i = 0; !failed && i < changing->count; i++)
		failed = state_each_position(state, changing->choices[i].id, add_output,
					     &changing->choices[i], error);
	return failed;
}

/* ---- which output -------------------------------------------------------------------------------- */

static int has_row(const struct choice *choice, const char *output)
{
	for (size_t i = 0; i < choice->output_count; i++)
		if (strcmp(choice->outputs[i], output) == 0)
			return 1;
	return 0;
}

static int is_configured(const struct config *config, const char *pipeline, const char *output,
			 struct nearest *nearest)
{
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *one = &config->pipelines[i];

		for (size_t k = 0; strcmp(one->id, pipeline) == 0 && k < one->output_count; k++) {
			if (strcmp(one->outputs[k].name, output) == 0)
				return 1;
			nearest_offer(nearest, weir_slice_of(one->outputs[k].name));
		}
	}
	return 0;
}

/* An output that has no position yet must at least be in the pipeline's file. */
static int check_output(const struct changing *changing, const struct config *config,
			struct weir_error *error)
{
	const char *output = changing->arguments->output;
	struct nearest nearest = nearest_to(weir_slice_of(output));

	for (size_t i = 0; i < changing->count; i++) {
		const struct choice *choice = &changing->choices[i];

		for (size_t k = 0; k < choice->output_count; k++)
			nearest_offer(&nearest, weir_slice_of(choice->outputs[k]));
		if (has_row(choice, output) ||
		    is_configured(config, choice->pipeline, output, &nearest))
			continue;
		return weir_fail(error, WEIR_ERR_NOT_FOUND,
				 "pipeline %s has no output \"%s\"%s%.*s%s", choice->pipeline,
				 output, nearest.best.size ? "; did you mean \"" : "",
				 (int)nearest.best.size, nearest.best.size ? nearest.best.data : "",
				 nearest.best.size ? "\"?" : "");
	}
	return 0;
}

/* ---- where to ------------------------------------------------------------------------------------ */

/* The size of a source that is a plain file now; 0 when it is none. */
static int file_size(const char *name, uint64_t *ret_size)
{
	size_t length = strlen(name);
	struct stat info;

	if (name[0] != '/' || stat(name, &info) < 0 || !S_ISREG(info.st_mode) ||
	    (length > 3 && strcmp(name + length - 3, ".gz") == 0) ||
	    (length > 4 && strcmp(name + length - 4, ".zst") == 0))
		return 0;
	*ret_size = (uint64_t)info.st_size;
	return 1;
}

static void warn_within_line(const struct choice *choice)
{
	FILE *file = fopen(choice->name, "re");
	int before = EOF;

	if (file && choice->position && fseeko(file, (off_t)choice->position - 1, SEEK_SET) == 0)
		before = getc(file);
	if (before != EOF && before != '\n')
		fprintf(stderr,
			"weir positions: %" PRIu64
			" is within a line of %s; the rest of it will be "
			"taken for a line\n",
			choice->position, choice->name);
	if (file)
		fclose(file);
}

static int aim(struct choice *choice, uint64_t to, struct weir_error *error)
{
	uint64_t size;
	int is_file = file_size(choice->name, &size);

	if (to == POSITIONS_END && !is_file)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "%s is no plain file, so its end is not known; give a number of "
				 "bytes",
				 choice->name);
	if (to != POSITIONS_END && is_file && to > size)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "%s has %" PRIu64
				 " bytes; a position behind its end would make it "
				 "another file",
				 choice->name, size);
	choice->position = to == POSITIONS_END ? size : to;
	if (is_file)
		warn_within_line(choice);
	return 0;
}

/* ---- changing ------------------------------------------------------------------------------------ */

static int set_one(struct state *state, const struct positions *arguments,
		   const struct choice *choice, struct weir_error *error)
{
	int failed = 0;

	if (arguments->output)
		return state_set_position(state, choice->id, arguments->output, choice->position,
					  error);
	if (!choice->output_count)
		return weir_fail(error, WEIR_ERR_NOT_FOUND,
				 "nothing of %s was delivered yet; say which --output is meant",
				 choice->name);
	for (size_t i = 0; !failed && i < choice->output_count; i++)
		failed = state_set_position(state, choice->id, choice->outputs[i], choice->position,
					    error);
	return failed;
}

static int change_all(struct changing *changing, struct state *state, const struct config *config,
		      struct weir_error *error)
{
	const struct positions *arguments = changing->arguments;
	int is_set = strcmp(arguments->action, "set") == 0;
	uint64_t to = 0;
	int failed = choose_all(changing, state, error);

	if (!failed && arguments->output)
		failed = check_output(changing, config, error);
	if (failed || (is_set && positions_read_to(arguments->to, &to) != CLI_OK))
		return WEIR_ERR_INVALID;
	for (size_t i = 0; is_set && !failed && i < changing->count; i++)
		failed = aim(&changing->choices[i], to, error);
	for (size_t i = 0; !failed && i < changing->count; i++)
		failed = is_set ? set_one(state, arguments, &changing->choices[i], error)
				: state_remove_source(state, changing->choices[i].id, error);
	return failed;
}

static void changing_done(struct changing *changing)
{
	for (size_t i = 0; i < changing->count; i++) {
		struct choice *choice = &changing->choices[i];

		for (size_t k = 0; k < choice->output_count; k++)
			free(choice->outputs[k]);
		free(choice->outputs);
		free(choice->pipeline);
		free(choice->name);
	}
	free(changing->choices);
	free(changing->found);
}

/* The state for writing; only where there is a sound one, which is looked at first. */
static int open_state(const struct config *config, struct state **ret_state,
		      struct weir_error *error)
{
	struct state *state;
	int reset;

	if (state_open_readonly(config->state_dir, &state, error) < 0)
		return error->code;
	state_close(state);
	return state_open(config->state_dir, ret_state, &reset, error);
}

int positions_change(const struct positions *arguments, const struct config *config)
{
	struct changing changing = {.arguments = arguments};
	struct weir_error error = {0};
	struct state *state = NULL;
	size_t count;
	int failed;

	if (open_state(config, &state, &error) < 0)
		return cli_fail("positions", &error);
	failed = change_all(&changing, state, config, &error);
	state_close(state);
	count = changing.count;
	changing_done(&changing);
	if (failed)
		return cli_fail("positions", &error);
	if (arguments->json)
		printf("{\"sources\":%zu}\n", count);
	else
		printf("%zu source%s %s\n", count, count == 1 ? "" : "s",
		       strcmp(arguments->action, "set") == 0 ? "moved" : "forgotten");
	return CLI_OK;
}
