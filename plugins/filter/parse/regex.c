// SPDX-License-Identifier: MIT
/*
 * The format `regex`: a PCRE2 pattern whose named groups become fields, `(?<status>\d+)`.
 *
 * The pattern is searched for anywhere in the text; anchor it with ^ and $. A group that took no
 * part in the match is absent.
 */
#include <stdlib.h>

#include "pattern.h"

struct regex {
	struct pattern pattern;
	uint32_t *groups; /* the group's number per field */
};

static const char *regex_parse(struct parse *parse, const struct line *line)
{
	const struct regex *regex = parse->format_state;
	const char *wrong = pattern_match(&regex->pattern, line);
	struct weir_value *values = parse->values;
	uint32_t count = parse->count;

	if (wrong)
		return wrong;
	for (uint32_t i = 0; i < count; i++)
		values[i] = pattern_value(&regex->pattern, line, regex->groups[i]);
	return NULL;
}

static int place(struct weir_error *error, const struct weir_node *node)
{
	error->line = node->line;
	error->column = node->column;
	return error->code;
}

/* Fields in the order of the groups' numbers. */
static int name_groups(struct parse *parse, struct regex *regex, struct weir_error *error)
{
	uint32_t count = pattern_group_count(&regex->pattern);

	regex->groups = calloc(count + 1, sizeof(*regex->groups));
	if (!regex->groups || parse_grow(parse, count + 1) != WEIR_OK)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	for (uint32_t i = 0; i < count; i++) {
		struct pattern_group group = pattern_group_at(&regex->pattern, i);
		uint32_t at = i;

		for (; at > 0 && regex->groups[at - 1] > group.number; at--) {
			regex->groups[at] = regex->groups[at - 1];
			parse->keys[at] = parse->keys[at - 1];
		}
		regex->groups[at] = group.number;
		parse->keys[at] = group.name;
	}
	parse->count = count;
	parse->width = count + PARSE_SPARE;
	if (count > 0)
		return WEIR_OK;
	return weir_fail(
		error, WEIR_ERR_INVALID,
		"parse: the pattern has no named group; write (?<name>...) around what is to "
		"become a field");
}

/* (?J) lets a pattern use a name twice. */
static int names_unique(const struct parse *parse, struct weir_error *error)
{
	for (uint32_t i = 0; i < parse->count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (weir_slice_equals(parse->keys[i], parse->keys[k].data))
				return weir_fail(error, WEIR_ERR_INVALID,
						 "parse: two groups of the pattern are named %s",
						 parse->keys[i].data);
	return WEIR_OK;
}

static int regex_create(struct parse *parse, const struct weir_node *options,
			struct weir_error *error)
{
	const struct weir_node *pattern = weir_node_find(options, "pattern");
	struct regex *regex = calloc(1, sizeof(*regex));

	parse->format_state = regex;
	if (!regex)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	if (!pattern)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "parse: the format regex needs a pattern");
	if (pattern_create(&regex->pattern, pattern->text, 0, error) != WEIR_OK ||
	    name_groups(parse, regex, error) != WEIR_OK || names_unique(parse, error) != WEIR_OK)
		return place(error, pattern);
	return WEIR_OK;
}

static void regex_destroy(struct parse *parse)
{
	struct regex *regex = parse->format_state;

	if (!regex)
		return;
	pattern_done(&regex->pattern);
	free(regex->groups);
	free(regex);
}

const struct parse_format regex_format = {.name = "regex",
					  .create = regex_create,
					  .destroy = regex_destroy,
					  .parse = regex_parse,
					  .in_place = 1};
