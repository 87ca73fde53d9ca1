// SPDX-License-Identifier: MIT
/* strtod() and strtoll() see only text that has passed our own look at its letters: they take more
 * than a configuration should (leading spaces, hexadecimal floats, "infinity"). */
#include "config/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define NUMBER_MAX 64 /* characters */

static int is_word(struct weir_slice text, const char *const *words)
{
	for (; *words; words++)
		if (text.size == strlen(*words) && strncasecmp(text.data, *words, text.size) == 0)
			return 1;
	return 0;
}

int scalar_read_bool(struct weir_slice text, int64_t *ret_value)
{
	static const char *const on[] = {"true", "yes", "on", NULL};
	static const char *const off[] = {"false", "no", "off", NULL};

	if (!is_word(text, on) && !is_word(text, off))
		return WEIR_ERR_INVALID;
	*ret_value = is_word(text, on);
	return 0;
}

static int all_of(const char *text, const char *letters)
{
	return text[0] != '\0' && text[strspn(text, letters)] == '\0';
}

/* text.data has a NUL after it. */
int scalar_read_int(struct weir_slice text, int64_t *ret_value)
{
	const char *digits = text.data;
	char *end;
	int base = 10;

	if (text.size == 0 || text.size > NUMBER_MAX)
		return WEIR_ERR_INVALID;
	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'o')) {
		base = digits[1] == 'x' ? 16 : 8;
		digits += 2;
		if (!all_of(digits, base == 16 ? "0123456789abcdefABCDEF" : "01234567"))
			return WEIR_ERR_INVALID;
	} else if (!all_of(digits + (digits[0] == '-' || digits[0] == '+'), "0123456789")) {
		return WEIR_ERR_INVALID;
	}
	errno = 0;
	*ret_value = strtoll(digits, &end, base);
	return errno || *end ? WEIR_ERR_INVALID : 0;
}

int scalar_read_double(struct weir_slice text, double *ret_value)
{
	char *end;

	if (text.size == 0 || text.size > NUMBER_MAX || !all_of(text.data, "+-.0123456789eE") ||
	    text.data[0] == 'e' || text.data[0] == 'E')
		return WEIR_ERR_INVALID;
	errno = 0;
	*ret_value = strtod(text.data, &end);
	return *end || end == text.data || !isfinite(*ret_value) ? WEIR_ERR_INVALID : 0;
}

static int read_special(struct weir_slice text, double *ret_value)
{
	static const char *const nan_words[] = {".nan", NULL};
	static const char *const positive[] = {".inf", "+.inf", NULL};
	static const char *const negative[] = {"-.inf", NULL};

	if (is_word(text, nan_words))
		*ret_value = (double)NAN;
	else if (is_word(text, positive))
		*ret_value = (double)INFINITY;
	else if (is_word(text, negative))
		*ret_value = -(double)INFINITY;
	else
		return WEIR_ERR_INVALID;
	return 0;
}

void scalar_resolve(struct weir_node *node)
{
	static const char *const nulls[] = {"", "~", "null", NULL};
	static const char *const truths[] = {"true", "false", NULL};

	if (is_word(node->text, nulls)) {
		node->type = WEIR_TYPE_NULL;
	} else if (is_word(node->text, truths)) {
		node->type = WEIR_TYPE_BOOL;
		(void)scalar_read_bool(node->text, &node->i64);
	} else if (scalar_read_int(node->text, &node->i64) == 0) {
		node->type = WEIR_TYPE_INT;
	} else if (scalar_read_double(node->text, &node->f64) == 0 ||
		   read_special(node->text, &node->f64) == 0) {
		node->type = WEIR_TYPE_DOUBLE;
	} else {
		node->type = WEIR_TYPE_STRING;
		node->i64 = 0;
		node->f64 = 0;
	}
}

const char *scalar_type_wants(uint32_t type)
{
	switch (type) {
	case WEIR_TYPE_BOOL:
		return "true or false";
	case WEIR_TYPE_INT:
		return "a whole number";
	case WEIR_TYPE_DOUBLE:
		return "a number";
	case WEIR_TYPE_SIZE:
		return "a size such as 64KiB, 5MB or a number of bytes";
	case WEIR_TYPE_DURATION:
		return "a duration such as 200ms, 5s or 1h";
	case WEIR_TYPE_EXPR:
		return "an expression";
	case WEIR_TYPE_REGEX:
		return "a regular expression";
	case WEIR_TYPE_LIST:
		return "a list";
	case WEIR_TYPE_MAP:
		return "a map";
	case WEIR_TYPE_ANY:
		return "a value";
	default:
		return "text";
	}
}
