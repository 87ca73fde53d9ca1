// SPDX-License-Identifier: MIT
#include "pattern.h"

/* Enough for patterns that find their match; a tenth of PCRE2's own bound. */
#define STEPS_MAX 1000000
#define STACK_MIN 32768
#define STACK_MAX 1048576

/* Without the just-in-time compiler (a kernel that forbids it) matching is slower, not wrong. */
static int prepare(struct pattern *pattern)
{
	pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
	pattern->context = pcre2_match_context_create(NULL);
	pattern->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
	if (!pattern->match || !pattern->context)
		return -1;
	pattern->ends = pcre2_get_ovector_pointer(pattern->match);
	(void)pcre2_set_match_limit(pattern->context, STEPS_MAX);
	pattern->jit = pattern->stack && pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE) == 0;
	if (pattern->jit)
		pcre2_jit_stack_assign(pattern->context, NULL, pattern->stack);
	return 0;
}

int pattern_create(struct pattern *pattern, struct weir_slice text, uint32_t flags,
		   struct weir_error *error)
{
	PCRE2_SIZE offset;
	char why[128] = "";
	int code;

	/* The text is not known to be UTF-8, and matching in that mode without checking it would
	 * read out of bounds: so a pattern may not switch it on. */
	pattern->code = pcre2_compile((PCRE2_SPTR)text.data, text.size, PCRE2_NEVER_UTF | flags,
				      &code, &offset, NULL);
	if (!pattern->code) {
		(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		(void)weir_fail(error, WEIR_ERR_INVALID,
				"parse: the pattern is wrong at byte %zu: %s", offset, why);
		error->offset = (uint32_t)offset;
		return WEIR_ERR_INVALID;
	}
	if (prepare(pattern) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	return WEIR_OK;
}

void pattern_done(struct pattern *pattern)
{
	pcre2_jit_stack_free(pattern->stack);
	pcre2_match_context_free(pattern->context);
	pcre2_match_data_free(pattern->match);
	pcre2_code_free(pattern->code);
}

uint32_t pattern_group_count(const struct pattern *pattern)
{
	uint32_t count = 0;

	(void)pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &count);
	return count;
}

/* An entry of PCRE2's table: the number in two bytes, the name, a NUL. */
struct pattern_group pattern_group_at(const struct pattern *pattern, uint32_t index)
{
	uint32_t entry_size = 0;
	PCRE2_SPTR table = NULL;

	(void)pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
	(void)pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &table);
	table += (size_t)index * entry_size;
	return (struct pattern_group){(uint32_t)table[0] << 8 | table[1],
				      weir_slice_of((const char *)table + 2)};
}

const char *pattern_match(const struct pattern *pattern, const struct line *line)
{
	PCRE2_SPTR text = (PCRE2_SPTR)line->text;
	int count = pattern->jit ? pcre2_jit_match(pattern->code, text, line->size, 0, 0,
						   pattern->match, pattern->context)
				 : pcre2_match(pattern->code, text, line->size, 0, 0,
					       pattern->match, pattern->context);

	if (count == PCRE2_ERROR_NOMATCH)
		return "the pattern does not match";
	return count < 0 ? "the pattern takes too many steps" : NULL;
}
