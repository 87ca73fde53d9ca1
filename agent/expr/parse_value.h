// SPDX-License-Identifier: MIT
/* The innermost level of the grammar; see parse.c for the others. */
#ifndef EXPR_PARSE_VALUE_H
#define EXPR_PARSE_VALUE_H

#include "expr/parse_node.h"

/* A literal, a name, a call, or an expression in parentheses. */
struct node *parse_value(struct parser *parser);
struct node *parse_name(struct parser *parser);
/* Expressions with commas between them, up to the sign `end`, which is taken too. */
int parse_list(struct parser *parser, char end, struct children *list);

/* The outermost level; in parse.c. */
struct node *parse_or(struct parser *parser);

#endif
