// SPDX-License-Identifier: MIT
/*
 * The format `regex`: a PCRE2 pattern whose named groups become fields, `(?<status>\d+)`.
 *
 * The pattern is searched for anywhere in the text; anchor it with ^ and $. It sees bytes, not
 * characters: `.` is one byte of a UTF-8 sequence, and text that is not UTF-8 matches like any
 * other. A group that took no part in the match is absent. Steps are bounded, so that a pattern
 * that backtracks without end costs its line, not the worker.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "parse.h"

/* Enough for patterns that find their match; a tenth of PCRE2's own bound. */
#define STEPS_MAX 1000000
#define STACK_MIN 32768
#define STACK_MAX 1048576

struct regex {
	pcre2_code *code;
	pcre2_match_context *context;
	pcre2_match_data *match;
	pcre2_jit_stack *stack;
	int jit;
	uint32_t *groups; /* the group's number per field */
};

static const char *regex_parse(struct parse *parse, const struct line *line)
{
	const struct regex *regex = parse->format_state;
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->match);
	PCRE2_SPTR text = (PCRE2_SPTR)line->text;
	int count = regex->jit ? pcre2_jit_match(regex->code, text, line->size, 0, 0, regex->match,
						 regex->context)
			       : pcre2_match(regex->code, text, line->size, 0, 0, regex->match,
					     regex->context);

	if (count == PCRE2_ERROR_NOMATCH)
		return "the pattern does not match";
	if (count < 0)
		return "the pattern takes too many steps";
	for (uint32_t i = 0; i < parse->count; i++) {
		PCRE2_SIZE from = ends[2 * regex->groups[i]], to = ends[2 * regex->groups[i] + 1];

		/* A \K within a lookahead can end a group before it begins. */
		if (from == PCRE2_UNSET || from > to)
			parse->values[i] = absent_value();
		else
			parse->values[i] = line_value(line, WEIR_STRING, 0, line->text + from,
						      line->text + to);
	}
	return NULL;
}

static int pattern_error(struct weir_error *error, const struct weir_node *pattern, int code,
			 PCRE2_SIZE offset)
{
	char text[128] = "";

	(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
	(void)weir_fail(error, WEIR_ERR_INVALID, "parse: the pattern is wrong at byte %zu: %s",
			offset, text);
	error->line = pattern->line;
	error->column = pattern->column;
	error->offset = (uint32_t)offset;
	return WEIR_ERR_INVALID;
}

/* Fields in the order of the groups' numbers. PCRE2 keeps its table of names in the code. */
static int name_groups(struct parse *parse, struct regex *regex, const struct weir_node *pattern,
		       struct weir_error *error)
{
	uint32_t count = 0, entry_size = 0;
	PCRE2_SPTR table = NULL;

	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &count);
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);
	regex->groups = calloc(count + 1, sizeof(*regex->groups));
	if (!regex->groups || parse_grow(parse, count + 1) != WEIR_OK)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	for (uint32_t i = 0; i < count; i++, table += entry_size) {
		uint32_t group = (uint32_t)table[0] << 8 | table[1], at = i;

		for (; at > 0 && regex->groups[at - 1] > group; at--) {
			regex->groups[at] = regex->groups[at - 1];
			parse->keys[at] = parse->keys[at - 1];
		}
		regex->groups[at] = group;
		parse->keys[at] = weir_slice_of((const char *)table + 2);
	}
	parse->count = count;
	parse->width = count + PARSE_SPARE;
	if (count > 0)
		return WEIR_OK;
	(void)weir_fail(
		error, WEIR_ERR_INVALID,
		"parse: the pattern has no named group; write (?<name>...) around what is to "
		"become a field");
	error->line = pattern->line;
	error->column = pattern->column;
	return WEIR_ERR_INVALID;
}

/* (?J) lets a pattern use a name twice. */
static int names_unique(const struct parse *parse, struct weir_error *error)
{
	for (uint32_t i = 0; i < parse->count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (parse->keys[i].size == parse->keys[k].size &&
			    memcmp(parse->keys[i].data, parse->keys[k].data, parse->keys[i].size) ==
				    0)
				return weir_fail(error, WEIR_ERR_INVALID,
						 "parse: two groups of the pattern are named %s",
						 parse->keys[i].data);
	return WEIR_OK;
}

/* Without the just-in-time compiler (a kernel that forbids it) matching is slower, not wrong. */
static int prepare(struct regex *regex)
{
	regex->match = pcre2_match_data_create_from_pattern(regex->code, NULL);
	regex->context = pcre2_match_context_create(NULL);
	regex->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
	if (!regex->match || !regex->context)
		return -1;
	(void)pcre2_set_match_limit(regex->context, STEPS_MAX);
	regex->jit = regex->stack && pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
	if (regex->jit)
		pcre2_jit_stack_assign(regex->context, NULL, regex->stack);
	return 0;
}

static int regex_create(struct parse *parse, const struct weir_node *options,
			struct weir_error *error)
{
	const struct weir_node *pattern = weir_node_find(options, "pattern");
	struct regex *regex = calloc(1, sizeof(*regex));
	PCRE2_SIZE offset;
	int code, result;

	parse->format_state = regex;
	if (!regex)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	if (!pattern)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "parse: the format regex needs a pattern");
	/* The text is not known to be UTF-8, and matching in that mode without checking it would
	 * read out of bounds: so a pattern may not switch it on. */
	regex->code = pcre2_compile((PCRE2_SPTR)pattern->text.data, pattern->text.size,
				    PCRE2_NEVER_UTF, &code, &offset, NULL);
	if (!regex->code)
		return pattern_error(error, pattern, code, offset);
	if (prepare(regex) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	result = name_groups(parse, regex, pattern, error);
	return result == WEIR_OK ? names_unique(parse, error) : result;
}

static void regex_destroy(struct parse *parse)
{
	struct regex *regex = parse->format_state;

	if (!regex)
		return;
	pcre2_jit_stack_free(regex->stack);
	pcre2_match_context_free(regex->context);
	pcre2_match_data_free(regex->match);
	pcre2_code_free(regex->code);
	free(regex->groups);
	free(regex);
}

const struct parse_format regex_format = {
	.name = "regex", .create = regex_create, .destroy = regex_destroy, .parse = regex_parse};
