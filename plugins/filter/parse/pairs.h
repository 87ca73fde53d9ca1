// SPDX-License-Identifier: MIT
/*
 * Fields of formats whose lines are pairs of keys and values: collected one by one, compared on the
 * way with those of the line before, which most lines repeat.
 */
#ifndef PARSE_PAIRS_H
#define PARSE_PAIRS_H

#include "parse.h"

void pairs_begin(struct parse *parse);
/* NULL, or what is wrong. */
const char *pairs_add(struct parse *parse, struct weir_slice key, struct weir_value value);
/* After the last: the keys are made unique, of equal ones the last value stays. */
const char *pairs_end(struct parse *parse);

#endif
