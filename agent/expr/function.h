// SPDX-License-Identifier: MIT
/* The functions of the language: one table, which the parser checks calls against. */
#ifndef EXPR_FUNCTION_H
#define EXPR_FUNCTION_H

#include "expr/evaluate.h"

#define FUNCTION_ARGUMENTS_MAX 32

struct function {
	const char *name;
	uint8_t least, most; /* arguments */
	uint8_t takes_field; /* the first argument is the name of a field */
	uint8_t pattern;     /* the argument that is a literal pattern; 0 = none */
	const char *usage;
	struct value (*call)(const struct evaluation *run, const struct node *node);
};

/* By index, NULL at the end. */
const struct function *function_at(uint32_t index);
const struct function *function_find(struct weir_slice name);

/* True when an element of a LIST equals the value. */
int list_contains(struct scratch *scratch, const struct value *list, const struct value *wanted);

#endif
