// SPDX-License-Identifier: MIT
/*
 * A hash table of shapes by the hash of their keys. A shape is one allocation: the struct, its key
 * pointers, its keys, their names and JSON forms.
 */
#include "batch/shape.h"

#include <pthread.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "batch/json.h"

#define SHAPE_SLOTS (SHAPE_MAX * 2) /* a power of two; at most half full */

static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER; /* guards the four below */
static struct weir_shape *table[SHAPE_SLOTS];
static uint64_t table_hash[SHAPE_SLOTS];
static uint32_t table_count;
static size_t table_key_bytes;

static uint64_t shape_hash(const struct weir_slice *keys, uint32_t count)
{
	uint64_t hash = count;

	for (uint32_t i = 0; i < count; i++)
		hash = XXH3_64bits_withSeed(keys[i].data, keys[i].size, hash);
	return hash;
}

int shape_has_keys(const struct weir_shape *shape, const struct weir_slice *keys, uint32_t count)
{
	if (shape->count != count)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		if (shape->keys[i]->name.size != keys[i].size ||
		    memcmp(shape->keys[i]->name.data, keys[i].data, keys[i].size) != 0)
			return 0;
	return 1;
}

static struct weir_shape *shape_create(const struct weir_slice *keys, uint32_t count)
{
	struct buffer json = {0};
	struct weir_shape *shape = NULL;
	struct weir_key *entries;
	const struct weir_key **pointers;
	size_t names = 0;
	size_t at = 0;
	char *text;

	for (uint32_t i = 0; i < count; i++) {
		names += keys[i].size;
		if (json_append_string(&json, keys[i]) < 0 || buffer_text(&json, ":") < 0)
			goto out;
	}
	shape = calloc(1, sizeof(*shape) + count * (sizeof(*pointers) + sizeof(*entries)) + names +
				  json.size + 1);
	if (!shape)
		goto out;
	pointers = (const struct weir_key **)(shape + 1);
	entries = (struct weir_key *)(pointers + count);
	text = (char *)(entries + count);
	if (json.size)
		memcpy(text + names, json.data, json.size);
	for (uint32_t i = 0, name = 0; i < count; i++) {
		struct buffer one = {0};

		memcpy(text + name, keys[i].data, keys[i].size);
		entries[i].name = (struct weir_slice){text + name, keys[i].size};
		name += (uint32_t)keys[i].size;
		json_append_string(&one, keys[i]);
		entries[i].json = (struct weir_slice){text + names + at, one.size + 1};
		at += one.size + 1;
		buffer_done(&one);
		entries[i].hash = XXH3_64bits(keys[i].data, keys[i].size);
		pointers[i] = &entries[i];
	}
	shape->struct_size = sizeof(*shape);
	shape->count = count;
	shape->keys = pointers;
out:
	buffer_done(&json);
	return shape;
}

/* The slot that holds the shape, or the free one where it belongs. Under the lock. */
static uint32_t shape_slot(uint64_t hash, const struct weir_slice *keys, uint32_t count)
{
	uint32_t slot = (uint32_t)hash & (SHAPE_SLOTS - 1);

	while (table[slot] &&
	       !(table_hash[slot] == hash && shape_has_keys(table[slot], keys, count)))
		slot = (slot + 1) & (SHAPE_SLOTS - 1);
	return slot;
}

static struct weir_shape *shape_add(uint64_t hash, const struct weir_slice *keys, uint32_t count,
				    int *ret_owned)
{
	struct weir_shape *shape;
	size_t bytes = 0;
	uint32_t slot;

	for (uint32_t i = 0; i < count; i++)
		bytes += keys[i].size;
	pthread_rwlock_wrlock(&table_lock);
	slot = shape_slot(hash, keys, count);
	shape = table[slot];
	if (!shape) {
		shape = shape_create(keys, count);
		if (shape && table_count < SHAPE_MAX &&
		    table_key_bytes + bytes <= SHAPE_KEY_BYTES) {
			shape->id = ++table_count;
			table_key_bytes += bytes;
			table[slot] = shape;
			table_hash[slot] = hash;
		} else {
			*ret_owned = 1;
		}
	}
	pthread_rwlock_unlock(&table_lock);
	return shape;
}

int shape_intern(const struct weir_slice *keys, uint32_t count, const struct weir_shape **ret_shape,
		 int *ret_owned)
{
	uint64_t hash;
	const struct weir_shape *shape;

	if (count > WEIR_SHAPE_KEYS_MAX)
		return WEIR_ERR_INVALID;
	hash = shape_hash(keys, count);
	*ret_owned = 0;
	pthread_rwlock_rdlock(&table_lock);
	shape = table[shape_slot(hash, keys, count)];
	pthread_rwlock_unlock(&table_lock);
	if (!shape)
		shape = shape_add(hash, keys, count, ret_owned);
	if (!shape)
		return WEIR_ERR_MEMORY;
	*ret_shape = shape;
	return 0;
}

void shape_free(const struct weir_shape *owned)
{
	free((void *)(uintptr_t)owned);
}

void shape_table_clear(void)
{
	pthread_rwlock_wrlock(&table_lock);
	for (uint32_t i = 0; i < SHAPE_SLOTS; i++) {
		free(table[i]);
		table[i] = NULL;
	}
	table_count = 0;
	table_key_bytes = 0;
	pthread_rwlock_unlock(&table_lock);
}
