// SPDX-License-Identifier: MIT
/* Match data, stack and limits are made with the pattern, so that a match allocates nothing. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "expr/regex.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/plugin.h>

/* A few milliseconds of backtracking; ordinary patterns need some hundred steps a line. */
#define MATCH_LIMIT 2000000
#define JIT_STACK_FIRST (32 * 1024)
#define JIT_STACK_MAX (512 * 1024)

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	int is_utf8;
};

static int needs_utf8(struct weir_slice pattern)
{
	for (size_t i = 0; i < pattern.size; i++) {
		char next = i + 1 < pattern.size ? pattern.data[i + 1] : '\0';

		if ((unsigned char)pattern.data[i] >= 0x80)
			return 1;
		if (pattern.data[i] != '\\')
			continue;
		if (next == 'p' || next == 'P' || next == 'X' ||
		    (next == 'x' && i + 2 < pattern.size && pattern.data[i + 2] == '{'))
			return 1;
		i++;
	}
	return 0;
}

static int compile(struct regex *regex, struct weir_slice pattern, struct weir_error *error)
{
	uint32_t options =
		regex->is_utf8 ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : PCRE2_NEVER_BACKSLASH_C;
	PCRE2_UCHAR message[256];
	PCRE2_SIZE offset;
	int code;

	regex->code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.size, options, &code, &offset,
				    NULL);
	if (!regex->code) {
		(void)pcre2_get_error_message(code, message, sizeof(message));
		if (error)
			error->offset = (uint32_t)offset;
		return weir_fail(error, WEIR_ERR_INVALID, "the pattern can't be used: %s",
				 (const char *)message);
	}
	(void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* else it is interpreted */
	return 0;
}

int regex_create(struct weir_slice pattern, struct regex **ret_regex, struct weir_error *error)
{
	struct regex *regex = calloc(1, sizeof(*regex));
	int result = WEIR_ERR_MEMORY;

	if (!regex)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a pattern");
	regex->is_utf8 = needs_utf8(pattern);
	result = compile(regex, pattern, error);
	if (result != 0)
		goto out;
	regex->data = pcre2_match_data_create(REGEX_GROUPS_MAX, NULL);
	regex->context = pcre2_match_context_create(NULL);
	regex->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
	if (!regex->data || !regex->context) {
		result = weir_fail(error, WEIR_ERR_MEMORY, "no memory for a pattern");
		goto out;
	}
	(void)pcre2_set_match_limit(regex->context, MATCH_LIMIT);
	pcre2_jit_stack_assign(regex->context, NULL, regex->stack);
	*ret_regex = regex;
	return 0;
out:
	regex_destroy(regex);
	return result;
}

void regex_destroy(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_jit_stack_free(regex->stack);
	pcre2_match_context_free(regex->context);
	pcre2_match_data_free(regex->data);
	pcre2_code_free(regex->code);
	free(regex);
}

/* As pcre2_match(): negative when there is no match, 0 when not all groups had a place. */
static int match(const struct regex *regex, struct weir_slice text, size_t start)
{
	PCRE2_SPTR subject = (PCRE2_SPTR)(text.data ? text.data : "");

	return pcre2_match(regex->code, subject, text.size, start, 0, regex->data, regex->context);
}

int regex_matches(const struct regex *regex, struct weir_slice text)
{
	return match(regex, text, 0) >= 0;
}

int regex_find(const struct regex *regex, struct weir_slice text, size_t start,
	       size_t ret_places[2 * REGEX_GROUPS_MAX])
{
	int count = match(regex, text, start);
	const PCRE2_SIZE *places = pcre2_get_ovector_pointer(regex->data);

	if (count < 0)
		return 0;
	if (count == 0)
		count = REGEX_GROUPS_MAX;
	/* Places after the last group that is set may never have been written. */
	for (int i = 0; i < 2 * REGEX_GROUPS_MAX; i++)
		ret_places[i] = i < 2 * count ? places[i] : SIZE_MAX;
	return 1;
}

int regex_is_utf8(const struct regex *regex)
{
	return regex->is_utf8;
}
