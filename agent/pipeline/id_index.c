// SPDX-License-Identifier: MIT
#include "pipeline/id_index.h"

#include <stdlib.h>
#include <string.h>
#include <weir/abi.h>

/* The last bytes of an id are random, whatever its first are. */
static uint64_t place_of(const struct id_index *index, const uint8_t *id)
{
	uint64_t random;

	memcpy(&random, id + 8, sizeof(random));
	return random & index->mask;
}

int id_index_init(struct id_index *index, uint32_t count)
{
	uint64_t size = 16;

	while (size < 2 * (uint64_t)count)
		size *= 2;
	index->slots = calloc(size, sizeof(const uint8_t *));
	index->mask = size - 1;
	return index->slots ? 0 : WEIR_ERR_MEMORY;
}

void id_index_done(struct id_index *index)
{
	free((void *)index->slots);
	*index = (struct id_index){0};
}

void id_index_add(struct id_index *index, const uint8_t *id)
{
	uint64_t at = place_of(index, id);

	while (index->slots[at])
		at = (at + 1) & index->mask;
	index->slots[at] = id;
}

const uint8_t *id_index_find(const struct id_index *index, const uint8_t id[16])
{
	if (!index->slots)
		return NULL;
	for (uint64_t at = place_of(index, id); index->slots[at]; at = (at + 1) & index->mask)
		if (memcmp(index->slots[at], id, 16) == 0)
			return index->slots[at];
	return NULL;
}
