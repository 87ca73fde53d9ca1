// SPDX-License-Identifier: MIT
#include "grok_expand.h"

#include <stdlib.h>

#include "convert.h"
#include "grok_patterns.h"
#include "text.h"

/* Patterns within patterns; those that are known need six. */
#define DEPTH_MAX 32
/* PCRE2 takes less; what grows beyond it doubles at every level. */
#define TEXT_MAX 262144

struct expander {
	struct grok_expansion *out;
	const struct weir_node *patterns;
	const struct weir_node *place;     /* of an error */
	struct weir_slice open[DEPTH_MAX]; /* the names that are being replaced */
	uint32_t depth;
	struct weir_error *error;
};

/* The parts of `%{NAME:field:type}`; size 0 where there is none. */
struct reference {
	struct weir_slice name, field, type;
};

static int expand(struct expander *expander, struct weir_slice text);

#define refuse(expander, code, ...)                             \
	((expander)->error->line = (expander)->place->line,     \
	 (expander)->error->column = (expander)->place->column, \
	 weir_fail((expander)->error, (code), __VA_ARGS__))

static int put(struct expander *expander, const char *text, uint64_t size)
{
	struct grok_expansion *out = expander->out;
	uint32_t capacity = out->capacity ? out->capacity : 1024;
	char *grown;

	if (out->size + size > TEXT_MAX)
		return refuse(expander, WEIR_ERR_INVALID,
			      "parse: with its names replaced the pattern is longer than %d bytes",
			      TEXT_MAX);
	while (capacity < out->size + size)
		capacity *= 2;
	if (capacity != out->capacity) {
		grown = realloc(out->text, capacity);
		if (!grown)
			return refuse(expander, WEIR_ERR_MEMORY, "parse: no memory");
		out->text = grown;
		out->capacity = capacity;
	}
	if (size)
		memcpy(out->text + out->size, text, size);
	out->size += (uint32_t)size;
	return WEIR_OK;
}

/* `(?:`, or `(?<weir_N>` and a field. */
static int put_opening(struct expander *expander, const struct reference *reference, uint8_t type)
{
	struct grok_expansion *out = expander->out;
	char text[32];
	int size;

	if (reference->field.size == 0)
		return put(expander, "(?:", 3);
	if (out->field_count == out->field_capacity) {
		uint32_t capacity = out->field_capacity ? 2 * out->field_capacity : 16;
		struct grok_field *grown = realloc(out->fields, capacity * sizeof(*grown));

		if (!grown)
			return refuse(expander, WEIR_ERR_MEMORY, "parse: no memory");
		out->fields = grown;
		out->field_capacity = capacity;
	}
	size = snprintf(text, sizeof(text), "(?<" GROK_GROUP "%u>", out->field_count);
	out->fields[out->field_count++] = (struct grok_field){reference->field, type};
	return put(expander, text, (uint64_t)size);
}

/* After `%{`. 0 when it is no reference. */
static int read_reference(struct cursor *c, struct reference *ret)
{
	struct weir_slice *parts[] = {&ret->name, &ret->field, &ret->type};
	const char *from = c->at, *end = cursor_take_until(c, '}');

	*ret = (struct reference){.name.size = 0};
	if (!end)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		const char *colon =
			from < end && i < 2 ? memchr(from, ':', (size_t)(end - from)) : NULL;
		const char *to = colon ? colon : end;

		*parts[i] = (struct weir_slice){from, (uint64_t)(to - from)};
		if (to == from)
			return 0;
		if (!colon)
			return 1;
		from = to + 1;
	}
	return 1;
}

static const char *pattern_text(const struct expander *expander, struct weir_slice name,
				uint64_t *ret_size)
{
	const char *text;

	for (uint32_t i = 0; expander->patterns && i < expander->patterns->count; i++) {
		struct weir_slice key = expander->patterns->keys[i];

		if (key.size != name.size || memcmp(key.data, name.data, name.size) != 0)
			continue;
		*ret_size = expander->patterns->items[i]->text.size;
		return expander->patterns->items[i]->text.data;
	}
	text = grok_pattern_named(name);
	*ret_size = text ? strlen(text) : 0;
	return text;
}

