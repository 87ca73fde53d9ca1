// SPDX-License-Identifier: MIT
/* The functions about text, for the table in function.c. Letters are those of ASCII, and lengths
 * and places count bytes. */
#ifndef EXPR_FUNCTION_TEXT_H
#define EXPR_FUNCTION_TEXT_H

#include "expr/evaluate.h"

struct value call_lower(const struct evaluation *run, const struct node *node);
struct value call_upper(const struct evaluation *run, const struct node *node);
struct value call_trim(const struct evaluation *run, const struct node *node);
struct value call_starts_with(const struct evaluation *run, const struct node *node);
struct value call_ends_with(const struct evaluation *run, const struct node *node);
struct value call_substr(const struct evaluation *run, const struct node *node);
struct value call_replace(const struct evaluation *run, const struct node *node);

#endif
