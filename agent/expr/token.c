// SPDX-License-Identifier: MIT
/*
 * Names may hold letters, digits, _ and @, and any byte above 0x7F; dots part their segments; a
 * segment in backticks may hold anything but a backtick. Strings stand in single or double quotes;
 * an escape that is not known keeps its backslash, so that patterns need no doubling ("\d+").
 */
#include "expr/token.h"

#include <stdarg.h>
#include <stdio.h>
#include <weir/plugin.h>

#include "batch/utf8.h"

struct word {
	const char *text;
	enum token_kind kind;
	uint8_t op;
};

static const struct word words[] = {
	{"and", TOKEN_AND, 0},   {"or", TOKEN_OR, 0},     {"not", TOKEN_NOT, 0},
	{"in", TOKEN_IN, 0},     {"true", TOKEN_TRUE, 0}, {"false", TOKEN_FALSE, 0},
	{"null", TOKEN_NULL, 0},
};

/* Longer ones before those they begin with. */
static const struct word signs[] = {
	{"==", TOKEN_COMPARE, COMPARE_EQ},
	{"!=", TOKEN_COMPARE, COMPARE_NE},
	{"<=", TOKEN_COMPARE, COMPARE_LE},
	{">=", TOKEN_COMPARE, COMPARE_GE},
	{"=~", TOKEN_MATCH, 0},
	{"!~", TOKEN_NO_MATCH, 0},
	{"&&", TOKEN_AND, 0},
	{"||", TOKEN_OR, 0},
	{"<", TOKEN_COMPARE, COMPARE_LT},
	{">", TOKEN_COMPARE, COMPARE_GT},
	{"!", TOKEN_NOT, 0},
};

