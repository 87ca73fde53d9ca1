// SPDX-License-Identifier: MIT
/* Values from the members that json_reader.h finds; shared by the formats json and docker. */
#ifndef PARSE_JSON_H
#define PARSE_JSON_H

#include "json_reader.h"
#include "parse.h"

/* The members of the line's object; *ret_matched of them have the keys of the line before. NULL, or
 * what is wrong. */
const char *json_members(struct parse *parse, const struct line *line,
			 const struct json_member **ret_members, uint32_t *ret_count,
			 uint32_t *ret_matched);
/* Makes them the parsed fields. The value of `shorter`, if not NULL, is without its last `cut` raw
 * bytes. */
const char *json_fields(struct parse *parse, const struct line *line,
			const struct json_member *members, uint32_t count, uint32_t matched,
			const struct json_member *shorter, uint32_t cut);

#endif
