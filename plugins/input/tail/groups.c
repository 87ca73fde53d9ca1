// SPDX-License-Identifier: MIT
#include "groups.h"

#include <stddef.h>

static struct group_link *link_of(const struct table_link *in_table)
{
	return (struct group_link *)(uintptr_t)in_table;
}

void groups_init(struct groups *groups, uint64_t (*hash)(const struct table_link *link),
		 int (*same)(const struct group_link *a, const struct group_link *b))
{
	table_init(&groups->table, hash);
	groups->same = same;
}

void groups_done(struct groups *groups)
{
	table_done(&groups->table);
}

struct group_link *groups_find(const struct groups *groups, uint64_t hash)
{
	return link_of(table_find(&groups->table, hash));
}

struct group_link *groups_further(const struct group_link *first)
{
	return link_of(first->in_table.next);
}

void groups_insert(struct groups *groups, struct group_link *link)
{
	struct group_link *first = groups_find(groups, groups->table.hash(&link->in_table));

	while (first && !groups->same(first, link))
		first = groups_further(first);
	link->previous = NULL;
	link->next = first;
	if (first) {
		table_remove(&groups->table, &first->in_table);
		first->previous = link;
	}
	table_insert(&groups->table, &link->in_table);
}

void groups_remove(struct groups *groups, struct group_link *link)
{
	if (link->next)
		link->next->previous = link->previous;
	if (link->previous) {
		link->previous->next = link->next;
		return;
	}
	table_remove(&groups->table, &link->in_table);
	if (link->next)
		table_insert(&groups->table, &link->next->in_table);
}
