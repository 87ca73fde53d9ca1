// SPDX-License-Identifier: MIT
/*
 * Each processor there turns bytes into bytes; here the record is text in `message` until one of them
 * makes fields of it. After that nothing there makes sense but what leaves JSON alone.
 */
#include "import/kinesis_steps.h"

#include "import/kinesis_templates.h"

/* Names in customFieldNames, at most. */
#define FIELDS_MAX 256

struct step {
	struct import *import;
	struct import_pipeline *pipeline;
	struct kinesis_shape *shape;
	const struct tree_node *options;
	const char *names[FIELDS_MAX]; /* customFieldNames */
	size_t name_count;
};

struct log_format {
	const char *theirs, *format;
	int dash_is_null;
	size_t field_count;
	const char *fields[9];
};

static const struct log_format log_formats[] = {
	{"COMMONAPACHELOG",
	 "common",
	 1,
	 7,
	 {"host", "ident", "authuser", "datetime", "request", "response", "bytes"}},
	{"COMBINEDAPACHELOG",
	 "combined",
	 1,
	 9,
	 {"host", "ident", "authuser", "datetime", "request", "response", "bytes", "referer",
	  "agent"}},
	{"APACHEERRORLOG",
	 "apache_error",
	 1,
	 7,
	 {"timestamp", "module", "severity", "processid", "threadid", "client", "message"}},
	{"SYSLOG", "syslog", 0, 5, {"timestamp", "hostname", "program", "processid", "message"}},
	{"RFC3339SYSLOG",
	 "syslog",
	 0,
	 5,
	 {"timestamp", "hostname", "program", "processid", "message"}},
};

static const char no_match[] =
	"a line that does not match is dropped there; here it goes to the dead letter, with the "
	"reason. With `on_error: drop` it is dropped";

static void lost(struct step *step, const char *what)
{
	import_note(step->import, step->pipeline, IMPORT_LOST, step->options->line, "%s", what);
}

static void differs(struct step *step, const char *what)
{
	import_note(step->import, step->pipeline, IMPORT_DIFFERS, step->options->line, "%s", what);
}

static int has_word(const struct tree_node *list, const char *word)
{
	for (uint32_t i = 0; list && list->kind == TREE_LIST && i < list->count; i++)
		if (weir_slice_equals(list->items[i]->text, word))
			return 1;
	return 0;
}

/* ---- SINGLELINE, ADDBRACKETS: text stays text ---- */

static void set_message(struct step *step, const char *expression)
{
	buffer_text(&step->pipeline->filters, KINESIS_MESSAGE);
	import_scalar(&step->pipeline->filters, weir_slice_of(expression));
	buffer_text(&step->pipeline->filters, KINESIS_MESSAGE_END);
	step->shape->is_changed = 1;
}

static void single_line(struct step *step)
{
	const struct tree_node *options = import_find(step->options, "parseOptions");
	/* Two backslashes, as there. */
	const char *join = has_word(options, "ESCAPE_NEW_LINE") ? "\\\\\\\\n" : "";
	char text[256];

	if (step->shape->is_fields)
		return; /* an object is one line here anyway */
	if (has_word(options, "NO_TRIM"))
		snprintf(text, sizeof(text), "replace(message, \"\\n\", \"%s\")", join);
	else
		snprintf(text, sizeof(text),
			 "replace(replace(message, \"[^\\S\\n]*\\n[^\\S\\n]*\", \"%s\"), "
			 "\"^\\s+|\\s+$\", \"\")",
			 join);
	set_message(step, text);
}

static void add_brackets(struct step *step)
{
	if (step->shape->is_fields) {
		lost(step, "ADDBRACKETS after a processor that makes JSON: the result would be "
			   "none");
		return;
	}
	set_message(step, "\"{\" + message + \"\\n}\"");
	step->shape->no_newline = 1;
}

/* ---- CSVTOJSON ---- */

/* The delimiter there is a regular expression: one that stands for one byte, or 0. */
static char delimiter_of(const char *pattern)
{
	if (pattern[0] && !pattern[1] && !strchr(".^$|*+?()[{\\", pattern[0]))
		return pattern[0];
	if (pattern[0] != '\\' || !pattern[1] || pattern[2])
		return '\0';
	if (pattern[1] == 't')
		return '\t';
	return strchr(".^$|*+?()[]{}\\-,;:", pattern[1]) ? pattern[1] : '\0';
}

