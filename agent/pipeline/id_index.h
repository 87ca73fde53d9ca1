// SPDX-License-Identifier: MIT
/*
 * Finds what has an id of 16 bytes among very many: a list that is gone through for each of 100,000
 * files takes minutes. Holds pointers to the ids, which stay their owner's; one thread at a time.
 */
#ifndef PIPELINE_ID_INDEX_H
#define PIPELINE_ID_INDEX_H

#include <stdint.h>

/* Zeroed memory is an empty index, of nothing. */
struct id_index {
	const uint8_t **slots; /* a power of two, half of them free at least */
	uint64_t mask;
};

/* For at most `count` ids. WEIR_ERR_MEMORY or 0. */
int id_index_init(struct id_index *index, uint32_t count);
void id_index_done(struct id_index *index);
/* An id that is not in it yet. */
void id_index_add(struct id_index *index, const uint8_t *id);
/* The pointer that was added with this id, or NULL. */
const uint8_t *id_index_find(const struct id_index *index, const uint8_t id[16]);

#endif
