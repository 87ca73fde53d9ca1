// SPDX-License-Identifier: MIT
/*
 * A table of groups. What is the same in some respect lies in one list, the newest first, and the table
 * has the first of each only: one is put in and taken out at the same cost, however many are the same.
 * Whoever has it sees to locks.
 */
#ifndef TAIL_GROUPS_H
#define TAIL_GROUPS_H

#include "table.h"

struct group_link {
	struct table_link
		in_table; /* of the first of a group; first: the table's links are these */
	struct group_link *next, *previous;
};

struct groups {
	struct table table;
	int (*same)(const struct group_link *a, const struct group_link *b);
};

/* Those that are the same have the same hash; others may. */
void groups_init(struct groups *groups, uint64_t (*hash)(const struct table_link *link),
		 int (*same)(const struct group_link *a, const struct group_link *b));
/* Frees what the table itself has; the links stay. */
void groups_done(struct groups *groups);
void groups_insert(struct groups *groups, struct group_link *link);
/* One that is in it. */
void groups_remove(struct groups *groups, struct group_link *link);
/* The first of a group that may have this hash, and that of a further one. */
struct group_link *groups_find(const struct groups *groups, uint64_t hash);
struct group_link *groups_further(const struct group_link *first);

#endif