static void csv(struct step *step)
{
	struct buffer *out = &step->pipeline->filters;
	const char *pattern = import_find_text(step->options, "delimiter");
	char delimiter[2] = {delimiter_of(pattern ? pattern : ","), '\0'};

	if (!delimiter[0] || delimiter[0] == '"') {
		lost(step, "CSVTOJSON: the delimiter is not a single byte; a `parse` with "
			   "`format: regex` can take the line apart. It is sent as it is");
		return;
	}
	if (step->name_count == 0) {
		lost(step, "CSVTOJSON without customFieldNames");
		return;
	}
	buffer_text(out, KINESIS_CSV);
	if (delimiter[0] != ',')
		import_option(out, "delimiter", delimiter);
	buffer_text(out, "      columns: ");
	import_value(out, import_find(step->options, "customFieldNames"));
	buffer_text(out, "\n");
	step->shape->is_fields = 1;
	step->shape->keep_empty = 1;
}

/* ---- LOGTOJSON ---- */

static const struct log_format *find_format(const char *name)
{
	for (size_t i = 0; name && i < sizeof(log_formats) / sizeof(log_formats[0]); i++)
		if (strcmp(log_formats[i].theirs, name) == 0)
			return &log_formats[i];
	return NULL;
}

static void rename_fields(struct step *step, const char *const *from, size_t count)
{
	struct buffer *out = &step->pipeline->filters;
	const char *separator = KINESIS_RENAME;

	for (size_t i = 0; i < count && i < step->name_count; i++) {
		if (strcmp(from[i], step->names[i]) == 0)
			continue;
		buffer_text(out, separator);
		import_key(out, weir_slice_of(from[i]));
		import_scalar(out, weir_slice_of(step->names[i]));
		separator = ", ";
	}
	if (separator[0] == ',')
		buffer_text(out, KINESIS_RENAME_END);
}

static void known_log(struct step *step, const struct log_format *format)
{
	if (step->name_count && step->name_count != format->field_count) {
		lost(step, "LOGTOJSON: customFieldNames has not as many names as the format has "
			   "fields, which that agent refuses");
		return;
	}
	buffer_text(&step->pipeline->filters, KINESIS_LOG);
	buffer_text(&step->pipeline->filters, format->format);
	buffer_text(&step->pipeline->filters, KINESIS_LOG_END);
	rename_fields(step, format->fields, format->field_count);
	step->shape->is_fields = 1;
	if (!format->dash_is_null)
		differs(step, "lines with the other form of time, of SYSLOG and RFC3339SYSLOG, are "
			      "taken apart, too; that agent drops them");
}

/* Names for groups: those that are none get another, and are renamed afterwards. */
static void group_names(struct step *step, const char **ret_names)
{
	for (size_t i = 0; i < step->name_count; i++)
		ret_names[i] = import_is_group_name(step->names[i])
				       ? step->names[i]
				       : config_print(step->import->memory, "weir_%zu", i + 1);
}

/* A group that took no part is null there, and "-" of the Apache formats, too. */
static void add_nulls(struct step *step, int dash_is_null)
{
	struct buffer *out = &step->pipeline->filters;

	for (size_t i = 0; i < step->name_count; i++) {
		struct buffer when = {0};

		buffer_text(&when, "not exists(");
		import_field(&when, step->names[i]);
		buffer_text(&when, ")");
		if (dash_is_null) {
			buffer_text(&when, " or ");
			import_field(&when, step->names[i]);
			buffer_text(&when, " == \"-\"");
		}
		buffer_text(out, KINESIS_NULL_WHEN);
		import_scalar(out, weir_slice_of(buffer_cstr(&when)));
		buffer_text(out, KINESIS_NULL_FIELD);
		import_key(out, weir_slice_of(step->names[i]));
		buffer_text(out, KINESIS_NULL_END);
		buffer_done(&when);
	}
}

static void pattern_log(struct step *step, const char *pattern, const struct log_format *format)
{
	struct buffer named = {0}, whole = {0};
	const char *names[FIELDS_MAX];
	size_t groups;

	group_names(step, names);
	groups = import_name_groups(pattern, names, step->name_count, &named);
	if (groups != step->name_count) {
		lost(step, "LOGTOJSON: matchPattern has not as many groups as there are "
			   "customFieldNames, so that agent drops every line. Lines are sent as "
			   "they are");
	} else {
		/* There it has to match the line from its beginning to its end. */
		buffer_printf(&whole, "\\A(?:%s)\\z", buffer_cstr(&named));
		buffer_text(&step->pipeline->filters, KINESIS_PATTERN);
		import_option(&step->pipeline->filters, "pattern", buffer_cstr(&whole));
		rename_fields(step, names, step->name_count);
		add_nulls(step, format && format->dash_is_null);
		step->shape->is_fields = 1;
	}
	buffer_done(&named);
	buffer_done(&whole);
}

