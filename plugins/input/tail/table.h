// SPDX-License-Identifier: MIT
/*
 * A hash table of links that lie within what they lead to. It grows with what is in it and begins
 * with one bucket of its own, so that nothing here fails: without memory the chains get longer.
 * Whoever has it sees to locks.
 */
#ifndef TAIL_TABLE_H
#define TAIL_TABLE_H

#include <stdint.h>

struct table_link {
	struct table_link *next; /* in its bucket */
};

struct table {
	struct table_link **buckets; /* NULL = there is only `first` */
	struct table_link *first;
	uint32_t mask; /* buckets, a power of two, less 1 */
	uint32_t count;
	uint64_t (*hash)(const struct table_link *link);
};

void table_init(struct table *table, uint64_t (*hash)(const struct table_link *link));
/* Frees what the table itself has; its links stay. */
void table_done(struct table *table);
void table_insert(struct table *table, struct table_link *link);
/* One that is in it. */
void table_remove(struct table *table, struct table_link *link);
/* The first of those that may have this hash; the others follow by ->next. */
struct table_link *table_find(const struct table *table, uint64_t hash);
/* A hash of a number of which only some bits may vary. */
uint64_t table_hash(uint64_t number);

#endif
