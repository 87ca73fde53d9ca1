// SPDX-License-Identifier: MIT
#include "known.h"

#include <stdlib.h>
#include <string.h>

#include "sibling.h"

static struct known *known_of(const struct table_link *by_inode)
{
	return (struct known *)((uintptr_t)by_inode - offsetof(struct known, by_inode));
}

static uint64_t inode_hash(const struct table_link *by_inode)
{
	return table_hash(known_of(by_inode)->identity.inode);
}

static struct table_link *inode_find(const struct catalog *catalog, uint64_t inode)
{
	return table_find(&catalog->known_by_inode, table_hash(inode));
}

void known_init(struct catalog *catalog)
{
	table_init(&catalog->known_by_inode, inode_hash);
}

static void lookalike_insert(struct catalog *catalog, struct known *known)
{
	if (catalog->known_alike)
		known->lookalike =
			lookalikes_add(catalog->known_alike, &known->identity, known->path, known);
}

void known_add(struct catalog *catalog, const uint8_t id[16], const struct identity *identity,
	       uint64_t position, const char *path)
{
	size_t size = strlen(path) + 1;
	struct known *known = calloc(1, sizeof(*known) + size);

	if (!known)
		return;
	memcpy(known->id, id, sizeof(known->id));
	memcpy(known->path, path, size);
	known->identity = *identity;
	known->position = position;
	known->next = catalog->known;
	known->self = &catalog->known;
	if (known->next)
		known->next->self = &known->next;
	catalog->known = known;
	table_insert(&catalog->known_by_inode, &known->by_inode);
	lookalike_insert(catalog, known);
}

void known_load(struct catalog *catalog)
{
	struct weir_source_state state = {.struct_size = sizeof(state)};

	for (uint32_t i = 0; catalog->host->source_known(catalog->context, i, &state) == 0; i++) {
		struct identity identity;
		char *path = strndup(state.name.data ? state.name.data : "", state.name.size);

		if (path && path[0] == '/' &&
		    identity_decode(&identity, state.identity.data, state.identity.size) == 0)
			known_add(catalog, state.id, &identity, state.position, path);
		free(path);
	}
}

int known_has_inode(const struct catalog *catalog, uint64_t inode)
{
	const struct table_link *link = inode_find(catalog, inode);

	while (link && known_of(link)->identity.inode != inode)
		link = link->next;
	return link != NULL;
}

void known_take(struct catalog *catalog, struct known *known)
{
	table_remove(&catalog->known_by_inode, &known->by_inode);
	*known->self = known->next;
	if (known->next)
		known->next->self = known->self;
	known->next = NULL;
	lookalikes_remove(catalog->known_alike, known->lookalike);
	known->lookalike = NULL;
	if (!catalog->known) {
		lookalikes_free(catalog->known_alike);
		catalog->known_alike = NULL;
	}
}

static int text_matches(const struct known *known, struct opened *opened)
{
	const struct identity *identity = &known->identity;
	uint64_t size = opened->status.stx_size;

	if (size < (identity->shorter ? identity->tail_offset : known->position) ||
	    !identity_head_matches(&known->identity, opened_read, opened))
		return 0;
	/* After a crash of the machine the file may end before its last tail mark. */
	return size < known->identity.tail_offset ||
	       identity_tail_matches(&known->identity, opened_read, opened);
}

struct known *known_take_file(struct catalog *catalog, struct opened *opened, int *ret_stale)
{
	*ret_stale = 0;
	for (const struct table_link *link = inode_find(catalog, opened->place.inode); link;
	     link = link->next) {
		struct known *known = known_of(link);

		if (!identity_same_file(&known->identity, &opened->place))
			continue;
		if (text_matches(known, opened)) {
			known_take(catalog, known);
			return known;
		}
		*ret_stale = 1;
	}
	return NULL;
}

static struct known *known_before(const struct catalog *catalog, const struct known *known)
{
	return known->self == &catalog->known
		       ? NULL
		       : (struct known *)((uintptr_t)known->self - offsetof(struct known, next));
}

/* The oldest go in first, as they would have if it had been there. */
static const struct lookalikes *all_alike(struct catalog *catalog)
{
	struct known *known = catalog->known;

	if (catalog->known_alike || !known)
		return catalog->known_alike;
	catalog->known_alike = lookalikes_create();
	while (known->next)
		known = known->next;
	for (; known; known = known_before(catalog, known))
		lookalike_insert(catalog, known);
	return catalog->known_alike;
}

int known_may_be_at(const struct known *known, const char *path)
{
	size_t folder = (size_t)(strrchr(path, '/') - path) + 1;

	return known->identity.head_size >= IDENTITY_HEAD_STRONG ||
	       (strncmp(known->path, path, folder) == 0 && !strchr(known->path + folder, '/') &&
		strcmp(known->path, path) != 0 && sibling_is_beside(known->path, path));
}

struct search {
	const char *path;
	struct opened *opened;
	struct known *found;
};

/* Without the inode to vouch for it, the text must be told apart by its tail, or nothing may have
 * been read of it. */
static int match_text(void *user, const struct lookalike *found)
{
	struct search *search = user;
	struct known *known = found->owner;

	if (search->opened->status.stx_size < known->identity.tail_offset ||
	    (known->position > 0 && known->identity.tail_size == 0) ||
	    !known_may_be_at(known, search->path) || !text_matches(known, search->opened))
		return 0;
	search->found = known;
	return 1;
}

struct known *known_take_text(struct catalog *catalog, const char *path, struct opened *opened)
{
	const struct lookalikes *alike = all_alike(catalog);
	struct search search = {.path = path, .opened = opened};

	if (!alike || opened_take_head(opened) < 0)
		return NULL;
	lookalikes_by_head(alike, opened->head, opened->head_size, match_text, &search);
	if (search.found)
		known_take(catalog, search.found);
	return search.found;
}
