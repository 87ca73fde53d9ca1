// SPDX-License-Identifier: MIT
#include "lookalike.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "sibling.h"

static struct lookalike *by_head_of(const struct group_link *link)
{
	return (struct lookalike *)((uintptr_t)link - offsetof(struct lookalike, by_head));
}

static struct lookalike *by_stem_of(const struct group_link *link)
{
	return (struct lookalike *)((uintptr_t)link - offsetof(struct lookalike, by_stem));
}

static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* ---- heads ----------------------------------------------------------------------------------- */

static uint64_t head_hash(const struct table_link *link)
{
	return by_head_of((const struct group_link *)link)->identity->head.low;
}

static int is_head(const struct identity *identity, uint32_t size, struct identity_hash hash)
{
	return identity->head_size == size && identity_hash_equals(identity->head, hash);
}

static int same_head(const struct group_link *a, const struct group_link *b)
{
	const struct identity *identity = by_head_of(b)->identity;

	return is_head(by_head_of(a)->identity, identity->head_size, identity->head);
}

/* ---- stems: all sizes of heads have one hash, so that one look finds them ------------------------ */

static uint64_t stem_hash(const struct table_link *link)
{
	const char *base = base_of(by_stem_of((const struct group_link *)link)->path);

	return XXH3_64bits(base, sibling_stem(base));
}

static int is_stem(const struct lookalike *one, const char *stem, size_t size)
{
	const char *base = base_of(one->path);

	return strncmp(base, stem, size) == 0 && sibling_stem(base) == size;
}

static int same_stem(const struct group_link *a, const struct group_link *b)
{
	const char *base = base_of(by_stem_of(b)->path);

	return by_stem_of(a)->identity->head_size == by_stem_of(b)->identity->head_size &&
	       is_stem(by_stem_of(a), base, sibling_stem(base));
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void size_set(uint64_t *sizes, size_t size)
{
	sizes[size / 64] |= UINT64_C(1) << size % 64;
}

/* The greatest that is set and at most this; 0 when there is none. */
static size_t size_below(const uint64_t *sizes, size_t most)
{
	size_t word = most / 64;
	uint64_t bits = sizes[word] & UINT64_MAX >> (63 - most % 64);

	while (!bits && word > 0)
		bits = sizes[--word];
	return bits ? word * 64 + 63 - (size_t)__builtin_clzll(bits) : 0;
}

/* ---- the index ------------------------------------------------------------------------------- */

struct lookalikes *lookalikes_create(void)
{
	struct lookalikes *lookalikes = calloc(1, sizeof(*lookalikes));

	if (!lookalikes)
		return NULL;
	groups_init(&lookalikes->heads, head_hash, same_head);
	groups_init(&lookalikes->stems, stem_hash, same_stem);
	return lookalikes;
}

void lookalikes_free(struct lookalikes *lookalikes)
{
	if (!lookalikes)
		return;
	groups_done(&lookalikes->heads);
	groups_done(&lookalikes->stems);
	free(lookalikes);
}

struct lookalike *lookalikes_add(struct lookalikes *lookalikes, const struct identity *identity,
				 const char *path, void *owner)
{
	struct lookalike *one = identity->head_size ? malloc(sizeof(*one)) : NULL;
	size_t stem = sibling_stem(base_of(path));

	if (!one)
		return NULL;
	one->identity = identity;
	one->path = path;
	one->owner = owner;
	size_set(lookalikes->head_sizes, identity->head_size);
	groups_insert(&lookalikes->heads, &one->by_head);
	if (stem <= NAME_MAX) /* no file has a longer one, whatever the state says */
		size_set(lookalikes->stem_sizes, stem);
	groups_insert(&lookalikes->stems, &one->by_stem);
	return one;
}

void lookalikes_remove(struct lookalikes *lookalikes, struct lookalike *take_lookalike)
{
	if (!take_lookalike)
		return;
	groups_remove(&lookalikes->heads, &take_lookalike->by_head);
	groups_remove(&lookalikes->stems, &take_lookalike->by_stem);
	free(take_lookalike);
}

void lookalikes_by_head(const struct lookalikes *lookalikes, const void *text, size_t size,
			lookalike_call *call, void *user)
{
	while ((size = size_below(lookalikes->head_sizes, size)) > 0) {
		struct identity_hash hash = identity_hash_of(text, size);
		const struct group_link *link = groups_find(&lookalikes->heads, hash.low);

		while (link && !is_head(by_head_of(link)->identity, (uint32_t)size, hash))
			link = groups_further(link);
		for (; link; link = link->next)
			if (call(user, by_head_of(link)))
				return;
		size--;
	}
}

/* A stem has no dot but its first byte, so that one which the name begins with is no longer than the
 * name's own. */
void lookalikes_by_stem(const struct lookalikes *lookalikes, const char *path, uint32_t head_size,
			lookalike_call *call, void *user)
{
	const char *base = base_of(path);
	size_t size = sibling_stem(base);

	size = size < NAME_MAX ? size : NAME_MAX;
	for (; (size = size_below(lookalikes->stem_sizes, size)) > 0; size--) {
		const struct group_link *first =
			groups_find(&lookalikes->stems, XXH3_64bits(base, size));

		for (; first; first = groups_further(first)) {
			if (by_stem_of(first)->identity->head_size <= head_size ||
			    !is_stem(by_stem_of(first), base, size))
				continue;
			for (const struct group_link *link = first; link; link = link->next)
				if (call(user, by_stem_of(link)))
					return;
		}
	}
}
