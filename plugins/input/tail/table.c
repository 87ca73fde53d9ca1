// SPDX-License-Identifier: MIT
#include "table.h"

#include <stdlib.h>

/* Beyond this many buckets chains get longer: 8 MiB of them are enough for a million files. */
#define TABLE_BUCKETS_MAX (1u << 20)

void table_init(struct table *table, uint64_t (*hash)(const struct table_link *link))
{
	*table = (struct table){.hash = hash};
}

void table_done(struct table *table)
{
	free(table->buckets);
	table_init(table, table->hash);
}

/* ext4 numbers the files of each folder from a multiple of its group's size: the low bits of all
 * are much the same, and as they are would put 100,000 files into some hundred buckets. */
uint64_t table_hash(uint64_t number)
{
	return number * UINT64_C(0x9E3779B97F4A7C15) >> 32;
}

static struct table_link **bucket_of(struct table *table, uint64_t hash)
{
	return table->buckets ? &table->buckets[hash & table->mask] : &table->first;
}

static void push(struct table *table, struct table_link *link)
{
	struct table_link **bucket = bucket_of(table, table->hash(link));

	link->next = *bucket;
	*bucket = link;
}

static void grow(struct table *table)
{
	struct table old = *table;
	uint32_t buckets = 2 * (table->mask + 1);
	struct table_link **grown = calloc(buckets, sizeof(*grown));

	if (!grown)
		return;
	table->buckets = grown;
	table->mask = buckets - 1;
	for (uint32_t i = 0; i <= old.mask; i++) {
		struct table_link *next = old.buckets ? old.buckets[i] : old.first;

		while (next) {
			struct table_link *link = next;

			next = link->next;
			push(table, link);
		}
	}
	free(old.buckets);
}

void table_insert(struct table *table, struct table_link *link)
{
	if (table->count > table->mask && table->mask < TABLE_BUCKETS_MAX - 1)
		grow(table);
	push(table, link);
	table->count++;
}

void table_remove(struct table *table, struct table_link *link)
{
	struct table_link **at = bucket_of(table, table->hash(link));

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	table->count--;
}

struct table_link *table_find(const struct table *table, uint64_t hash)
{
	return table->buckets ? table->buckets[hash & table->mask] : table->first;
}
