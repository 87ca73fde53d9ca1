// SPDX-License-Identifier: MIT
/*
 * The classic form: sections in brackets, below each a key and its value on a line, `@INCLUDE` of another
 * file and `@SET` of a variable. A # begins a comment where it is the first of its line.
 */
#include <ctype.h>

#include "import/fluent.h"

static const struct {
	const char *title;
	int kind;
} kinds[] = {
	{"SERVICE", FLUENT_SERVICE}, {"INPUT", FLUENT_INPUT},
	{"FILTER", FLUENT_FILTER},   {"OUTPUT", FLUENT_OUTPUT},
	{"PARSER", FLUENT_PARSER},   {"MULTILINE_PARSER", FLUENT_MULTILINE},
};

struct reading {
	struct fluent *fluent;
	struct config_file *file;
	struct fluent_section *section;
	int depth;
	uint32_t line;
};

static struct weir_slice trimmed(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return (struct weir_slice){from, (uint64_t)(to - from)};
}

static int kind_of(struct weir_slice title)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (title.size == strlen(kinds[i].title) &&
		    strncasecmp(title.data, kinds[i].title, title.size) == 0)
			return kinds[i].kind;
	return FLUENT_OTHER;
}

static void read_title(struct reading *reading, struct weir_slice line)
{
	struct weir_slice title;
	char *text;

	if (line.data[line.size - 1] != ']' || line.size < 3) {
		config_file_error(reading->file, reading->line, 1,
				  "expected a section as [NAME], without anything after it");
		reading->section = NULL;
		return;
	}
	title = trimmed(line.data + 1, line.data + line.size - 1);
	text = config_copy(reading->fluent->import->memory, title.data, title.size);
	reading->section = fluent_add(reading->fluent, kind_of(title), text, reading->line);
}

/* @SET name=value */
static void read_set(struct reading *reading, struct weir_slice rest)
{
	const char *equals = rest.size ? memchr(rest.data, '=', rest.size) : NULL;

	if (!equals) {
		config_file_error(reading->file, reading->line, 1, "expected @SET NAME=VALUE");
		return;
	}
	fluent_define(reading->fluent, trimmed(rest.data, equals),
		      trimmed(equals + 1, rest.data + rest.size));
}

static void read_command(struct reading *reading, struct weir_slice name, struct weir_slice rest)
{
	char *path =
		config_copy(reading->fluent->import->memory, rest.data ? rest.data : "", rest.size);

	if (name.size == 8 && strncasecmp(name.data, "@INCLUDE", 8) == 0 && path)
		fluent_include(reading->fluent, reading->file->path, path, reading->depth);
	else if (name.size == 4 && strncasecmp(name.data, "@SET", 4) == 0)
		read_set(reading, rest);
	else
		config_file_error(reading->file, reading->line, 1,
				  "\"%.*s\" is no command; expected @INCLUDE or @SET",
				  (int)(name.size < 64 ? name.size : 64), name.data);
}

static void read_pair(struct reading *reading, struct weir_slice line)
{
	const char *space = line.data, *end = line.data + line.size;
	struct weir_slice key, value;

	while (space < end && !isspace((unsigned char)*space))
		space++;
	key = (struct weir_slice){line.data, (uint64_t)(space - line.data)};
	value = trimmed(space, end);
	if (line.data[0] == '@')
		read_command(reading, key, value);
	else if (!reading->section)
		config_file_error(reading->file, reading->line, 1,
				  "expected a section, as [INPUT], before the first key");
	else
		fluent_set(reading->fluent, reading->section, key, value, reading->line);
}

void fluent_read_classic(struct fluent *fluent, struct config_file *file, int depth)
{
	struct reading reading = {.fluent = fluent, .file = file, .depth = depth};
	const char *at = file->text, *end = file->text + file->size;

	/* Text that follows could not be put into the new file. */
	if (file->size && memchr(file->text, '\0', file->size)) {
		config_file_error(file, 0, 0, "there is a NUL byte in it; is it the right file?");
		return;
	}
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct weir_slice line = trimmed(at, newline ? newline : end);

		reading.line++;
		if (line.size && line.data[0] == '[')
			read_title(&reading, line);
		else if (line.size && line.data[0] != '#')
			read_pair(&reading, line);
		at = newline ? newline + 1 : end;
	}
}
