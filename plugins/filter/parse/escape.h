// SPDX-License-Identifier: MIT
/* Values in quotes with backslashes: where they end, and what they mean. */
#ifndef PARSE_ESCAPE_H
#define PARSE_ESCAPE_H

#include "parse.h"

/* The first such quote that no backslash takes away, or NULL. */
const char *escape_closing_quote(const char *from, const char *end, char quote);

/*
 * Undoes the escapes of JSON and of Go's %q: \n \t \r \b \f \a \v \\ \" \' \/ \xHH \uHHHH. What is no
 * escape stays as it is. Never longer than the text; returns the size.
 */
uint32_t escape_unescape(const char *text, uint32_t size, char *out);
/* Undoes only a backslash before a quote or before another backslash. */
uint32_t escape_unquote(const char *text, uint32_t size, char *out);

/* Where the text has a backslash, *ret_value becomes new text, made by `undo`. NULL, or what is
 * wrong. */
const char *escape_undo(struct parse *parse, const char *from, const char *to,
			uint32_t (*undo)(const char *text, uint32_t size, char *out),
			struct weir_value *ret_value);

#endif
