// SPDX-License-Identifier: MIT
/* Keys and shapes of a mock host; see mock_host.h. */
#ifndef MOCK_SHAPES_H
#define MOCK_SHAPES_H

#undef NDEBUG /* the checks are the point, also in release builds */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/plugin.h>

struct mock_shapes {
	struct weir_shape **list;
	uint32_t count;
};

/* A copy of `count` elements in new memory for `capacity`; frees the old. */
static inline void *mock_move(void *old, size_t size, size_t count, size_t capacity)
{
	void *moved = calloc(capacity ? capacity : 1, size);

	assert(moved);
	if (count)
		memcpy(moved, old, size * count);
	free(old);
	return moved;
}

static inline int mock_shape_is(const struct weir_shape *shape, const struct weir_slice *keys,
				uint32_t count)
{
	if (shape->count != count)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		if (shape->keys[i]->name.size != keys[i].size ||
		    memcmp(shape->keys[i]->name.data, keys[i].data, keys[i].size) != 0)
			return 0;
	return 1;
}

/* With quotes and a colon; at most six times as long and three more. */
static inline uint64_t mock_key_json(struct weir_slice name, char *out)
{
	char *start = out;

	*out++ = '"';
	for (uint64_t i = 0; i < name.size; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (c < 0x20) {
			out += sprintf(out, "\\u%04x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			*out++ = '\\';
		*out++ = (char)c;
	}
	*out++ = '"';
	*out++ = ':';
	return (uint64_t)(out - start);
}

static inline const struct weir_key *mock_key_new(struct weir_slice name)
{
	struct weir_key *key = calloc(1, sizeof(*key) + 7 * name.size + 5);
	char *text;

	assert(key);
	text = (char *)(key + 1);
	if (name.size)
		memcpy(text, name.data, name.size);
	key->name = (struct weir_slice){text, name.size};
	text += name.size + 1;
	key->json = (struct weir_slice){text, mock_key_json(name, text)};
	for (uint64_t i = 0; i < name.size; i++)
		key->hash = key->hash * 31 + (uint8_t)name.data[i];
	return key;
}

/* The one shape with these keys; lives until mock_shapes_free(). */
static inline const struct weir_shape *mock_shape(struct mock_shapes *shapes,
						  const struct weir_slice *keys, uint32_t count)
{
	const struct weir_key **pointers;
	struct weir_shape *shape;

	for (uint32_t i = 0; i < shapes->count; i++)
		if (mock_shape_is(shapes->list[i], keys, count))
			return shapes->list[i];
	shapes->list = mock_move(shapes->list, sizeof(struct weir_shape *), shapes->count,
				 shapes->count + 1);
	shape = calloc(1, sizeof(*shape) + count * sizeof(*pointers));
	assert(shape);
	pointers = (const struct weir_key **)(void *)(shape + 1);
	for (uint32_t i = 0; i < count; i++)
		pointers[i] = mock_key_new(keys[i]);
	shapes->list[shapes->count++] = shape;
	shape->struct_size = sizeof(*shape);
	shape->id = shapes->count;
	shape->count = count;
	shape->keys = pointers;
	return shape;
}

static inline void mock_shapes_free(struct mock_shapes *shapes)
{
	for (uint32_t i = 0; i < shapes->count; i++) {
		for (uint32_t k = 0; k < shapes->list[i]->count; k++)
			free((void *)(uintptr_t)shapes->list[i]->keys[k]);
		free(shapes->list[i]);
	}
	free(shapes->list);
}

#endif
