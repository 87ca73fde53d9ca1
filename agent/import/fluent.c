// SPDX-License-Identifier: MIT
/*
 * Fluent Bit's configuration: every input becomes a pipeline of its own, with the filters and outputs
 * whose Match its tag fits. Of it, what is most used: tail, parsers, multiline, modify, grep, and the
 * outputs for Kinesis, Firehose, search indexes, HTTP and files.
 *
 * The names of inputs, filters, outputs, parsers and keys that fluent*.c compares are Fluent Bit's own.
 * What they are written as is in fluent_templates.h.
 */
#include "import/fluent.h"
#include "import/fluent_templates.h"

#define WORDS_MAX 64
/* Rules of a multiline parser that are looked at. */
#define RULES_MAX 16

/* ---- routing ---- */

/* With * for any bytes, as in Match. */
static int fits(const char *pattern, const char *tag)
{
	const char *star = NULL, *again = NULL;

	while (*tag) {
		if (*pattern == '*') {
			star = ++pattern;
			again = tag;
		} else if (*pattern == *tag) {
			pattern++;
			tag++;
		} else if (star) {
			pattern = star;
			tag = ++again;
		} else {
			return 0;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

/* Where the tag has a *, the path of the file stands, with dots for slashes. */
static const char *tag_of(struct fluent *fluent, struct fluent_section *input)
{
	const char *tag = fluent_get(input, "tag"), *path = fluent_get(input, "path");
	const char *star = tag ? strchr(tag, '*') : NULL;
	char *whole;

	if (!tag)
		return config_print(fluent->import->memory, "%s.0", fluent_name(input));
	if (!star)
		return tag;
	whole = config_print(fluent->import->memory, "%.*s%s%s", (int)(star - tag), tag,
			     path && path[0] == '/' ? path + 1 : "x", star + 1);
	for (char *at = whole ? whole + (star - tag) : NULL; at && *at; at++)
		*at = *at == '/' ? '.' : *at;
	return whole ? whole : tag;
}

static int is_for(struct fluent *fluent, struct fluent_section *section, const char *tag)
{
	const char *match = fluent_get(section, "match");

	if (!match && fluent_get(section, "match_regex")) {
		import_note(fluent->import, NULL, IMPORT_DIFFERS, section->line,
			    "Match_Regex is taken as matching everything");
		return 1;
	}
	return match && fits(match, tag);
}

/* ---- tail ---- */

static void put_list(struct buffer *out, const char *name, const char *value)
{
	const char *separator = "";

	buffer_printf(out, "      %s: [", name);
	while (*value) {
		size_t size = strcspn(value, ",");
		char one[4096];
		size_t from = strspn(value, " \t");
		size_t to = size;

		while (to > from && (value[to - 1] == ' ' || value[to - 1] == '\t'))
			to--;
		if (to > from && to - from < sizeof(one)) {
			snprintf(one, sizeof(one), "%.*s", (int)(to - from), value + from);
			buffer_text(out, separator);
			fluent_scalar(out, one);
			separator = ", ";
		}
		value += size + (value[size] == ',');
	}
	buffer_text(out, "]\n");
}

/* Rules "start_state" "/regex/" "next" and "next" "/regex/" "next". */
static int put_rules(struct fluent *fluent, struct import_pipeline *pipeline,
		     struct fluent_section *parser)
{
	static const char *const keys[] = {"rule", NULL};
	static const char *const ignored[] = {"type", "flush_timeout", "name", NULL};
	const char *rules[RULES_MAX][3];
	struct fluent_pair *pair = NULL;
	size_t count = 0;

	parser->is_used = 1;
	fluent_ignore(parser, ignored);
	while (count < RULES_MAX && (pair = fluent_next(parser, pair, keys)) != NULL)
		count += fluent_words(fluent, pair->value, rules[count], 3) == 3;
	if (count != 2 || strcmp(rules[0][0], "start_state") != 0 ||
	    strcmp(rules[0][2], rules[1][0]) != 0)
		return 0;
	buffer_text(&pipeline->inputs, "      multiline:\n  ");
	import_option(&pipeline->inputs, "start", fluent_pattern(fluent, rules[0][1]));
	buffer_text(&pipeline->inputs, "  ");
	import_option(&pipeline->inputs, "continue", fluent_pattern(fluent, rules[1][1]));
	return 1;
}

/* A container format comes first, and is a parse filter here. */
static void put_multiline(struct fluent *fluent, struct import_pipeline *pipeline,
			  struct fluent_section *input, const char **ret_container)
{
	static const char *const presets[] = {"java", "python", "go", "ruby"};
	const char *value = fluent_get(input, "multiline.parser");
	const char *words[WORDS_MAX];
	char *plain = value ? config_copy(fluent->import->memory, value, strlen(value)) : NULL;
	size_t count;

	for (char *at = plain; at && *at; at++)
		*at = *at == ',' ? ' ' : *at;
	count = plain ? fluent_words(fluent, plain, words, WORDS_MAX) : 0;
	if (count)
		import_note(fluent->import, pipeline, IMPORT_DIFFERS, input->line,
			    "multiline.parser: a joined record does not end in a line end");
	for (size_t i = 0; i < count; i++) {
		struct fluent_section *parser = fluent_find(fluent, FLUENT_MULTILINE, words[i]);
		int is_preset = 0;

		for (size_t p = 0; p < sizeof(presets) / sizeof(presets[0]); p++)
			is_preset |= strcmp(words[i], presets[p]) == 0;
		if (strcmp(words[i], "cri") == 0 || strcmp(words[i], "docker") == 0)
			*ret_container = words[i];
		else if (is_preset && !*ret_container)
			buffer_printf(&pipeline->inputs, "      multiline: { preset: %s }\n",
				      words[i]);
		else if (!parser || *ret_container || !put_rules(fluent, pipeline, parser))
			import_note(fluent->import, pipeline, IMPORT_LOST, input->line,
				    "the multiline parser %s", words[i]);
	}
}

/* The older way: lines that the parser does not match belong to the one before. */
static struct fluent_section *put_firstline(struct fluent *fluent, struct import_pipeline *pipeline,
					    struct fluent_section *input)
{
	const char *name = fluent_get(input, "parser_firstline");
	struct fluent_section *parser = name ? fluent_find(fluent, FLUENT_PARSER, name) : NULL;
	const char *pattern = parser ? fluent_get(parser, "regex") : NULL;

	fluent_get(input, "multiline_flush");
	if (!fluent_is_on(fluent_get(input, "multiline")))
		return NULL;
	if (!pattern) {
		import_note(fluent->import, pipeline, IMPORT_LOST, input->line,
			    "Multiline: the parser %s of its first line", name ? name : "");
		return NULL;
	}
	buffer_text(&pipeline->inputs, "      multiline:\n  ");
	import_option(&pipeline->inputs, "start", fluent_pattern(fluent, pattern));
	import_note(fluent->import, pipeline, IMPORT_DIFFERS, input->line,
		    "Multiline: the parser sees all lines of a record; begin it by (?s) here to "
		    "have . match line ends");
	return parser;
}

/* What does not parse is in the field that it would be in without a parser. */
static void put_unparsed(struct buffer *out, const char *key)
{
	if (strcmp(key, "message") != 0) {
		buffer_text(out, FLUENT_AS_UNPARSED);
		fluent_scalar(out, key);
		buffer_text(out, FLUENT_AS_UNPARSED_END);
	}
	buffer_text(out, FLUENT_AS_PARSED);
}

/* The record before any filter: {"log": LINE} there, unless a parser takes it apart. */
static void put_record(struct fluent *fluent, struct import_pipeline *pipeline,
		       struct fluent_section *input, struct fluent_section *first,
		       const char *container)
{
	struct buffer *out = &pipeline->filters;
	const char *name = fluent_get(input, "parser"), *key = fluent_get(input, "key");
	const char *path_key = fluent_get(input, "path_key");
	struct fluent_section *parser = first  ? first
					: name ? fluent_find(fluent, FLUENT_PARSER, name)
					       : NULL;

	key = key ? key : "log";
	if (container)
		buffer_printf(out, FLUENT_AS_CONTAINER, container);
	if (container && strcmp(container, "docker") == 0)
		key = "message";
	if (parser) {
		fluent_parser(fluent, pipeline, parser, "message");
		put_unparsed(out, key);
	} else {
		if (name)
			import_note(fluent->import, pipeline, IMPORT_LOST, input->line,
				    "there is no parser %s; lines stay as they are", name);
		if (strcmp(key, "message") != 0) {
			buffer_text(out, FLUENT_AS_KEY);
			fluent_scalar(out, key);
			buffer_text(out, " }\n");
		}
	}
	if (!path_key)
		return;
	buffer_text(out, FLUENT_AS_SOURCE);
	fluent_key(out, path_key);
	buffer_text(out, FLUENT_AS_SOURCE_END);
}

static void tail(struct fluent *fluent, struct import_pipeline *pipeline,
		 struct fluent_section *input)
{
	static const char *const ignored[] = {"name",
					      "tag",
					      "alias",
					      "log_level",
					      "mem_buf_limit",
					      "refresh_interval",
					      "rotate_wait",
					      "skip_long_lines",
					      "buffer_chunk_size",
					      "buffer_max_size",
					      "db.sync",
					      "db.locking",
					      "db.journal_mode",
					      "db.compare_filename",
					      "inotify_watcher",
					      "static_batch_size",
					      "event_batch_size",
					      "file_cache_advise",
					      "threaded",
					      "docker_mode",
					      NULL};
	struct buffer *out = &pipeline->inputs;
	const char *exclude = fluent_get(input, "exclude_path");
	const char *older = fluent_get(input, "ignore_older");
	const char *storage = fluent_get(input, "storage.type");
	const char *path = fluent_get(input, "path");
	const char *container = NULL;
	struct fluent_section *first;

	fluent_ignore(input, ignored);
	buffer_text(out, FLUENT_AS_TAIL);
	put_list(out, "paths", path ? path : "");
	if (exclude)
		put_list(out, "exclude", exclude);
	buffer_printf(out, "      start: %s\n",
		      fluent_is_on(fluent_get(input, "read_from_head")) ? "beginning" : "end");
	if (!fluent_is_on(fluent_get(input, "skip_empty_lines")))
		buffer_text(out, "      empty_lines: keep\n");
	fluent_option(out, "ignore_older", older);
	first = put_firstline(fluent, pipeline, input);
	if (!first)
		put_multiline(fluent, pipeline, input, &container);
	pipeline->positions = fluent_get(input, "db");
	if (storage && strcasecmp(storage, "filesystem") == 0)
		import_note(fluent->import, pipeline, IMPORT_DIFFERS, input->line,
			    "storage.type: what still waits in that agent's storage.path is not "
			    "taken over; let it send that before you stop it");
	put_record(fluent, pipeline, input, first, container);
}

/* ---- pipelines ---- */

static int is_tail(struct fluent_section *input)
{
	return strcasecmp(fluent_name(input), "tail") == 0;
}

static void route(struct fluent *fluent, struct import_pipeline *pipeline, const char *tag)
{
	int any = 0;

	for (struct fluent_section *s = fluent->sections; s; s = s->next)
		if (s->kind == FLUENT_FILTER && is_for(fluent, s, tag))
			fluent_filter(fluent, pipeline, s);
	for (struct fluent_section *s = fluent->sections; s; s = s->next)
		if (s->kind == FLUENT_OUTPUT && is_for(fluent, s, tag))
			any |= fluent_output(fluent, pipeline, s);
	if (any)
		return;
	buffer_text(&pipeline->outputs, FLUENT_AS_NOTHING);
	import_note(fluent->import, pipeline, IMPORT_LOST, 0,
		    "there is no output that could be carried over: records go nowhere until you "
		    "name one");
}

/* What stands before the path of the file. */
static const char *name_of(struct fluent *fluent, struct fluent_section *input)
{
	const char *tag = fluent_get(input, "tag");
	size_t size = tag ? strcspn(tag, "*") : 0;

	while (size && tag[size - 1] == '.')
		size--;
	return size ? config_copy(fluent->import->memory, tag, size) : fluent_name(input);
}

static void take_input(struct fluent *fluent, struct fluent_section *input)
{
	const char *tag = tag_of(fluent, input), *alias = fluent_get(input, "alias");
	struct import_pipeline *pipeline;

	input->is_used = 1;
	if (!is_tail(input) && strcasecmp(fluent_name(input), "stdin") != 0) {
		import_note(fluent->import, NULL, IMPORT_LOST, input->line, "the input %s",
			    fluent_name(input));
		return;
	}
	pipeline = import_add(
		fluent->import, alias ? alias : name_of(fluent, input),
		config_print(fluent->import->memory, "Input %s, tag %s", fluent_name(input), tag));
	if (!pipeline)
		return;
	if (is_tail(input)) {
		tail(fluent, pipeline, input);
	} else {
		buffer_text(&pipeline->inputs, FLUENT_AS_STDIN);
		put_record(fluent, pipeline, input, NULL, NULL);
	}
	route(fluent, pipeline, tag);
}

/* ---- the rest ---- */

static void report_unused(struct fluent *fluent, struct fluent_section *section)
{
	if (section->kind == FLUENT_OTHER ||
	    (!section->is_used &&
	     (section->kind == FLUENT_FILTER || section->kind == FLUENT_OUTPUT))) {
		import_note(fluent->import, NULL, IMPORT_LOST, section->line,
			    section->kind == FLUENT_OTHER ? "[%s]: the section is not known"
							  : "[%s]: no input fits its Match",
			    section->title);
		return;
	}
	for (struct fluent_pair *pair = section->pairs; section->is_used && pair; pair = pair->next)
		if (!pair->used)
			import_note(fluent->import, NULL, IMPORT_LOST, pair->line, "%s %s: %s",
				    fluent_name(section), pair->key, pair->value);
}

static void read_parsers(struct fluent *fluent)
{
	static const char *const keys[] = {"parsers_file", "plugins_file", "streams_file", NULL};

	for (struct fluent_section *s = fluent->sections; s; s = s->next) {
		struct fluent_pair *pair = NULL;

		while (s->kind == FLUENT_SERVICE && (pair = fluent_next(s, pair, keys)) != NULL)
			if (strcasecmp(pair->key, "parsers_file") == 0)
				fluent_include(fluent, fluent->import->path, pair->value, 0);
	}
}

static int take_sections(struct fluent *fluent)
{
	int inputs = 0;

	read_parsers(fluent);
	for (struct fluent_section *s = fluent->sections; s; s = s->next)
		if (s->kind == FLUENT_INPUT) {
			take_input(fluent, s);
			inputs++;
		}
	for (struct fluent_section *s = fluent->sections; s; s = s->next)
		report_unused(fluent, s);
	if (!inputs && !config_errors(fluent->import->config))
		config_add_problem(fluent->import->config, CONFIG_ERROR, fluent->import->path, 0, 0,
				   "there is no input in it; is it the right file?");
	return config_errors(fluent->import->config) ? WEIR_ERR_INVALID : 0;
}

int import_fluent(struct import *import)
{
	struct fluent fluent = {.import = import, .reads_files = 1};

	fluent.end = &fluent.sections;
	fluent_read_file(&fluent, import->path, 0);
	return take_sections(&fluent);
}

int import_fluent_text(struct import *import, struct weir_slice text, int is_yaml)
{
	struct fluent fluent = {.import = import};
	struct config_file file;

	fluent.end = &fluent.sections;
	config_file_of(&file, import->config, import->path, text);
	if (is_yaml)
		fluent_read_yaml(&fluent, &file, 0);
	else
		fluent_read_classic(&fluent, &file, 0);
	config_file_done(&file);
	return take_sections(&fluent);
}
