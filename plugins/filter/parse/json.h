// SPDX-License-Identifier: MIT
/* Values from the members that json_reader.h finds; shared by the formats json and docker. */
#ifndef PARSE_JSON_H
#define PARSE_JSON_H

#include "json_reader.h"
#include "parse.h"

/* The member's value: a slice of the line, or text of the batch where it had escapes or line
 * breaks. -1 without memory. */
int json_value(struct parse *parse, const struct line *line, const struct json_member *member,
	       struct weir_value *ret_value);

#endif
