// SPDX-License-Identifier: MIT
#include "cli/test_compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "batch/json.h"
#include "expr/json_walk.h"

/* Of one record's strings while they are unescaped. */
#define SCRATCH_MAX (64u << 20)
/* Integers up to here are exact as doubles. */
#define EXACT_MAX 9007199254740992.0
#define DEPTH_MAX 64

struct fact {
	const char *path;
	const char *value; /* JSON */
};

struct facts {
	struct config_memory *memory;
	struct fact *items;
	size_t count, capacity;
};

/* ---- taking records apart ---- */

static void add(struct facts *facts, const char *path, const char *value)
{
	if (facts->count == facts->capacity) {
		size_t capacity = facts->capacity ? facts->capacity * 2 : 32;
		struct fact *items = config_alloc(facts->memory, capacity * sizeof(*items));

		if (!items)
			return;
		if (facts->count)
			memcpy(items, facts->items, facts->count * sizeof(*items));
		facts->items = items;
		facts->capacity = capacity;
	}
	if (path && value)
		facts->items[facts->count++] = (struct fact){path, value};
}

static const char *member_path(struct facts *facts, const char *path, struct weir_slice name)
{
	return config_print(facts->memory, "%s%s%.*s", path ? path : "", path && path[0] ? "." : "",
			    (int)name.size, name.data ? name.data : "");
}

static const char *quoted(struct facts *facts, struct weir_slice text)
{
	struct buffer json = {0};
	const char *copy = NULL;

	if (json_append_string(&json, text) == 0)
		copy = config_copy(facts->memory, json.data, json.size);
	buffer_done(&json);
	return copy;
}

static const char *number_text(struct facts *facts, double number)
{
	if (floor(number) == number && fabs(number) < EXACT_MAX)
		return config_print(facts->memory, "%" PRId64, (int64_t)number);
	return config_print(facts->memory, "%.17g", number);
}

static void take_node(struct facts *facts, const char *path, const struct weir_node *node)
{
	if (node->type == WEIR_TYPE_MAP && node->count) {
		for (uint32_t i = 0; i < node->count; i++)
			take_node(facts, member_path(facts, path, node->keys[i]), node->items[i]);
	} else if (node->type == WEIR_TYPE_LIST && node->count) {
		for (uint32_t i = 0; i < node->count; i++)
			take_node(facts, config_print(facts->memory, "%s[%u]", path, i),
				  node->items[i]);
	} else if (node->type == WEIR_TYPE_MAP || node->type == WEIR_TYPE_LIST) {
		add(facts, path, node->type == WEIR_TYPE_MAP ? "{}" : "[]");
	} else if (node->type == WEIR_TYPE_INT) {
		add(facts, path, config_print(facts->memory, "%" PRId64, node->i64));
	} else if (node->type == WEIR_TYPE_DOUBLE) {
		add(facts, path, number_text(facts, node->f64));
	} else if (node->type == WEIR_TYPE_BOOL) {
		add(facts, path, node->i64 ? "true" : "false");
	} else if (node->type == WEIR_TYPE_NULL) {
		add(facts, path, "null");
	} else {
		add(facts, path, quoted(facts, node->text));
	}
}

static void take_number(struct facts *facts, const char *path, const struct value *value)
{
	struct number number;

	if (!value_number(value, &number))
		add(facts, path, config_copy(facts->memory, value->text.data, value->text.size));
	else if (number.is_int)
		add(facts, path, config_print(facts->memory, "%" PRId64, number.i64));
	else
		add(facts, path, number_text(facts, number.f64));
}

static void take_json(struct facts *facts, struct scratch *scratch, const char *path,
		      struct weir_slice raw, unsigned depth)
{
	struct value value = json_walk_value(scratch, raw);
	struct json_walk walk;
	struct weir_slice key, item;
	uint32_t index = 0;

	if (value.tag == WEIR_NULL || value.tag == WEIR_ABSENT)
		add(facts, path, "null");
	else if (value.tag == WEIR_BOOL)
		add(facts, path, value.as.i64 ? "true" : "false");
	else if (value_is_number(&value))
		take_number(facts, path, &value);
	if (value.tag == WEIR_STRING)
		add(facts, path, quoted(facts, value.text));
	if ((value.tag != WEIR_MAP && value.tag != WEIR_LIST) || depth > DEPTH_MAX)
		return;
	walk = json_walk_start(raw);
	while (json_walk_next(&walk, &key, &item)) {
		const char *at =
			value.tag == WEIR_MAP
				? member_path(facts, path, json_walk_value(scratch, key).text)
				: config_print(facts->memory, "%s[%u]", path, index);

		take_json(facts, scratch, at ? at : "", item, depth + 1);
		index++;
	}
	if (index == 0)
		add(facts, path, value.tag == WEIR_MAP ? "{}" : "[]");
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct fact *)a)->path, ((const struct fact *)b)->path);
}

