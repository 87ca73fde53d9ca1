// SPDX-License-Identifier: MIT
/*
 * Texts by how they begin, and by the stems of their files' names: those that a new file may be a copy
 * of are found without a look at each. A text without a head is not in it. Whoever has it sees to locks.
 */
#ifndef TAIL_LOOKALIKE_H
#define TAIL_LOOKALIKE_H

#include <limits.h>

#include "groups.h"
#include "identity.h"

/* One text. What identity and path point to stays as it is while it is in the index. */
struct lookalike {
	struct group_link by_head; /* of the same head */
	struct group_link by_stem; /* of the same stem, and the same size of head */
	const struct identity *identity;
	const char *path;
	void *owner;
};

struct lookalikes {
	struct groups heads, stems;
	/* The sizes that there are, or were: a bit each. */
	uint64_t head_sizes[IDENTITY_HEAD_MAX / 64 + 1];
	uint64_t stem_sizes[NAME_MAX / 64 + 1];
};

/* An empty index; NULL without memory. The second frees one that is empty, or NULL. */
struct lookalikes *lookalikes_create(void);
void lookalikes_free(struct lookalikes *lookalikes);
/* NULL without a head, or without memory: then a copy of it is taken for a text of its own, and read
 * twice. The second takes it out and frees it; it may be NULL. */
struct lookalike *lookalikes_add(struct lookalikes *lookalikes, const struct identity *identity,
				 const char *path, void *owner);
void lookalikes_remove(struct lookalikes *lookalikes, struct lookalike *take_lookalike);

/* Returns other than 0 to be called no more; must not change the index. */
typedef int lookalike_call(void *user, const struct lookalike *found);
/* Each whose head is that of this text; the longest heads first, then the newest. */
void lookalikes_by_head(const struct lookalikes *lookalikes, const void *text, size_t size,
			lookalike_call *call, void *user);
/* Each with a head longer than `head_size` whose stem the name in this path begins with. */
void lookalikes_by_stem(const struct lookalikes *lookalikes, const char *path, uint32_t head_size,
			lookalike_call *call, void *user);

#endif
