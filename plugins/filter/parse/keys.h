// SPDX-License-Identifier: MIT
/* Keys of lines that each bring their own: hashed for layout.h, and each kept once. */
#ifndef PARSE_KEYS_H
#define PARSE_KEYS_H

#include "parse.h"

/*
 * Takes the keys and values of the line at hand, parse->count of each, and makes them unique: of
 * equal keys the last value stays, in the place of the first. Sets parse->keys_hash. -1 without
 * memory. A format whose keys equal those of parse->last sets `same` instead.
 */
int keys_settle(struct parse *parse);

#endif
