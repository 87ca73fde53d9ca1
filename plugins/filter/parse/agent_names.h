// SPDX-License-Identifier: MIT
/*
 * The option `names: kinesis_agent`: a format's fields as Amazon Kinesis Agent names and writes
 * them. Every value is text, and what the line lacks is null: all records have the same fields.
 */
#ifndef PARSE_AGENT_NAMES_H
#define PARSE_AGENT_NAMES_H

#include "parse.h"

#define AGENT_FIELDS_MAX 9

/* Where the values of the agent's fields are among those that the format found. */
struct agent_names {
	uint32_t count;
	uint32_t dash_is_null; /* a value that is `-` is null */
	const char *names[AGENT_FIELDS_MAX];
	uint8_t slots[AGENT_FIELDS_MAX];
};

/* Declares the agent's fields in place of the format's own. */
int agent_names_declare(struct parse *parse, const struct agent_names *names,
			struct weir_error *error);
/* Puts the agent's values in the place of those that the format found. */
void agent_names_apply(struct parse *parse, const struct agent_names *names);
/* The time as it is written in the line; null when the format found none. */
struct weir_value agent_time(const struct parse *parse, const struct line *line);

#endif
