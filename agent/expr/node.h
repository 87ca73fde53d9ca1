// SPDX-License-Identifier: MIT
/*
 * A compiled expression: a tree of nodes whose depth is bounded, so that evaluation may recurse.
 * Everything in it but the caches of slots and the scratch memory is constant after compilation.
 */
#ifndef EXPR_NODE_H
#define EXPR_NODE_H

#include "expr/expr.h"
#include "expr/field.h"
#include "expr/regex.h"
#include "expr/value.h"

#define EXPR_DEPTH_MAX 64
#define EXPR_TEXT_MAX (64 * 1024) /* bytes of an expression's source */
#define EXPR_HOST_MAX 256

enum node_kind {
	NODE_LITERAL,
	NODE_FIELD,
	NODE_META,
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	NODE_NEGATE,
	NODE_COMPARE,    /* left op right; `op` is a set of ORDER_* */
	NODE_MATCH,      /* left =~ regex */
	NODE_IN,         /* the first child among the others */
	NODE_IN_FIELD,   /* the first child among the elements of the second's value */
	NODE_ARITHMETIC, /* `op` is + - * / % */
	NODE_CALL
};

enum meta_kind { META_TIMESTAMP, META_SOURCE, META_POSITION, META_HOST };

struct function;

struct node {
	uint8_t kind;
	uint8_t op;
	uint8_t negated; /* of MATCH, IN and IN_FIELD */
	uint8_t depth;   /* of the tree from here down */
	uint32_t count;  /* of children */
	uint32_t offset; /* in the source, for errors */
	struct node **children;
	struct value literal;
	struct field *field;
	enum meta_kind meta;
	struct regex *regex;
	const struct function *function;
};

struct regex_entry {
	struct regex_entry *next;
	struct regex *regex;
};

struct weir_expr {
	struct node *root;
	struct scratch made; /* nodes, names and literals */
	struct scratch work; /* what one record's evaluation makes */
	struct regex_entry *regexes;
	char host[EXPR_HOST_MAX];
};

#endif
