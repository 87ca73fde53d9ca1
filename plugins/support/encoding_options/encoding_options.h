// SPDX-License-Identifier: MIT
/*
 * The options by which an output says how its records look: `format`, `fields`, `separator` and
 * `metadata`, declared once and read into a struct weir_encode_spec.
 *
 *     static const struct weir_option options[] = {
 *             ENCODING_OPTION_FORMAT("json"), ENCODING_OPTION_FIELDS,
 *             ENCODING_OPTION_SEPARATOR, ENCODING_OPTION_METADATA, WEIR_OPTION_END};
 *
 * An output that offers fewer formats declares its own `format` and leaves out what it doesn't need;
 * a missing option has its default. The spec borrows from the nodes, which live until destroy().
 */
#ifndef ENCODING_OPTIONS_H
#define ENCODING_OPTIONS_H

#include <weir/plugin.h>

#define ENCODING_OPTION_FORMAT(preset)                                                         \
	{                                                                                      \
		.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_STRING,           \
		.name = "format", .default_text = (preset), .values = "json|line|text",        \
		.doc = "json: an object a line; line: the original line; text: the values of " \
		       "`fields`",                                                             \
	}
#define ENCODING_OPTION_FIELDS                                                                    \
	{                                                                                         \
		.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_LIST,                \
		.element = WEIR_TYPE_STRING, .name = "fields",                                    \
		.doc = "The fields to write, in this order; none given: all (required for text)", \
	}
#define ENCODING_OPTION_SEPARATOR                                                     \
	{                                                                             \
		.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_STRING,  \
		.name = "separator", .default_text = "\\t",                           \
		.doc = "What stands between the values of format text; \\t is a tab", \
	}
#define ENCODING_OPTION_METADATA                                                              \
	{                                                                                     \
		.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_LIST,            \
		.element = WEIR_TYPE_STRING, .name = "metadata", .default_text = "timestamp", \
		.values = "timestamp|source|position|host",                                   \
		.doc = "What goes before the fields in JSON, as @timestamp, @source, "        \
		       "@position, @host; [] for nothing",                                    \
	}

/* Longest separator, in bytes. */
#define ENCODING_SEPARATOR_MAX 64

struct encoding_options {
	struct weir_encode_spec spec; /* handed to host->encode() */
	struct weir_slice *fields;
	const struct weir_node *written; /* the list of them; NULL for none */
	char separator[ENCODING_SEPARATOR_MAX];
};

/* Reads what is there of the four options. `ret_options` must stay where it is: its spec points
 * into it. */
int32_t encoding_options_read(const struct weir_node *options, struct encoding_options *ret_options,
			      struct weir_error *error);
/* Says that they are read. */
void encoding_options_fields(const struct encoding_options *options, struct weir_fields *fields);
/* Frees what reading made; zeroed memory will do. */
void encoding_options_done(struct encoding_options *options);

#endif