int token_fail(struct weir_error *error, size_t offset, const char *format, ...)
{
	va_list args;

	if (!error)
		return WEIR_ERR_INVALID;
	error->code = WEIR_ERR_INVALID;
	error->offset = (uint32_t)offset;
	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return WEIR_ERR_INVALID;
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int is_name(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '@' || is_digit(c) ||
	       (unsigned char)c >= 0x80;
}

static char char_at(struct weir_slice source, size_t at)
{
	return at < source.size ? source.data[at] : '\0';
}

static int read_number(struct weir_slice source, size_t *at, struct token *token,
		       struct weir_error *error)
{
	size_t start = *at, end = start;
	struct weir_slice text;

	while (is_name(char_at(source, end)) || char_at(source, end) == '.' ||
	       ((char_at(source, end) == '-' || char_at(source, end) == '+') &&
		(source.data[end - 1] | 32) == 'e'))
		end++;
	text = (struct weir_slice){source.data + start, end - start};
	if (!number_parse(text, &token->number))
		return token_fail(error, start, "'%.*s' is not a number", (int)text.size,
				  text.data);
	token->kind = TOKEN_NUMBER;
	*at = end;
	return 0;
}

/* The value of `count` hex digits, or -1. */
static int32_t hex_digits(struct weir_slice source, size_t at, int count)
{
	int32_t value = 0;

	for (int i = 0; i < count; i++) {
		char c = char_at(source, at + (size_t)i);
		int lower = c | 32;

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			value = value * 16 + (lower - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* The escape at `at`, its backslash; writes at most as many bytes as it reads. */
static char *read_escape(struct weir_slice source, size_t *at, char *to)
{
	char c = char_at(source, *at + 1);
	int32_t code = c == 'x'   ? hex_digits(source, *at + 2, 2)
		       : c == 'u' ? hex_digits(source, *at + 2, 4)
				  : -1;

	if (code >= 0) {
		*at += c == 'x' ? 4 : 6;
		if (c == 'u')
			return utf8_append(to, (uint32_t)code);
		*to++ = (char)code;
		return to;
	}
	*at += 2;
	if (c == 'n' || c == 't' || c == 'r') {
		*to++ = c == 'n' ? '\n' : c == 't' ? '\t' : '\r';
	} else {
		if (c != '\\' && c != '"' && c != '\'')
			*to++ = '\\';
		*to++ = c;
	}
	return to;
}

/* Where the closing quote of the string at `start` is; 0 when there is none. */
static size_t string_end(struct weir_slice source, size_t start)
{
	for (size_t at = start + 1; at < source.size; at++) {
		if (source.data[at] == '\\')
			at++;
		else if (source.data[at] == source.data[start])
			return at;
	}
	return 0;
}

static int read_string(struct weir_slice source, size_t *at, struct scratch *made,
		       struct token *token, struct weir_error *error)
{
	size_t start = (*at)++, end = string_end(source, start);
	char *text, *to;

	if (end == 0)
		return token_fail(error, start, "this string has no closing %c",
				  source.data[start]);
	text = to = scratch_take(made, end - start);
	if (!text)
		return token_fail(error, start, "the expression is too long");
	while (*at < end) {
		if (source.data[*at] == '\\')
			to = read_escape(source, at, to);
		else
			*to++ = source.data[(*at)++];
	}
	(*at)++;
	token->kind = TOKEN_STRING;
	token->text = (struct weir_slice){text, (size_t)(to - text)};
	return 0;
}

static int read_segment(struct weir_slice source, size_t *at, struct token *token,
			struct weir_slice *ret_segment, struct weir_error *error)
{
	int quoted = char_at(source, *at) == '`';
	size_t start = *at + (size_t)quoted, end = start;

	if (quoted)
		while (end < source.size && source.data[end] != '`')
			end++;
	else
		while (is_name(char_at(source, end)))
			end++;
	if (quoted && end == source.size)
		return token_fail(error, *at, "this field name has no closing `");
	if (end == start)
		return token_fail(error, *at, "expected a field name here");
	token->quoted |= quoted;
	*ret_segment = (struct weir_slice){source.data + start, end - start};
	*at = end + (size_t)quoted;
	return 0;
}

static void find_word(struct token *token)
{
	if (token->quoted || token->count != 1)
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (weir_slice_equals(token->segments[0], words[i].text))
			token->kind = words[i].kind;
}

static int read_name(struct weir_slice source, size_t *at, struct token *token,
		     struct weir_error *error)
{
	int result;

	token->kind = TOKEN_NAME;
	do {
		if (token->count == FIELD_SEGMENTS_MAX)
			return token_fail(error, token->offset, "a field name has at most %d parts",
					  FIELD_SEGMENTS_MAX);
		*at += token->count > 0; /* the dot */
		result = read_segment(source, at, token, &token->segments[token->count++], error);
	} while (result == 0 && char_at(source, *at) == '.');
	find_word(token);
	return result;
}

static int read_sign(struct weir_slice source, size_t *at, struct token *token,
		     struct weir_error *error)
{
	const char *here = source.data + *at;

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t size = strlen(signs[i].text);

		if (source.size - *at >= size && memcmp(here, signs[i].text, size) == 0) {
			token->kind = signs[i].kind;
			token->op = signs[i].op;
			*at += size;
			return 0;
		}
	}
	if (*here == '=')
		return token_fail(error, *at,
				  "'=' compares nothing: write ==, or =~ for a pattern");
	if (*here == '&' || *here == '|')
		return token_fail(error, *at, "write '%s' in place of '%c'",
				  *here == '&' ? "and" : "or", *here);
	if (*here == '\0' || !strchr("()[],+-*/%", *here))
		return token_fail(error, *at, "'%c' has no meaning here",
				  *here >= 0x20 && *here < 0x7f ? *here : '?');
	token->kind = TOKEN_SIGN;
	token->op = (uint8_t)*here;
	(*at)++;
	return 0;
}

int token_next(struct weir_slice source, size_t *at, struct scratch *made, struct token *ret_token,
	       struct weir_error *error)
{
	size_t start;
	char c;
	int result;

	while (*at < source.size && memchr(" \t\r\n", source.data[*at], 4))
		(*at)++;
	start = *at;
	memset(ret_token, 0, offsetof(struct token, segments));
	ret_token->offset = (uint32_t)start;
	if (start == source.size)
		return 0;
	c = source.data[start];
	if (is_digit(c) || (c == '.' && is_digit(char_at(source, start + 1))))
		result = read_number(source, at, ret_token, error);
	else if (c == '"' || c == '\'')
		result = read_string(source, at, made, ret_token, error);
	else if (is_name(c) || c == '`')
		result = read_name(source, at, ret_token, error);
	else
		result = read_sign(source, at, ret_token, error);
	ret_token->source = (struct weir_slice){source.data + start, *at - start};
	return result;
}
