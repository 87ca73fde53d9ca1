// SPDX-License-Identifier: MIT
/*
 * A PCRE2 pattern, compiled once, just in time where the system lets it.
 *
 * It sees bytes, not characters: `.` is one byte of a UTF-8 sequence, and text that is not UTF-8
 * matches like any other. Steps are bounded, so that a pattern that backtracks without end costs
 * its line, not the worker.
 */
#ifndef PARSE_PATTERN_H
#define PARSE_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "parse.h"

struct pattern {
	pcre2_code *code;
	pcre2_match_context *context;
	pcre2_match_data *match;
	const PCRE2_SIZE *ends; /* of the last match: where each group begins and ends */
	pcre2_jit_stack *stack;
	int jit;
};

/* A named group, as PCRE2 keeps it in the code. */
struct pattern_group {
	uint32_t number;
	struct weir_slice name; /* followed by a NUL */
};

/* flags are PCRE2's. On failure error->offset is where in the text. pattern_done() in any case. */
int pattern_create(struct pattern *pattern, struct weir_slice text, uint32_t flags,
		   struct weir_error *error);
void pattern_done(struct pattern *pattern);

uint32_t pattern_group_count(const struct pattern *pattern);
/* The index-th of the named groups, which are ordered by name. */
struct pattern_group pattern_group_at(const struct pattern *pattern, uint32_t index);

/* Searches the text. NULL, or why there is no match. */
const char *pattern_match(const struct pattern *pattern, const struct line *line);
/* What a group matched last, or an absent value. Inline, because it is called for each field: a call
 * cost a tenth of the engine's own time. */
static inline struct weir_value pattern_value(const struct pattern *pattern,
					      const struct line *line, uint32_t group)
{
	PCRE2_SIZE from = pattern->ends[2 * (size_t)group];
	PCRE2_SIZE to = pattern->ends[2 * (size_t)group + 1];

	/* A \K within a lookahead can end a group before it begins. */
	if (from == PCRE2_UNSET || from > to)
		return absent_value();
	return line_value(line, WEIR_STRING, 0, line->text + from, line->text + to);
}

#endif
