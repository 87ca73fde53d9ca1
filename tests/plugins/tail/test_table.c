// SPDX-License-Identifier: MIT
/* The table finds what is in it and nothing else, however it has grown. */
#include "cmocka_all.h"

#include "table.h"

#define MANY 20000u

struct thing {
	struct table_link link;
	uint64_t number;
	int in;
};

static const struct thing *thing_of(const struct table_link *link)
{
	return (const struct thing *)(const void *)link;
}

static uint64_t hash_of(const struct table_link *link)
{
	return table_hash(thing_of(link)->number);
}

static const struct thing *find(const struct table *table, uint64_t number, uint32_t *ret_steps)
{
	const struct table_link *link = table_find(table, table_hash(number));

	for (*ret_steps = 1; link && thing_of(link)->number != number; link = link->next)
		++*ret_steps;
	return link ? thing_of(link) : NULL;
}

static void what_was_put_in_is_found_until_it_is_taken_out(void **state)
{
	struct thing *things = calloc(MANY, sizeof(*things));
	struct table table;
	uint32_t seed = 1, steps, in = 0;

	(void)state;
	table_init(&table, hash_of);
	for (uint32_t i = 0; i < MANY; i++)
		things[i].number = i;
	for (uint32_t round = 0; round < 4 * MANY; round++) {
		struct thing *thing = &things[(seed = seed * 1664525 + 1013904223) >> 8 & 16383];

		if (thing->in)
			table_remove(&table, &thing->link);
		else
			table_insert(&table, &thing->link);
		thing->in = !thing->in;
		in += thing->in ? 1 : UINT32_MAX;
		assert_int_equal(table.count, in);
	}
	for (uint32_t i = 0; i < MANY; i++)
		assert_ptr_equal(find(&table, i, &steps), things[i].in ? &things[i] : NULL);
	table_done(&table);
	free(things);
}

/* As ext4 numbers them: the files of each folder from a multiple of 8192 on. */
static void inode_numbers_that_lie_in_steps_do_not_make_long_chains(void **state)
{
	struct thing *things = calloc(MANY, sizeof(*things));
	uint64_t all = 0;
	struct table table;
	uint32_t steps;

	(void)state;
	table_init(&table, hash_of);
	for (uint32_t i = 0; i < MANY; i++) {
		things[i].number = (uint64_t)(i / 100) * 8192 + i % 100;
		table_insert(&table, &things[i].link);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		assert_ptr_equal(find(&table, things[i].number, &steps), &things[i]);
		all += steps;
	}
	assert_true(all < 3 * (uint64_t)MANY);
	table_done(&table);
	free(things);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_in_is_found_until_it_is_taken_out),
		cmocka_unit_test(inode_numbers_that_lie_in_steps_do_not_make_long_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
