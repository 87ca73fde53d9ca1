// SPDX-License-Identifier: MIT
/*
 * Checked options for tests of one plugin, without the host's configuration reader: JSON in, the
 * tree of struct weir_node that create() expects out, with the defaults that the plugin declares.
 *
 *     options = mock_options(&pool, plugin->options, "{\"format\":\"json\"}");
 *
 * Fails an assertion on JSON or option names that it doesn't know: the options are the test's own.
 */
#ifndef MOCK_OPTIONS_H
#define MOCK_OPTIONS_H

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <weir/plugin.h>

#define MOCK_POOL_MAX 512 /* allocations */

/* Owns everything that mock_options() returns; all zero at first. */
struct mock_pool {
	void *held[MOCK_POOL_MAX];
	uint32_t count;
};

static inline void *mock_pool_take(struct mock_pool *pool, size_t size)
{
	assert(pool->count < MOCK_POOL_MAX);
	pool->held[pool->count] = calloc(1, size);
	assert(pool->held[pool->count]);
	return pool->held[pool->count++];
}

static inline void mock_pool_free(struct mock_pool *pool)
{
	while (pool->count)
		free(pool->held[--pool->count]);
}

static inline const char *mock_skip_space(const char *at)
{
	while (*at == ' ' || *at == '\n' || *at == '\t' || *at == ',' || *at == ':')
		at++;
	return at;
}

/* A string with the escapes \n \t \\ \" \/, or a bare word up to a delimiter. */
static inline struct weir_slice mock_scalar(struct mock_pool *pool, const char **at)
{
	int quoted = **at == '"';
	const char *from = *at + quoted;
	char *text = mock_pool_take(pool, strlen(from) + 1);
	uint64_t size = 0;

	for (; quoted ? *from != '"' : !strchr(",]} \n", *from); from++) {
		assert(*from);
		if (*from == '\\' && quoted) {
			from++;
			text[size++] = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from;
		} else {
			text[size++] = *from;
		}
	}
	*at = from + quoted;
	return (struct weir_slice){text, size};
}