/* WEIR_OK unless the name is being replaced already: then the way round, in words. */
static int check_cycle(struct expander *expander, struct weir_slice name)
{
	char way[256] = "";
	uint32_t first = 0, size = 0;

	while (first < expander->depth &&
	       (expander->open[first].size != name.size ||
		memcmp(expander->open[first].data, name.data, name.size) != 0))
		first++;
	if (first == expander->depth)
		return WEIR_OK;
	for (uint32_t i = first; i < expander->depth && size < sizeof(way); i++)
		size += (uint32_t)snprintf(way + size, sizeof(way) - size, "%.*s, which uses ",
					   (int)expander->open[i].size, expander->open[i].data);
	return refuse(expander, WEIR_ERR_INVALID,
		      "parse: a pattern can't be part of itself: %s%.*s again", way, (int)name.size,
		      name.data);
}

static int expand_reference(struct expander *expander, const struct reference *reference)
{
	struct weir_slice name = reference->name, text, type = reference->type;
	uint8_t convert = CONVERT_NONE;

	if (type.size)
		convert = weir_slice_equals(type, "float") ? CONVERT_DOUBLE
							   : convert_type_named(type);
	if (type.size && convert == CONVERT_NONE)
		return refuse(expander, WEIR_ERR_INVALID,
			      "parse: the type of %.*s must be string, int, double (or float) or "
			      "bool, not %.*s",
			      (int)reference->field.size, reference->field.data, (int)type.size,
			      type.data);
	text.data = pattern_text(expander, name, &text.size);
	if (!text.data)
		return refuse(expander, WEIR_ERR_INVALID,
			      "parse: there is no pattern named %.*s; add it to the option "
			      "patterns",
			      (int)name.size, name.data);
	if (check_cycle(expander, name) != WEIR_OK)
		return expander->error->code;
	if (expander->depth == DEPTH_MAX)
		return refuse(expander, WEIR_ERR_INVALID,
			      "parse: patterns within patterns, more than %d deep", DEPTH_MAX);
	expander->open[expander->depth++] = name;
	if (put_opening(expander, reference, convert) != WEIR_OK ||
	    expand(expander, text) != WEIR_OK || put(expander, ")", 1) != WEIR_OK)
		return expander->error->code;
	expander->depth--;
	return WEIR_OK;
}

static int expand(struct expander *expander, struct weir_slice text)
{
	struct cursor c = {text.data, text.data + text.size};
	struct reference reference;
	const char *found;
	int result;

	while ((found = cursor_find(&c, "%{")) != NULL) {
		result = put(expander, c.at, (uint64_t)(found - c.at));
		if (result != WEIR_OK)
			return result;
		c.at = found + 2;
		if (!read_reference(&c, &reference))
			return refuse(expander, WEIR_ERR_INVALID,
				      "parse: after %%{ there must be NAME}, NAME:field} or "
				      "NAME:field:type}, not %.20s",
				      found + 2);
		result = expand_reference(expander, &reference);
		if (result != WEIR_OK)
			return result;
	}
	return put(expander, c.at, (uint64_t)(c.end - c.at));
}

/* The user's own are looked through even where the pattern doesn't use them. */
static int check_patterns(const struct weir_node *patterns, struct weir_error *error)
{
	int result = WEIR_OK;

	for (uint32_t i = 0; result == WEIR_OK && patterns && i < patterns->count; i++) {
		struct grok_expansion unused = {.size = 0};
		struct expander expander = {.out = &unused,
					    .patterns = patterns,
					    .place = patterns->items[i],
					    .error = error};
		struct reference own = {.name = patterns->keys[i]};

		result = expand_reference(&expander, &own);
		grok_expansion_done(&unused);
	}
	return result;
}

int grok_expand(const struct weir_node *pattern, const struct weir_node *patterns,
		struct grok_expansion *ret_expansion, struct weir_error *error)
{
	struct expander expander = {
		.out = ret_expansion, .patterns = patterns, .place = pattern, .error = error};
	int result;

	*ret_expansion = (struct grok_expansion){.size = 0};
	result = check_patterns(patterns, error);
	return result == WEIR_OK ? expand(&expander, pattern->text) : result;
}

void grok_expansion_done(struct grok_expansion *expansion)
{
	free(expansion->text);
	free(expansion->fields);
}
