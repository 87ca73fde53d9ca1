// SPDX-License-Identifier: MIT
/* Values from the members that json_reader.h finds; shared by the formats json and docker. */
#ifndef PARSE_JSON_H
#define PARSE_JSON_H

#include "json_reader.h"
#include "parse.h"

/* The members of the line's object, in the instance's values and keys. NULL, or what is wrong. */
const char *json_members(struct parse *parse, const struct line *line,
			 struct json_members *ret_members);
/* Makes them the parsed fields. Values may have been cut before, but not within an escape. */
const char *json_fields(struct parse *parse, const struct json_members *members);

#endif