static inline int64_t mock_scaled(const char *text, uint32_t type)
{
	static const struct {
		const char *unit;
		uint32_t type;
		int64_t factor;
	} units[] = {{"KiB", WEIR_TYPE_SIZE, 1024},
		     {"MiB", WEIR_TYPE_SIZE, 1 << 20},
		     {"GiB", WEIR_TYPE_SIZE, 1 << 30},
		     {"ms", WEIR_TYPE_DURATION, 1000000},
		     {"s", WEIR_TYPE_DURATION, 1000000000},
		     {"m", WEIR_TYPE_DURATION, INT64_C(60000000000)},
		     {"h", WEIR_TYPE_DURATION, INT64_C(3600000000000)}};
	char *end;
	int64_t number = strtoll(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (type == units[i].type && strcmp(end, units[i].unit) == 0)
			return number * units[i].factor;
	return number;
}

static inline struct weir_node *mock_node(struct mock_pool *pool, uint32_t type)
{
	struct weir_node *node = mock_pool_take(pool, sizeof(*node));

	node->struct_size = sizeof(*node);
	node->type = type;
	return node;
}

static inline struct weir_node *mock_scalar_node(struct mock_pool *pool, uint32_t type,
						 struct weir_slice text)
{
	struct weir_node *node = mock_node(pool, type);

	node->text = text;
	node->i64 = type == WEIR_TYPE_BOOL ? weir_slice_equals(text, "true")
					   : mock_scaled(text.data, type);
	node->f64 = strtod(text.data, NULL);
	return node;
}

/* The type that YAML's core schema gives a scalar. */
static inline uint32_t mock_any_type(const char *text)
{
	char *end;

	if (strcmp(text, "null") == 0)
		return WEIR_TYPE_NULL;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return WEIR_TYPE_BOOL;
	(void)strtod(text, &end);
	if (*text == '\0' || *end != '\0')
		return WEIR_TYPE_STRING;
	return strpbrk(text, ".eE") ? WEIR_TYPE_DOUBLE : WEIR_TYPE_INT;
}

static inline const struct weir_option *mock_option(const struct weir_option *options,
						    struct weir_slice name)
{
	for (; options && options->struct_size; options++)
		if (weir_slice_equals(name, options->name))
			return options;
	return NULL;
}

static inline struct weir_node *mock_read(struct mock_pool *pool, const char **at, uint32_t type,
					  uint32_t element, const struct weir_option *members);

/* Members from the JSON object at *at, or from none; then the defaults that are missing. */
static inline struct weir_node *mock_read_map(struct mock_pool *pool, const char **at,
					      uint32_t element, const struct weir_option *members)
{
	struct weir_node *map = mock_node(pool, WEIR_TYPE_MAP);
	const struct weir_node **items = mock_pool_take(pool, 64 * sizeof(*items));
	struct weir_slice *keys = mock_pool_take(pool, 64 * sizeof(*keys));

	map->items = items;
	map->keys = keys;
	assert(**at == '{');
	for (*at = mock_skip_space(*at + 1); **at != '}'; *at = mock_skip_space(*at)) {
		const struct weir_option *option;

		assert(map->count < 64);
		keys[map->count] = mock_scalar(pool, at);
		*at = mock_skip_space(*at);
		option = mock_option(members, keys[map->count]);
		assert(option || !members);
		items[map->count++] =
			option ? mock_read(pool, at, option->type, option->element, option->members)
			       : mock_read(pool, at, element, WEIR_TYPE_ANY, NULL);
	}
	++*at;
	for (; members && members->struct_size; members++) {
		const char *text = members->default_text;

		if (!text || weir_node_find(map, members->name))
			continue;
		keys[map->count] = weir_slice_of(members->name);
		items[map->count++] = mock_scalar_node(pool, members->type,
						       *text == '"' ? mock_scalar(pool, &text)
								    : weir_slice_of(text));
	}
	return map;
}

static inline struct weir_node *mock_read_list(struct mock_pool *pool, const char **at,
					       uint32_t element)
{
	struct weir_node *list = mock_node(pool, WEIR_TYPE_LIST);
	const struct weir_node **items = mock_pool_take(pool, 64 * sizeof(*items));

	list->items = items;
	if (**at != '[') {
		items[list->count++] = mock_read(pool, at, element, 0, NULL);
		return list;
	}
	for (*at = mock_skip_space(*at + 1); **at != ']'; *at = mock_skip_space(*at)) {
		assert(list->count < 64);
		items[list->count++] = mock_read(pool, at, element, 0, NULL);
	}
	++*at;
	return list;
}

static inline struct weir_node *mock_read(struct mock_pool *pool, const char **at, uint32_t type,
					  uint32_t element, const struct weir_option *members)
{
	struct weir_slice text;
	int quoted;

	if (type == WEIR_TYPE_MAP || (type == WEIR_TYPE_ANY && **at == '{'))
		return mock_read_map(pool, at, type == WEIR_TYPE_ANY ? type : element, members);
	if (type == WEIR_TYPE_LIST || (type == WEIR_TYPE_ANY && **at == '['))
		return mock_read_list(pool, at, type == WEIR_TYPE_ANY ? type : element);
	quoted = **at == '"';
	text = mock_scalar(pool, at);
	if (type == WEIR_TYPE_ANY)
		type = quoted ? WEIR_TYPE_STRING : mock_any_type(text.data);
	return mock_scalar_node(pool, type, text);
}

/* The options of one instance; `json` is an object. */
static inline const struct weir_node *
mock_options(struct mock_pool *pool, const struct weir_option *declared, const char *json)
{
	const char *at = mock_skip_space(json);

	return mock_read_map(pool, &at, WEIR_TYPE_ANY, declared);
}

#endif
