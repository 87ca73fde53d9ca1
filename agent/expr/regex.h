// SPDX-License-Identifier: MIT
/*
 * PCRE2 patterns with just-in-time compilation and a bound on the work of one match: a line that
 * makes a pattern backtrack beyond it counts as one that does not match.
 *
 * A pattern sees bytes, unless it has a byte above 0x7F, \p, \P, \X or \x{...}: then it sees UTF-8,
 * and what is not UTF-8 in a line matches nothing. One thread at a time.
 */
#ifndef EXPR_REGEX_H
#define EXPR_REGEX_H

#include <weir/abi.h>

#define REGEX_GROUPS_MAX 10 /* whose places are kept: $0 to $9 */

struct regex;

/* error->offset points into the pattern. */
int regex_create(struct weir_slice pattern, struct regex **ret_regex, struct weir_error *error);
void regex_destroy(struct regex *regex);
int regex_matches(const struct regex *regex, struct weir_slice text);

/* The first match from `start` on; ret_places has (start, end) pairs, SIZE_MAX where a group is not
 * set. Returns 0 when there is none. */
int regex_find(const struct regex *regex, struct weir_slice text, size_t start,
	       size_t ret_places[2 * REGEX_GROUPS_MAX]);
int regex_is_utf8(const struct regex *regex);

#endif
