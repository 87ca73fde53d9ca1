// SPDX-License-Identifier: MIT
/*
 * libyaml names the rule that was broken; people need the usual cause. The table holds the messages
 * of libyaml 0.2.5's scanner and parser; an unknown one is shown as it is.
 */
#include "config/yaml_syntax.h"

#include <string.h>

struct cause {
	const char *problem; /* what libyaml's message begins with */
	const char *context; /* what its context begins with, or NULL for any */
	const char *text;
	int at_context; /* the beginning is the better place than where it was noticed */
};

static const struct cause causes[] = {
	{"mapping values are not allowed", NULL,
	 "a \":\" has no place here; indent the line as its neighbours are, or put quotes around a "
	 "value that holds \": \"",
	 0},
	{"did not find expected key", "while parsing a block mapping",
	 "expected \"key: value\" at the indentation of the lines above; correct the indentation, "
	 "or "
	 "put quotes around the value before it",
	 0},
	{"did not find expected '-' indicator", NULL,
	 "expected a list entry beginning with \"- \"; correct the indentation of this line", 0},
	{"did not find expected ',' or ']'", NULL,
	 "expected \",\" or \"]\" in the list that begins with \"[\"; close it, or put quotes "
	 "around "
	 "its text",
	 0},
	{"did not find expected ',' or '}'", NULL,
	 "expected \",\" or \"}\" in the map that begins with \"{\"; close it, or put quotes "
	 "around "
	 "its text",
	 0},
	{"found unexpected end of stream", "while scanning a quoted scalar",
	 "the quote that opens here is never closed; close it", 1},
	{"found unexpected document indicator", "while scanning a quoted scalar",
	 "the quote that opens here is not closed before the next document; close it", 1},
	{"found unknown escape character", NULL,
	 "unknown escape in a \"...\" text; write \\\\ for a backslash, or use '...' where "
	 "backslashes are plain",
	 0},
	{"could not find expected ':'", NULL,
	 "expected \"key: value\"; a \":\" with a space after it is missing", 1},
	{"did not find expected alphabetic or numeric character", "while scanning an alias",
	 "text that begins with * must be in quotes, as \"*.log\"", 1},
	{"did not find expected alphabetic or numeric character", "while scanning an anchor",
	 "text that begins with & must be in quotes", 1},
	{"", "while scanning a tag", "text that begins with ! must be in quotes", 1},
	{"", "while parsing a tag", "text that begins with ! must be in quotes", 1},
	{"", "while scanning a directive", "text that begins with % must be in quotes", 1},
	{"block sequence entries are not allowed", NULL,
	 "\"- \" has no place here; put the list on lines of its own, indented under its key", 0},
	{"found a tab character", NULL, "found a tab where YAML wants spaces; indent with spaces",
	 0},
	{"did not find expected <document start>", NULL,
	 "expected the end of the file; correct the indentation of this line", 0},
	{"did not find expected node content", NULL,
	 "expected a value here; write one, or put it in quotes", 0},
};

static int begins_with(const char *text, const char *head)
{
	return strncmp(text ? text : "", head, strlen(head)) == 0;
}

/* Line and column, from 1, of a byte; columns count characters. */
static void locate(struct weir_slice text, size_t offset, uint32_t *ret_line, uint32_t *ret_column)
{
	*ret_line = 1;
	*ret_column = 1;
	for (size_t i = 0; i < offset && i < text.size; i++) {
		if (text.data[i] == '\n') {
			++*ret_line;
			*ret_column = 1;
		} else if (((unsigned char)text.data[i] & 0xC0) != 0x80) {
			++*ret_column;
		}
	}
}

static void reader_error(struct config_file *file, const yaml_parser_t *parser,
			 struct weir_slice text)
{
	uint32_t line, column;

	locate(text, parser->problem_offset, &line, &column);
	if (strcmp(parser->problem, "control characters are not allowed") == 0)
		config_file_error(
			file, line, column,
			"found the control character 0x%02X; remove it, or write it as an "
			"escape in a \"...\" text",
			(unsigned)parser->problem_value);
	else
		config_file_error(
			file, line, column,
			"the text is not UTF-8 here (byte 0x%02X); save the file as UTF-8",
			parser->problem_offset < text.size
				? (unsigned char)text.data[parser->problem_offset]
				: 0);
}

/* Whether the parser stopped at the brace of a ${...} that stands without quotes within { } or [ ]. */
static int is_bare_reference(const yaml_parser_t *parser, struct weir_slice text)
{
	size_t at = 0;

	for (size_t line = 0; line < parser->problem_mark.line && at < text.size; at++)
		line += text.data[at] == '\n';
	for (size_t column = 0; column < parser->problem_mark.column && at < text.size; at++)
		column += at + 1 == text.size || ((unsigned char)text.data[at + 1] & 0xC0) != 0x80;
	return at > 0 && at < text.size && text.data[at - 1] == '$' && text.data[at] == '{';
}

/* The scanner's word for any character that begins nothing: which one it is tells the remedy. */
static void stray_character(struct config_file *file, const yaml_parser_t *parser)
{
	const unsigned char *at = parser->buffer.pointer;
	uint32_t line = (uint32_t)parser->problem_mark.line + 1;
	uint32_t column = (uint32_t)parser->problem_mark.column + 1;

	if (at < parser->buffer.last && *at == '\t')
		config_file_error(file, line, column,
				  "found a tab where YAML wants spaces; indent with spaces");
	else
		config_file_error(file, line, column,
				  "text that begins with %.1s must be in quotes",
				  at < parser->buffer.last ? (const char *)at : "this");
}

void yaml_syntax_error(struct config_file *file, const yaml_parser_t *parser,
		       struct weir_slice text)
{
	const char *problem = parser->problem ? parser->problem : "unknown";

	if (parser->error == YAML_MEMORY_ERROR) {
		file->memory.failed = 1;
		return;
	}
	if (parser->error == YAML_READER_ERROR) {
		reader_error(file, parser, text);
		return;
	}
	if (begins_with(problem, "found character that cannot start any token")) {
		stray_character(file, parser);
		return;
	}
	if (is_bare_reference(parser, text)) {
		config_file_error(file, (uint32_t)parser->problem_mark.line + 1,
				  (uint32_t)parser->problem_mark.column,
				  "inside { } and [ ] a ${...} must be in quotes, as \"${NAME}\"");
		return;
	}
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		const struct cause *cause = &causes[i];
		const yaml_mark_t *mark =
			cause->at_context ? &parser->context_mark : &parser->problem_mark;

		if (!begins_with(problem, cause->problem) ||
		    (cause->context && !begins_with(parser->context, cause->context)))
			continue;
		config_file_error(file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1, "%s",
				  cause->text);
		return;
	}
	config_file_error(file, (uint32_t)parser->problem_mark.line + 1,
			  (uint32_t)parser->problem_mark.column + 1, "this is no YAML: %s%s%s",
			  parser->context ? parser->context : "", parser->context ? ", " : "",
			  problem);
}
