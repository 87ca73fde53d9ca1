// SPDX-License-Identifier: MIT
/* Types, ranges and allowed words. Expressions and patterns report at the very character. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "config/option_value.h"

#include <inttypes.h>
#include <pcre2.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/nearest.h"
#include "config/scalar.h"
#include "config/units.h"
#include "expr/expr.h"

#define LIMIT_TEXT 32

static int wrong_type(struct config_file *file, const struct tree_node *scalar, uint32_t type,
		      const char *name)
{
	config_file_error(file, scalar->line, scalar->column, "\"%s\" wants %s, found %s", name,
			  scalar_type_wants(type), tree_describe(file, scalar));
	return WEIR_ERR_INVALID;
}

static void print_limit(uint32_t type, int64_t value, char ret_text[LIMIT_TEXT])
{
	if (type == WEIR_TYPE_SIZE)
		units_print_size(value, ret_text, LIMIT_TEXT);
	else if (type == WEIR_TYPE_DURATION)
		units_print_duration(value, ret_text, LIMIT_TEXT);
	else
		snprintf(ret_text, LIMIT_TEXT, "%" PRId64, value);
}

static int check_range(struct config_file *file, const struct tree_node *scalar,
		       const struct weir_option *option, uint32_t type, const char *name,
		       int64_t value)
{
	char min[LIMIT_TEXT], max[LIMIT_TEXT];

	if (option->min >= option->max || (value >= option->min && value <= option->max))
		return 0;
	print_limit(type, option->min, min);
	print_limit(type, option->max, max);
	if (option->max == INT64_MAX)
		config_file_error(file, scalar->line, scalar->column,
				  "\"%s\" must be at least %s, found %s", name, min,
				  scalar->text.data);
	else
		config_file_error(file, scalar->line, scalar->column,
				  "\"%s\" must be from %s to %s, found %s", name, min, max,
				  scalar->text.data);
	return WEIR_ERR_INVALID;
}

/* The next word of `values`, which ends at '|' or NUL; size 0 at the end. */
static struct weir_slice next_word(const char **values)
{
	struct weir_slice word = {*values, strcspn(*values, "|")};

	*values += word.size + ((*values)[word.size] == '|');
	return word;
}

static int check_words(struct config_file *file, const struct tree_node *scalar,
		       const struct weir_option *option, const char *name)
{
	struct nearest nearest = nearest_to(scalar->text);
	struct buffer list = {0};
	const char *rest = option->values;
	struct weir_slice word;

	if (!rest)
		return 0;
	while ((word = next_word(&rest)).size) {
		if (word.size == scalar->text.size &&
		    memcmp(word.data, scalar->text.data, word.size) == 0) {
			buffer_done(&list);
			return 0;
		}
		nearest_offer(&nearest, word);
		buffer_printf(&list, "%s\"%.*s\"", list.size ? rest[0] ? ", " : " or " : "",
			      (int)word.size, word.data);
	}
	config_file_error(file, scalar->line, scalar->column, "\"%s\" must be %s, found %s%s%.*s%s",
			  name, buffer_cstr(&list), tree_describe(file, scalar),
			  nearest.best.size ? "; did you mean \"" : "", (int)nearest.best.size,
			  nearest.best.size ? nearest.best.data : "",
			  nearest.best.size ? "\"?" : "");
	buffer_done(&list);
	return WEIR_ERR_INVALID;
}

static int check_expr(struct config_file *file, const struct tree_node *scalar, const char *name)
{
	struct weir_error error = {0};
	struct weir_expr *expr = NULL;
	uint32_t line, column;

	if (expr_compile(scalar->text, &expr, &error) == 0) {
		expr_free(expr);
		return 0;
	}
	tree_position(scalar, error.offset, &line, &column);
	config_file_error(file, line, column, "in \"%s\": %s", name, error.text);
	return WEIR_ERR_INVALID;
}

static size_t characters(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xC0) != 0x80;
	return count;
}

/* As plugins compile them: over bytes, because logs hold any. */
static int check_regex(struct config_file *file, const struct tree_node *scalar, const char *name)
{
	PCRE2_SIZE offset;
	uint32_t line, column;
	char text[256];
	int code;
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)scalar->text.data, scalar->text.size,
					     PCRE2_NEVER_UTF, &code, &offset, NULL);

	if (compiled) {
		pcre2_code_free(compiled);
		return 0;
	}
	if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "it is no regular expression");
	tree_position(scalar, offset, &line, &column);
	config_file_error(file, line, column,
			  "in the regular expression \"%s\", at its character %zu: %s", name,
			  characters(scalar->text.data, offset) + 1, text);
	return WEIR_ERR_INVALID;
}

static int read_number(const struct weir_slice text, uint32_t type, struct weir_node *node)
{
	switch (type) {
	case WEIR_TYPE_BOOL:
		return scalar_read_bool(text, &node->i64);
	case WEIR_TYPE_INT:
		return scalar_read_int(text, &node->i64);
	case WEIR_TYPE_DOUBLE:
		return scalar_read_double(text, &node->f64);
	case WEIR_TYPE_SIZE:
		return units_read_size(text, &node->i64);
	case WEIR_TYPE_DURATION:
		return units_read_duration(text, &node->i64);
	default:
		return 0;
	}
}

int option_value_read(struct config_file *file, const struct tree_node *scalar,
		      const struct weir_option *option, uint32_t type, const char *name,
		      struct weir_node *node)
{
	if (type == WEIR_TYPE_ANY) {
		node->type = WEIR_TYPE_STRING;
		if (scalar->plain)
			scalar_resolve(node);
		return 0;
	}
	node->type = type;
	if (tree_is_null(scalar)) {
		config_file_error(file, scalar->line, scalar->column,
				  "\"%s\" has no value; give it %s, or leave it out", name,
				  scalar_type_wants(type));
		return WEIR_ERR_INVALID;
	}
	if (read_number(scalar->text, type, node))
		return wrong_type(file, scalar, type, name);
	if ((type == WEIR_TYPE_INT || type == WEIR_TYPE_SIZE || type == WEIR_TYPE_DURATION) &&
	    check_range(file, scalar, option, type, name, node->i64))
		return WEIR_ERR_INVALID;
	if (type == WEIR_TYPE_EXPR)
		return check_expr(file, scalar, name);
	if (type == WEIR_TYPE_REGEX)
		return check_regex(file, scalar, name);
	return check_words(file, scalar, option, name);
}
