// SPDX-License-Identifier: MIT
/*
 * The format `grok`: a regular expression of patterns that have names, some of which are fields,
 *
 *     %{IPORHOST:client} %{WORD:method} %{URIPATHPARAM:path} %{NUMBER:took:double}
 *
 * compiled once into one PCRE2 pattern, as for the format regex. Named groups (?<field>...) are
 * fields too, other parentheses capture nothing. Where several groups have one name, the field is
 * the last of them that took part in the match.
 */
#include <stdlib.h>

#include "convert.h"
#include "grok_expand.h"
#include "pattern.h"

struct grok_group {
	uint32_t number;
	uint32_t field; /* index in parse->keys */
	uint8_t type;
};

struct grok {
	struct pattern pattern;
	struct grok_group *groups; /* in the order of their numbers */
	uint32_t group_count;
};

static const char *grok_parse(struct parse *parse, const struct line *line)
{
	const struct grok *grok = parse->format_state;
	const char *wrong = pattern_match(&grok->pattern, line);

	if (wrong)
		return wrong;
	for (uint32_t i = 0; i < parse->count; i++)
		parse->values[i] = absent_value();
	for (uint32_t i = 0; i < grok->group_count; i++) {
		const struct grok_group *group = &grok->groups[i];
		struct weir_value value = pattern_value(&grok->pattern, line, group->number);

		if (value.tag == WEIR_ABSENT)
			continue;
		if (group->type != CONVERT_NONE)
			parse->type_errors += convert_value(parse, &value, group->type) != 0;
		parse->values[group->field] = value;
	}
	return NULL;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* The field that a group stands for: the expansion's own have numbers as names. */
static struct grok_field field_of(const struct grok_expansion *expansion, struct weir_slice name)
{
	static const char prefix[] = GROK_GROUP;
	unsigned long index;
	char *end;

	if (strncmp(name.data, prefix, sizeof(prefix) - 1) == 0) {
		index = strtoul(name.data + sizeof(prefix) - 1, &end, 10);
		if (*end == '\0' && index < expansion->field_count)
			return expansion->fields[index];
	}
	return (struct grok_field){name, CONVERT_NONE};
}

/* The index of the key, which is added if it is new. */
static uint32_t key_index(struct parse *parse, struct weir_slice name)
{
	for (uint32_t i = 0; i < parse->count; i++)
		if (parse->keys[i].size == name.size &&
		    memcmp(parse->keys[i].data, name.data, name.size) == 0)
			return i;
	parse->keys[parse->count] = name;
	return parse->count++;
}

static int by_number(const void *a, const void *b)
{
	const struct pattern_group *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static int name_fields(struct parse *parse, struct grok *grok,
		       const struct grok_expansion *expansion, struct weir_error *error)
{
	uint32_t count = pattern_group_count(&grok->pattern);
	struct pattern_group *names = calloc(count + 1, sizeof(*names));

	grok->groups = calloc(count + 1, sizeof(*grok->groups));
	if (!names || !grok->groups || parse_grow(parse, count + 1) != WEIR_OK) {
		free(names);
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	}
	for (uint32_t i = 0; i < count; i++)
		names[i] = pattern_group_at(&grok->pattern, i);
	qsort(names, count, sizeof(*names), by_number);
	for (uint32_t i = 0; i < count; i++) {
		struct grok_field field = field_of(expansion, names[i].name);

		grok->groups[grok->group_count++] = (struct grok_group){
			names[i].number, key_index(parse, field.name), field.type};
	}
	free(names);
	parse->width = parse->count + PARSE_SPARE;
	if (count > 0)
		return WEIR_OK;
	return weir_fail(error, WEIR_ERR_INVALID,
			 "parse: the pattern names no field; write %%{NAME:field}");
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

/* A mistake is at a byte of the replaced text, which the user has not seen: so it is shown. */
static int compile(struct grok *grok, const struct grok_expansion *expansion,
		   struct weir_error *error)
{
	struct weir_slice text = {expansion->text, expansion->size};
	struct weir_error wrong = {.code = 0};
	const char *why;
	uint32_t from;

	if (pattern_create(&grok->pattern, text, PCRE2_NO_AUTO_CAPTURE | PCRE2_DUPNAMES, &wrong) ==
	    WEIR_OK)
		return WEIR_OK;
	why = strrchr(wrong.text, ':');
	from = wrong.offset > 30 ? wrong.offset - 30 : 0;
	return weir_fail(error, wrong.code,
			 "parse: the pattern is wrong, with its names replaced, after %.*s%s",
			 (int)(wrong.offset - from), expansion->text + from, why ? why : "");
}

static int grok_create(struct parse *parse, const struct weir_node *options,
		       struct weir_error *error)
{
	const struct weir_node *pattern = weir_node_find(options, "pattern");
	struct grok *grok = calloc(1, sizeof(*grok));
	struct grok_expansion expansion = {.size = 0};
	int result;

	parse->format_state = grok;
	if (!grok)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	if (!pattern)
		return weir_fail(error, WEIR_ERR_INVALID, "parse: the format grok needs a pattern");
	result = grok_expand(pattern, weir_node_find(options, "patterns"), &expansion, error);
	if (result != WEIR_OK)
		goto out; /* the error has its place */
	result = compile(grok, &expansion, error);
	if (result == WEIR_OK)
		result = name_fields(parse, grok, &expansion, error);
	if (result != WEIR_OK) {
		error->line = pattern->line;
		error->column = pattern->column;
	}
out:
	grok_expansion_done(&expansion);
	return result;
}

static void grok_destroy(struct parse *parse)
{
	struct grok *grok = parse->format_state;

	if (!grok)
		return;
	pattern_done(&grok->pattern);
	free(grok->groups);
	free(grok);
}

const struct parse_format grok_format = {
	.name = "grok", .create = grok_create, .destroy = grok_destroy, .parse = grok_parse};
