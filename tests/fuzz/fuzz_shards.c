// SPDX-License-Identifier: MIT
/*
 * Any bytes as answers of ListShards. A map that is sealed has a shard for every hash key, which holds
 * it; ids are texts within their bound.
 */
#include "support/shards/shard_list.h"

#undef NDEBUG
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct shard_map *map, struct hash_key key)
{
	uint32_t at = shard_map_find(map, key);

	assert(at < map->open_count && map->shards[at].is_open);
	assert(shard_holds(&map->shards[at], key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_slice answer = {(const char *)data, size};
	struct shard_map map = {0};
	struct text token = {0};
	uint32_t distribution;

	if (shard_list_read(answer, &map, &token) == 0 && shard_map_seal(&map) == 0) {
		check(&map, (struct hash_key){0, 0});
		check(&map, (struct hash_key){UINT64_MAX, UINT64_MAX});
		for (uint32_t i = 0; i < map.open_count; i++) {
			check(&map, map.shards[i].begin);
			check(&map, map.shards[i].end);
		}
	}
	for (uint32_t i = 0; i < map.count; i++)
		assert(strlen(map.shards[i].id) > 0);
	(void)stream_summary_read(answer, &distribution);
	text_done(&token);
	shard_map_done(&map);
	return 0;
}
