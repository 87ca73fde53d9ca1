// SPDX-License-Identifier: MIT
/*
 * Fluent Bit's configuration as a list of sections, whichever of its two forms it was written in.
 *
 *   fluent_classic.c, fluent_yaml.c ──▶ sections ──▶ fluent.c: an input each
 *                            fluent_parsers.c, _filters.c, _outputs.c ◀─┘
 */
#ifndef IMPORT_FLUENT_H
#define IMPORT_FLUENT_H

#include "import/import.h"

#define FLUENT_SERVICE 1
#define FLUENT_INPUT 2
#define FLUENT_FILTER 3
#define FLUENT_OUTPUT 4
#define FLUENT_PARSER 5
#define FLUENT_MULTILINE 6
#define FLUENT_OTHER 7

/* Files that include each other, at most so deep; and sections and keys in all of them. */
#define FLUENT_DEPTH_MAX 8
#define FLUENT_ITEMS_MAX 20000

struct fluent_pair {
	const char *key, *value;
	uint32_t line;
	int used;
	struct fluent_pair *next;
};

struct fluent_section {
	int kind; /* FLUENT_* */
	const char *title;
	uint32_t line;
	int is_used;
	struct fluent_pair *pairs, **end;
	struct fluent_section *next;
};

struct fluent_variable {
	const char *name, *value;
	struct fluent_variable *next;
};

struct fluent {
	struct import *import;
	struct fluent_section *sections, **end;
	struct fluent_variable *variables; /* of @SET and env */
	uint32_t items;
	int reads_files; /* includes and files of parsers are read */
};

/* ---- reading ---- */

/* Either form, by the name of the file; what is wrong is a problem in the config. */
void fluent_read_file(struct fluent *fluent, const char *path, int depth);
/* A file that `from` names, which may be a pattern. */
void fluent_include(struct fluent *fluent, const char *from, const char *path, int depth);
void fluent_read_classic(struct fluent *fluent, struct config_file *file, int depth);
void fluent_read_yaml(struct fluent *fluent, struct config_file *file, int depth);
struct fluent_section *fluent_add(struct fluent *fluent, int kind, const char *title,
				  uint32_t line);
void fluent_set(struct fluent *fluent, struct fluent_section *section, struct weir_slice key,
		struct weir_slice value, uint32_t line);
void fluent_define(struct fluent *fluent, struct weir_slice name, struct weir_slice value);

/* ---- looking ---- */

/* The first value of a key, whose case does not matter; NULL when it is missing. It counts as carried over. */
const char *fluent_get(struct fluent_section *section, const char *key);
/* The next pair of one of the keys (the last of which is NULL), after `after`; in the order written. */
struct fluent_pair *fluent_next(struct fluent_section *section, const struct fluent_pair *after,
				const char *const *keys);
int fluent_is_on(const char *value); /* on, true, yes, 1 */
/* Counts keys as carried over for which nothing is needed. */
void fluent_ignore(struct fluent_section *section, const char *const *keys);
struct fluent_section *fluent_find(const struct fluent *fluent, int kind, const char *name);
/* The name of its plugin. */
const char *fluent_name(struct fluent_section *section);
/* Words of a value, with quotes taken off; returns how many. */
size_t fluent_words(const struct fluent *fluent, const char *value, const char **ret_words,
		    size_t max);

/* ---- writing ---- */

/* As import_scalar(), but ${NAME} stays a variable. */
void fluent_scalar(struct buffer *out, const char *text);
void fluent_key(struct buffer *out, const char *text);
void fluent_option(struct buffer *out, const char *name, const char *text);
/* A text of an expression, in its quotes. */
void fluent_literal(struct buffer *out, const char *text);
/* A field of an expression; $a['b'] is a.b. */
void fluent_field(struct buffer *out, const char *key);

/* The pattern of a parser or rule without the slashes around it. */
const char *fluent_pattern(const struct fluent *fluent, const char *pattern);
/* Filters that do what the parser does with a field. */
void fluent_parser(struct fluent *fluent, struct import_pipeline *pipeline,
		   struct fluent_section *parser, const char *field);
void fluent_filter(struct fluent *fluent, struct import_pipeline *pipeline,
		   struct fluent_section *filter);
/* 0 when there is no such output here. */
int fluent_output(struct fluent *fluent, struct import_pipeline *pipeline,
		  struct fluent_section *output);

#endif
