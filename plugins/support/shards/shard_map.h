// SPDX-License-Identifier: MIT
/*
 * The shards of a stream and the ranges of hash keys that they hold.
 *
 * Filled from answers of ListShards, page by page, then sealed, and from then on only read. Of the
 * closed shards, too, the ranges are kept: what a shard accepted a moment ago it may hold no more.
 */
#ifndef SHARD_MAP_H
#define SHARD_MAP_H

#include "support/aggregate/hash_key.h"

/* Characters of a shard's id. Source: the service model, ShardId. */
#define SHARD_ID_MAX 128
/* Our own: shards of a map, open and closed, at most; a stream has 20,000 open ones by default. */
#define SHARDS_MAX 1000000
#define SHARD_NONE UINT32_MAX

struct shard {
	char id[SHARD_ID_MAX + 1];
	struct hash_key begin, end; /* both belong to it */
	uint32_t is_open;
};

/* Zeroed memory is an empty one. Sealed: the open shards come first, in order of their ranges. */
struct shard_map {
	struct shard *shards;
	uint32_t count, open_count, capacity;
};

/* Adds a copy. WEIR_ERR_MEMORY, or WEIR_ERR_INVALID for one too many. */
int32_t shard_map_add(struct shard_map *map, const struct shard *shard);
/* Sorts. WEIR_ERR_INVALID unless the open shards hold every hash key exactly once. */
int32_t shard_map_seal(struct shard_map *map);
void shard_map_done(struct shard_map *map);

/* The place of the open shard that holds the key; SHARD_NONE in a map without any. */
uint32_t shard_map_find(const struct shard_map *map, struct hash_key key);
/* Any shard of that id, or NULL. */
const struct shard *shard_map_named(const struct shard_map *map, struct weir_slice id);

static inline int shard_holds(const struct shard *shard, struct hash_key key)
{
	return hash_key_compare(shard->begin, key) <= 0 && hash_key_compare(key, shard->end) <= 0;
}

#endif
