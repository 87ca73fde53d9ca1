// SPDX-License-Identifier: MIT
#include "known.h"

#include <stdlib.h>
#include <string.h>

static struct known **bucket_of(const struct catalog *catalog, uint64_t inode)
{
	return &catalog->known_by_inode[catalog_bucket(inode)];
}

void known_add(struct catalog *catalog, const uint8_t id[16], const struct identity *identity,
	       uint64_t position, const char *path)
{
	size_t size = strlen(path) + 1;
	struct known *known = calloc(1, sizeof(*known) + size);
	struct known **bucket;

	if (!catalog->known_by_inode)
		catalog->known_by_inode = calloc(CATALOG_BUCKETS, sizeof(struct known *));
	if (!known || !catalog->known_by_inode) {
		free(known);
		return;
	}
	memcpy(known->id, id, sizeof(known->id));
	memcpy(known->path, path, size);
	known->identity = *identity;
	known->position = position;
	known->next = catalog->known;
	known->self = &catalog->known;
	if (known->next)
		known->next->self = &known->next;
	catalog->known = known;
	bucket = bucket_of(catalog, identity->inode);
	known->next_by_inode = *bucket;
	*bucket = known;
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
	const struct known *known = catalog->known ? *bucket_of(catalog, inode) : NULL;

	while (known && known->identity.inode != inode)
		known = known->next_by_inode;
	return known != NULL;
}

void known_take(struct catalog *catalog, struct known *known)
{
	struct known **at = bucket_of(catalog, known->identity.inode);

	while (*at != known)
		at = &(*at)->next_by_inode;
	*at = known->next_by_inode;
	*known->self = known->next;
	if (known->next)
		known->next->self = known->self;
	known->next = NULL;
}

static int text_matches(const struct known *known, int fd, uint64_t size)
{
	const struct identity *identity = &known->identity;

	if (size < (identity->shorter ? identity->tail_offset : known->position) ||
	    !identity_head_matches(&known->identity, file_read_at, &fd))
		return 0;
	/* After a crash of the machine the file may end before its last tail mark. */
	return size < known->identity.tail_offset ||
	       identity_tail_matches(&known->identity, file_read_at, &fd);
}

struct known *known_take_file(struct catalog *catalog, const struct identity *place, int fd,
			      uint64_t size, int *ret_stale)
{
	*ret_stale = 0;
	for (struct known *known = catalog->known ? *bucket_of(catalog, place->inode) : NULL; known;
	     known = known->next_by_inode) {
		if (!identity_same_file(&known->identity, place))
			continue;
		if (text_matches(known, fd, size)) {
			known_take(catalog, known);
			return known;
		}
		*ret_stale = 1;
	}
	return NULL;
}

/* Without the inode to vouch for it, the text must be told apart by its tail, or nothing may have
 * been read of it. */
struct known *known_take_text(struct catalog *catalog, int fd, uint64_t size)
{
	for (struct known *known = catalog->known; known; known = known->next) {
		const struct identity *identity = &known->identity;

		if (identity->head_size == 0 || size < identity->tail_offset ||
		    (known->position > 0 && identity->tail_size == 0) ||
		    !text_matches(known, fd, size))
			continue;
		known_take(catalog, known);
		return known;
	}
	return NULL;
}