static void sort(struct facts *facts)
{
	if (facts->count)
		qsort(facts->items, facts->count, sizeof(*facts->items), by_path);
}

/* ---- comparing ---- */

static void differ(struct test_differences *differences, const struct test_difference *difference)
{
	if (differences->count == differences->capacity) {
		size_t capacity = differences->capacity ? differences->capacity * 2 : 16;
		struct test_difference *items =
			config_alloc(differences->memory, capacity * sizeof(*items));

		if (!items)
			return;
		if (differences->count)
			memcpy(items, differences->items, differences->count * sizeof(*items));
		differences->items = items;
		differences->capacity = capacity;
	}
	differences->items[differences->count++] = *difference;
}

/* A field that was not expected: does it matter? Metadata only where it is named. */
static int matters(const struct fact *found, int named)
{
	return !named && found->path[0] != '@';
}

static void compare_facts(struct test_differences *differences, const char *output, size_t record,
			  const struct facts *expected, const struct facts *found, int named)
{
	size_t e = 0, f = 0;

	while (e < expected->count || f < found->count) {
		const struct fact *want = e < expected->count ? &expected->items[e] : NULL;
		const struct fact *got = f < found->count ? &found->items[f] : NULL;
		int order = !want ? 1 : !got ? -1 : strcmp(want->path, got->path);
		struct test_difference difference = {.output = output, .record = record};

		e += order <= 0;
		f += order >= 0;
		difference.field = order <= 0 ? want->path : got->path;
		difference.expected = order <= 0 ? want->value : NULL;
		difference.found = order >= 0 ? got->value : NULL;
		if ((order < 0 && (!named || strcmp(want->value, "null") != 0)) ||
		    (order > 0 && matters(got, named)) ||
		    (order == 0 && strcmp(want->value, got->value) != 0))
			differ(differences, &difference);
	}
}

static void compare_record(struct test_differences *differences, const char *output, size_t record,
			   const struct weir_node *expected, const char *found, int named)
{
	struct scratch scratch = {.limit = SCRATCH_MAX};
	struct facts want = {.memory = differences->memory};
	struct facts got = {.memory = differences->memory};

	take_node(&want, "", expected);
	take_json(&got, &scratch, "", weir_slice_of(found), 0);
	sort(&want);
	sort(&got);
	compare_facts(differences, output, record, &want, &got, named);
	scratch_done(&scratch);
}

static void compare_count(struct test_differences *differences, const char *output,
			  int64_t expected, size_t found)
{
	const struct test_difference difference = {
		.output = output,
		.field = "",
		.expected = config_print(differences->memory, "%" PRId64, expected),
		.found = config_print(differences->memory, "%zu", found)};

	if (expected != (int64_t)found)
		differ(differences, &difference);
}

/* A record as JSON again, for people who expected one that did not come. */
static const char *whole(struct test_differences *differences, const struct weir_node *expected)
{
	struct facts facts = {.memory = differences->memory};
	const char *text = "{";

	take_node(&facts, "", expected);
	for (size_t i = 0; text && i < facts.count; i++)
		text = config_print(differences->memory, "%s%s\"%s\":%s", text, i ? "," : "",
				    facts.items[i].path, facts.items[i].value);
	return text ? config_print(differences->memory, "%s}", text) : NULL;
}

void test_compare(struct test_differences *differences, const char *output,
		  const struct weir_node *expected, const struct test_records *found, int named)
{
	size_t wanted = expected && expected->type == WEIR_TYPE_LIST ? expected->count : 0;

	if (expected && expected->type == WEIR_TYPE_INT) {
		compare_count(differences, output, expected->i64, found->count);
		return;
	}
	compare_count(differences, output, (int64_t)wanted, found->count);
	for (size_t i = 0; i < wanted || i < found->count; i++) {
		struct test_difference difference = {
			.output = output, .record = i + 1, .field = ""};

		if (i < wanted && i < found->count) {
			compare_record(differences, output, i + 1, expected->items[i],
				       found->items[i], named);
			continue;
		}
		if (i < wanted)
			difference.expected = whole(differences, expected->items[i]);
		else
			difference.found = config_copy(differences->memory, found->items[i],
						       strlen(found->items[i]));
		differ(differences, &difference);
	}
}
