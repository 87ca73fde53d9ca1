// SPDX-License-Identifier: MIT
#include "adopt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compressed.h"
#include "follow.h"
#include "known.h"
#include "scan.h"
#include "sibling.h"

/* A source whose text is looked for. */
struct sought {
	struct known *known;
	struct lookalike *lookalike; /* NULL = found */
	size_t folder;               /* bytes of the path up to its last slash */
	uint32_t order;              /* the newest first */
};

/* What is looked for in one folder. */
struct adoption {
	struct catalog *catalog;
	struct lookalikes *lookalikes;
	uint32_t left; /* not found yet */
	int shorter;
	/* The file that is looked at. */
	struct sibling found;
	struct statx status;
	identity_read *read_at;
	void *user;
	struct sought *match;
};

/* ---- one file ------------------------------------------------------------------------------------ */

static int any(void *user, const struct lookalike *found)
{
	(void)found;
	*(int *)user = 1;
	return 1;
}

static int match_text(void *user, const struct lookalike *found)
{
	struct adoption *adoption = user;
	struct sought *sought = found->owner;
	int full;

	if (!sibling_is_beside(found->path, adoption->found.path) ||
	    !known_may_be_at(sought->known, adoption->found.path))
		return 0;
	full = adoption->found.compressed ||
	       adoption->found.size >= sibling_size_wanted(found->identity, sought->known->position,
							   adoption->shorter);
	if (full ? identity_tail_matches(found->identity, adoption->read_at, adoption->user)
		 : adoption->shorter &&
			    sibling_is_recent_copy(adoption->catalog, &adoption->status))
		adoption->match = sought;
	return adoption->match != NULL;
}

static void follow_match(struct adoption *adoption)
{
	struct sought *sought = adoption->match;

	adoption->match = NULL;
	adoption->left--;
	lookalikes_remove(adoption->lookalikes, sought->lookalike);
	sought->lookalike = NULL;
	known_take(adoption->catalog, sought->known);
	(void)follow_known(adoption->catalog, sought->known, &adoption->found);
}

static void match_file(struct adoption *adoption)
{
	struct sibling *found = &adoption->found;
	uint8_t head[IDENTITY_HEAD_MAX];
	int64_t size;

	adoption->read_at = file_read_at;
	adoption->user = &found->fd;
	if (compressed_name(found->path)) {
		found->compressed = compressed_open(found->fd);
		if (!found->compressed)
			return;
		found->fd = -1;
		adoption->read_at = compressed_read_at;
		adoption->user = found->compressed;
	}
	size = adoption->read_at(adoption->user, head, sizeof(head), 0);
	if (size > 0)
		lookalikes_by_head(adoption->lookalikes, head, (size_t)size, match_text, adoption);
	if (adoption->match)
		follow_match(adoption);
}

/* 1 when all were found. */
static int look_at(void *user, const char *path, uint64_t inode)
{
	struct adoption *adoption = user;
	int may_be = 0;

	(void)inode;
	lookalikes_by_stem(adoption->lookalikes, path, 0, any, &may_be);
	if (!may_be || !sibling_open(path, &adoption->found, &adoption->status))
		return 0;
	if (!catalog_has_file(adoption->catalog, &adoption->found.place))
		match_file(adoption);
	sibling_done(&adoption->found);
	return adoption->left == 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int is_sought(const struct known *known, int shorter)
{
	const struct identity *identity = &known->identity;

	return identity->head_size > 0 && (known->position == 0 || identity->tail_size > 0) &&
	       (!shorter || (identity->head_size >= IDENTITY_HEAD_STRONG &&
			     scan_leads_to(known->path, identity)));
}

static int by_folder(const void *left, const void *right)
{
	const struct sought *a = left, *b = right;
	int order = a->folder == b->folder  ? memcmp(a->known->path, b->known->path, a->folder)
		    : a->folder < b->folder ? -1
					    : 1;

	return order ? order : a->order < b->order ? -1 : 1;
}

static struct sought *collect(const struct catalog *catalog, int shorter, uint32_t *ret_count)
{
	struct sought *all = NULL;
	uint32_t capacity = 0;

	*ret_count = 0;
	for (struct known *known = catalog->known; known; known = known->next) {
		if (!is_sought(known, shorter))
			continue;
		if (*ret_count == capacity) {
			uint32_t wanted = capacity ? 2 * capacity : 64;
			struct sought *grown = realloc(all, wanted * sizeof(*grown));

			if (!grown)
				break; /* those left are found by the text of what is new, or not */
			all = grown;
			capacity = wanted;
		}
		all[*ret_count] = (struct sought){
			.known = known,
			.folder = (size_t)(strrchr(known->path, '/') - known->path),
			.order = *ret_count,
		};
		++*ret_count;
	}
	return all;
}

/* Looks for those of one folder; returns how many they are. */
static uint32_t look_in_folder(struct catalog *catalog, struct sought *all, uint32_t count,
			       int shorter)
{
	struct adoption adoption = {
		.catalog = catalog,
		.lookalikes = lookalikes_create(),
		.shorter = shorter,
		.found = {.fd = -1},
	};
	char *path = strdup(all[0].known->path);
	uint32_t end = 1;

	while (end < count && all[end].folder == all[0].folder &&
	       memcmp(all[end].known->path, all[0].known->path, all[0].folder) == 0)
		end++;
	/* The newest go in last, and are found first. */
	for (uint32_t i = end; i-- > 0 && adoption.lookalikes;) {
		all[i].lookalike = lookalikes_add(adoption.lookalikes, &all[i].known->identity,
						  all[i].known->path, &all[i]);
		adoption.left += all[i].lookalike != NULL;
	}
	if (path && adoption.left)
		(void)sibling_folder(path, 0, look_at, &adoption);
	for (uint32_t i = 0; i < end; i++)
		lookalikes_remove(adoption.lookalikes, all[i].lookalike);
	lookalikes_free(adoption.lookalikes);
	free(path);
	return end;
}

void adopt_by_text(struct catalog *catalog, int shorter)
{
	uint32_t count;
	struct sought *all = collect(catalog, shorter, &count);

	if (count)
		qsort(all, count, sizeof(*all), by_folder);
	for (uint32_t at = 0; at < count;)
		at += look_in_folder(catalog, all + at, count - at, shorter);
	free(all);
}
