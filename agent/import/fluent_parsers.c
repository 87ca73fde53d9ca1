// SPDX-License-Identifier: MIT
#include "import/fluent.h"
#include "import/fluent_templates.h"

#define WORDS_MAX 64

/* Patterns there are Ruby's, in which the option m lets . match line ends, as s does here. */
static void translate(char *pattern)
{
	for (char *at = pattern; *at; at++) {
		if (at[0] == '\\' && at[1]) {
			at++;
			continue;
		}
		if (at[0] != '(' || at[1] != '?')
			continue;
		for (at += 2; *at && strchr("imx-", *at); at++)
			*at = *at == 'm' ? 's' : *at;
		at--;
	}
}

const char *fluent_pattern(const struct fluent *fluent, const char *pattern)
{
	size_t size = strlen(pattern);
	int in_slashes = size >= 2 && pattern[0] == '/' && pattern[size - 1] == '/';
	char *own = config_copy(fluent->import->memory, pattern + in_slashes,
				in_slashes ? size - 2 : size);

	if (own)
		translate(own);
	return own;
}

/* "code:integer size:float", in one line. */
static void put_types(struct fluent *fluent, struct import_pipeline *pipeline,
		      struct fluent_section *parser)
{
	static const char *const theirs[] = {"integer", "float", "bool", "string"};
	static const char *const ours[] = {"int", "double", "bool", "string"};
	const char *value = fluent_get(parser, "types");
	const char *words[WORDS_MAX];
	size_t count = value ? fluent_words(fluent, value, words, WORDS_MAX) : 0;
	const char *separator = "      types: { ";

	for (size_t i = 0; i < count; i++) {
		const char *colon = strrchr(words[i], ':');
		size_t type = 0;

		while (colon && type < 4 && strcasecmp(colon + 1, theirs[type]) != 0)
			type++;
		for (size_t k = 0; k < i && colon; k++)
			if (strncmp(words[k], words[i], (size_t)(colon + 1 - words[i])) == 0)
				colon = NULL; /* once is enough */
		if (!colon || type == 4) {
			import_note(fluent->import, pipeline, IMPORT_LOST, parser->line,
				    "the type of %s in the parser %s", words[i],
				    fluent_name(parser));
			continue;
		}
		buffer_text(&pipeline->filters, separator);
		import_key(&pipeline->filters,
			   (struct weir_slice){words[i], (uint64_t)(colon - words[i])});
		buffer_text(&pipeline->filters, ours[type]);
		separator = ", ";
	}
	if (separator[0] == ',')
		buffer_text(&pipeline->filters, " }\n");
}

/* strptime() with %L for fractions. */
static void put_time_format(struct buffer *out, const char *format)
{
	struct buffer text = {0};

	for (const char *at = format; *at; at++) {
		if (at[0] == '%' && at[1] == 'L') {
			buffer_text(&text, "%f");
			at++;
		} else {
			buffer_append(&text, at, 1);
		}
	}
	fluent_scalar(out, buffer_cstr(&text));
	buffer_done(&text);
}

/* +0200 */
static void put_zone(struct buffer *out, const char *offset)
{
	if (offset && strlen(offset) == 5 && strspn(offset + 1, "0123456789") == 4 &&
	    (offset[0] == '+' || offset[0] == '-'))
		buffer_printf(out, ", zone: '%.3s:%s'", offset, offset + 3);
}

static void put_time(struct fluent *fluent, struct import_pipeline *pipeline,
		     struct fluent_section *parser, const char **ret_key)
{
	struct buffer *out = &pipeline->filters;
	const char *key = fluent_get(parser, "time_key");
	const char *format = fluent_get(parser, "time_format");
	const char *offset = fluent_get(parser, "time_offset");

	(void)fluent;
	*ret_key = NULL;
	if (!format)
		return;
	key = key ? key : "time";
	buffer_text(out, "      time: { field: ");
	fluent_scalar(out, key);
	buffer_text(out, ", format: ");
	put_time_format(out, format);
	put_zone(out, offset);
	buffer_text(out, " }\n");
	if (!fluent_is_on(fluent_get(parser, "time_keep")))
		*ret_key = key;
}

static const char *format_of(struct fluent_section *parser)
{
	static const char *const known[] = {"json", "regex", "ltsv", "logfmt"};
	const char *format = fluent_get(parser, "format");

	for (size_t i = 0; format && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(format, known[i]) == 0)
			return known[i];
	return NULL;
}

void fluent_parser(struct fluent *fluent, struct import_pipeline *pipeline,
		   struct fluent_section *parser, const char *field)
{
	static const char *const ignored[] = {"time_strict", "skip_empty_values",
					      "time_system_timezone", NULL};
	struct buffer *out = &pipeline->filters;
	const char *format = format_of(parser), *pattern = fluent_get(parser, "regex");
	const char *time_key;

	parser->is_used = 1;
	fluent_ignore(parser, ignored);
	if (!format || (strcmp(format, "regex") == 0 && !pattern)) {
		import_note(fluent->import, pipeline, IMPORT_LOST, parser->line,
			    "the format of the parser %s; lines stay as they are",
			    fluent_name(parser));
		return;
	}
	buffer_printf(out, FLUENT_AS_PARSER, format);
	if (strcmp(field, "message") != 0)
		fluent_option(out, "field", field);
	if (strcmp(format, "regex") == 0) {
		pattern = fluent_pattern(fluent, pattern);
		import_option(out, "pattern", pattern);
		import_note(fluent->import, pipeline, IMPORT_DIFFERS, parser->line,
			    "parser %s: a group that matches nothing gives an empty field, not "
			    "none",
			    fluent_name(parser));
	}
	put_types(fluent, pipeline, parser);
	put_time(fluent, pipeline, parser, &time_key);
	if (!time_key)
		return;
	buffer_text(out, FLUENT_AS_REMOVE_LIST);
	fluent_scalar(out, time_key);
	buffer_text(out, "]\n");
}
