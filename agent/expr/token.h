// SPDX-License-Identifier: MIT
/* The words and signs of an expression, one at a time. */
#ifndef EXPR_TOKEN_H
#define EXPR_TOKEN_H

#include "expr/field.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_NAME, /* of a field or a function */
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_NOT,
	TOKEN_IN,
	TOKEN_TRUE,
	TOKEN_FALSE,
	TOKEN_NULL,
	TOKEN_COMPARE, /* `op` is a set of ORDER_* */
	TOKEN_MATCH,
	TOKEN_NO_MATCH,
	TOKEN_SIGN /* `op` is the character: ( ) [ ] , + - * / % */
};

struct token {
	enum token_kind kind;
	uint8_t op;
	uint32_t offset;          /* in the source */
	struct weir_slice source; /* as written */
	struct weir_slice text;   /* of a STRING, with its escapes resolved */
	struct number number;
	uint32_t count; /* segments of a NAME */
	int quoted;     /* a NAME with backticks */
	struct weir_slice segments[FIELD_SEGMENTS_MAX];
};

/* Reads the token at or after *at and moves on. Text is borrowed from source or kept in `made`. */
int token_next(struct weir_slice source, size_t *at, struct scratch *made, struct token *ret_token,
	       struct weir_error *error);

/* Fills the error with a sentence; returns its code. */
int token_fail(struct weir_error *error, size_t offset, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
