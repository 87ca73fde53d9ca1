// SPDX-License-Identifier: MIT
#include "support/shards/shard_map.h"

#include <stdlib.h>

#define SHARDS_FIRST 16

int32_t shard_map_add(struct shard_map *map, const struct shard *shard)
{
	uint32_t capacity = map->capacity ? 2 * map->capacity : SHARDS_FIRST;
	struct shard *shards;

	if (map->count == SHARDS_MAX)
		return WEIR_ERR_INVALID;
	if (map->count == map->capacity) {
		shards = realloc(map->shards, capacity * sizeof(*shards));
		if (!shards)
			return WEIR_ERR_MEMORY;
		map->shards = shards;
		map->capacity = capacity;
	}
	map->shards[map->count++] = *shard;
	map->open_count += shard->is_open;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct shard *one = a, *other = b;

	if (one->is_open != other->is_open)
		return one->is_open ? -1 : 1;
	if (one->is_open)
		return hash_key_compare(one->begin, other->begin);
	return strcmp(one->id, other->id);
}

/* Whether `next` is the key behind `key`. */
static int follows(struct hash_key key, struct hash_key next)
{
	struct hash_key more = {key.high + (key.low == UINT64_MAX), key.low + 1};

	return hash_key_compare(key, next) < 0 && hash_key_compare(more, next) == 0;
}

int32_t shard_map_seal(struct shard_map *map)
{
	const struct hash_key first = {0, 0}, last = {UINT64_MAX, UINT64_MAX};
	const struct shard *s = map->shards;

	if (map->open_count == 0)
		return WEIR_ERR_INVALID;
	qsort(map->shards, map->count, sizeof(*map->shards), compare);
	if (hash_key_compare(s[0].begin, first) != 0 ||
	    hash_key_compare(s[map->open_count - 1].end, last) != 0)
		return WEIR_ERR_INVALID;
	for (uint32_t i = 0; i < map->open_count; i++)
		if (hash_key_compare(s[i].begin, s[i].end) > 0 ||
		    (i > 0 && !follows(s[i - 1].end, s[i].begin)))
			return WEIR_ERR_INVALID;
	return 0;
}

void shard_map_done(struct shard_map *map)
{
	free(map->shards);
	memset(map, 0, sizeof(*map));
}

uint32_t shard_map_find(const struct shard_map *map, struct hash_key key)
{
	uint32_t low = 0, high = map->open_count;

	while (low < high) { /* the first whose end is not before the key */
		uint32_t middle = low + (high - low) / 2;

		if (hash_key_compare(map->shards[middle].end, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < map->open_count ? low : SHARD_NONE;
}

const struct shard *shard_map_named(const struct shard_map *map, struct weir_slice id)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (weir_slice_equals(id, map->shards[i].id))
			return &map->shards[i];
	return NULL;
}