static void log_to_json(struct step *step)
{
	const char *name = import_find_text(step->options, "logFormat");
	const char *pattern = import_find_text(step->options, "matchPattern");
	const struct log_format *format = find_format(name);

	if (pattern && step->name_count)
		pattern_log(step, pattern, format);
	else if (format)
		known_log(step, format);
	else
		lost(step, "LOGTOJSON with a logFormat that is not known; lines are sent as they "
			   "are");
	if (step->shape->is_fields)
		differs(step, no_match);
}

/* ---- ADDMETADATA ---- */

static int has_expression(const struct tree_node *node)
{
	if (node->kind == TREE_MAP && node->count == 1 &&
	    weir_slice_equals(node->keys[0]->text, "expr"))
		return 1;
	for (uint32_t i = 0; node->kind != TREE_SCALAR && i < node->count; i++)
		if (has_expression(node->items[i]))
			return 1;
	return 0;
}

static void add_metadata(struct step *step)
{
	struct buffer *out = &step->pipeline->filters;
	const struct tree_node *metadata = import_find(step->options, "metadata");
	const char *timestamp = import_find_text(step->options, "timestamp");
	int has_time = timestamp && strcasecmp(timestamp, "true") == 0;

	if (step->shape->is_fields || (metadata && has_expression(metadata))) {
		lost(step, "ADDMETADATA after a processor that makes JSON: there `data` is that "
			   "JSON as a string. A `set` filter can add the metadata beside the "
			   "fields");
		return;
	}
	buffer_text(out, KINESIS_METADATA);
	if (has_time)
		buffer_text(out, KINESIS_METADATA_TIME);
	buffer_text(out, "      metadata: ");
	if (metadata)
		import_value(out, metadata);
	else
		buffer_text(out, "null");
	buffer_text(out, "\n");
	buffer_text(out, has_time ? KINESIS_METADATA_KEEP_TIME : KINESIS_METADATA_KEEP);
	if (has_time)
		differs(step, "ADDMETADATA: ts is the time at which the line was read, with as "
			      "many digits of a second as it has, not always three");
	step->shape->is_fields = 1;
	step->shape->keep_empty = 1;
}

/* ---- the list ---- */

static void names_of(struct step *step)
{
	const struct tree_node *list = import_find(step->options, "customFieldNames");

	step->name_count = 0;
	for (uint32_t i = 0; list && list->kind == TREE_LIST && i < list->count; i++)
		if (step->name_count < FIELDS_MAX)
			step->names[step->name_count++] =
				list->items[i]->text.data ? list->items[i]->text.data : "";
}

static void take_step(struct step *step, const char *name)
{
	const char *format = import_find_text(step->options, "jsonFormat");

	if (format && strcmp(format, "PRETTYPRINT") == 0)
		differs(step, "jsonFormat PRETTYPRINT: an object is written in one line, which "
			      "every reader of JSON takes");
	if (strcmp(name, "SINGLELINE") == 0)
		single_line(step);
	else if (strcmp(name, "ADDBRACKETS") == 0)
		add_brackets(step);
	else if (strcmp(name, "ADDMETADATA") == 0)
		add_metadata(step);
	else if (step->shape->is_fields)
		import_note(step->import, step->pipeline, IMPORT_LOST, step->options->line,
			    "%s after a processor that makes JSON", name);
	else if (strcmp(name, "CSVTOJSON") == 0)
		csv(step);
	else if (strcmp(name, "LOGTOJSON") == 0)
		log_to_json(step);
	else if (strcmp(name, "ADDEC2METADATA") == 0)
		lost(step, "ADDEC2METADATA: there is no plugin for it yet");
	else
		import_note(step->import, step->pipeline, IMPORT_LOST, step->options->line,
			    "the processor %s", name);
}

void kinesis_steps(struct import *import, struct import_pipeline *pipeline,
		   const struct tree_node *list, struct kinesis_shape *ret_shape)
{
	struct step step = {.import = import, .pipeline = pipeline, .shape = ret_shape};

	*ret_shape = (struct kinesis_shape){0};
	for (uint32_t i = 0; list && list->kind == TREE_LIST && i < list->count; i++) {
		const char *name = import_find_text(list->items[i], "optionName");

		step.options = list->items[i];
		names_of(&step);
		take_step(&step, name ? name : "without optionName");
	}
	if (!ret_shape->is_fields)
		ret_shape->keep_empty = 1;
}
