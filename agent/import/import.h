// SPDX-License-Identifier: MIT
/*
 * What is made of another agent's configuration: pipelines as text, and what is different or could not be
 * carried over. The command is in cli.
 *
 *   reader (kinesis.c, fluent.c) ──▶ struct import ──▶ files, report (cli/import.c)
 *                                          └─▶ positions (cli/import_positions.c, import_places_*.c)
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include "base/buffer.h"
#include "config/config_file.h"
#include "config/yaml_tree.h"

/* How much of something was carried over. */
#define IMPORT_DIFFERS 1 /* it is, and behaves otherwise, or nothing is needed for it */
#define IMPORT_LOST 2    /* it is not */

struct import_note {
	int kind;
	uint32_t line; /* of the imported file; 0 = of none */
	const char *text;
	struct import_note *next;
};

struct import_pipeline {
	const char *name;                       /* of the file, without .yaml */
	const char *about;                      /* what it was made of */
	struct buffer inputs, filters, outputs; /* YAML, one list item after the other */
	struct import_note *notes, **notes_end;
	const char *positions; /* the other agent's file of positions; NULL = none */
	/* With a Kinesis Agent: what they are filed under there, and the folder of the files. */
	const char *positions_key, *folder;
	struct import_pipeline *next;
};

struct import {
	struct config *config;        /* has the problems */
	struct config_memory *memory; /* of the config */
	const char *program;          /* whose configuration it is, for comments */
	const char *path;
	struct import_pipeline *pipelines, **pipelines_end;
	struct import_note *notes, **notes_end; /* of no pipeline */
};

/* The readers. What is wrong with the files is a problem in the config, and returned as an error. */
int import_kinesis(struct import *import);
int import_fluent(struct import *import);
/* The same with the text at hand; no other files are read. */
int import_kinesis_text(struct import *import, struct weir_slice text);
int import_fluent_text(struct import *import, struct weir_slice text, int is_yaml);

/* A new pipeline; the name is made of `wish`, of which others may have been made. NULL without memory. */
struct import_pipeline *import_add(struct import *import, const char *wish, const char *about);
/* A note on the pipeline, or with NULL on the whole. */
void import_note(struct import *import, struct import_pipeline *pipeline, int kind, uint32_t line,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- text (text.c) ---- */

/* Appends text as a YAML scalar that reads back as just this string: plain, or in quotes. A $ that would
 * begin a substitution is doubled. */
void import_scalar(struct buffer *out, struct weir_slice text);
/* A scalar as a key, with its colon and a blank. */
void import_key(struct buffer *out, struct weir_slice text);
/* The same of a scalar that is written already. */
void import_key_of(struct buffer *out, const struct buffer *scalar);
/* "      NAME: SCALAR\n", as deep as the options of a stage are. */
void import_option(struct buffer *out, const char *name, const char *text);
/* A value as YAML in one line, in braces and brackets. */
void import_value(struct buffer *out, const struct tree_node *node);
/* A field as an expression names it. */
void import_field(struct buffer *out, const char *name);
/* The file of a pipeline. */
void import_print(const struct import *import, const struct import_pipeline *pipeline,
		  struct buffer *out);

/* ---- reading (tree.c) ---- */

/* JSON with comments, as a tree; the file must be given up with config_file_done() after use. */
int import_read_json(struct config_file *file, struct config *config, const char *path,
		     struct tree_node **ret_root);
int import_parse_json(struct config_file *file, struct config *config, const char *path,
		      struct weir_slice text, struct tree_node **ret_root);
const struct tree_node *import_find(const struct tree_node *map, const char *name);
/* Text of a scalar member, NULL when it is missing, null or no scalar. */
const char *import_find_text(const struct tree_node *map, const char *name);
/* A number of a scalar member, which may be in quotes; `missing` when there is none. */
int64_t import_find_int(const struct tree_node *map, const char *name, int64_t missing);

/* ---- patterns (pattern.c) ---- */

/* Gives the capturing groups of a pattern names, in their order: (x) becomes (?<name>x). Returns how many
 * groups there are; those beyond `count` stay as they are. */
size_t import_name_groups(const char *pattern, const char *const *names, size_t count,
			  struct buffer *out);
/* True for what can be the name of a group. */
int import_is_group_name(const char *name);

#endif
