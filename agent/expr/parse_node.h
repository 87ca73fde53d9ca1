// SPDX-License-Identifier: MIT
/*
 * What the parser's parts share: the token at hand, and the making of nodes. Functions that return
 * a pointer return NULL, and those that return int 0, when the error is set.
 */
#ifndef EXPR_PARSE_NODE_H
#define EXPR_PARSE_NODE_H

#include "expr/node.h"
#include "expr/token.h"

struct parser {
	struct weir_slice source;
	size_t at;
	struct token token; /* the one to be looked at next */
	struct weir_expr *expr;
	struct weir_error *error;
	unsigned nesting;
};

/* Children while they are collected. */
struct children {
	struct node **items;
	uint32_t count, capacity;
};

int parse_next(struct parser *parser);
int parse_is_sign(const struct parser *parser, char sign);
/* Takes the sign, or fails: expected so and so. */
int parse_expect(struct parser *parser, char sign, const char *expected);
void *parse_unexpected(struct parser *parser, const char *expected);
void *parse_no_memory(struct parser *parser);
/* The pattern that a literal holds; it is freed with the expression. */
struct regex *parse_pattern(struct parser *parser, const struct node *literal);
int parse_need_pattern(struct parser *parser, const struct node *node);

struct node *node_create(struct parser *parser, enum node_kind kind, uint32_t offset);
int node_add_child(struct parser *parser, struct children *list, struct node *child);
/* Gives the node its children, and checks the depth. */
struct node *node_with_children(struct parser *parser, struct node *node,
				const struct children *list);
struct node *node_unary(struct parser *parser, enum node_kind kind, uint32_t offset,
			struct node *child);
struct node *node_binary(struct parser *parser, enum node_kind kind, uint32_t offset,
			 struct node *left, struct node *right);

#endif
