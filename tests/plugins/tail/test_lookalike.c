// SPDX-License-Identifier: MIT
/* The index finds those that begin alike as a look at each would, and costs no more for many. */
#include "cmocka_all.h"

#include <stdio.h>

#include "lookalike.h"
#include "sibling.h"

#define SOME 600u
#define MANY 50000u
#define TEXT_BYTES 40u

struct thing {
	struct identity identity;
	struct lookalike *lookalike;
	char path[64];
};

/* What begins alike: only so many different texts, names and sizes. */
static void make(struct thing *thing, uint32_t seed)
{
	char text[TEXT_BYTES];

	(void)snprintf(thing->path, sizeof(thing->path), "/logs/%u/%s%.*s%u.log", seed % 3,
		       seed % 2 ? "." : "", (int)(seed / 7 % 4), "application", seed / 11 % 5);
	memset(text, (int)('a' + seed / 13 % 3), sizeof(text));
	thing->identity.head_size = seed / 17 % (TEXT_BYTES + 1);
	thing->identity.head = identity_hash_of(text, thing->identity.head_size);
}

struct found {
	const struct thing *things;
	uint8_t in[SOME];
	uint32_t count;
};

static int note(void *user, const struct lookalike *one)
{
	struct found *found = user;
	const struct thing *thing = one->owner;

	assert_int_equal(found->in[thing - found->things], 0);
	found->in[thing - found->things] = 1;
	found->count++;
	return 0;
}

static int begins_alike(const struct thing *thing, const char *text, uint32_t size,
			const char *path)
{
	const struct identity *identity = &thing->identity;

	if (identity->head_size == 0)
		return 0;
	if (size < identity->head_size)
		return sibling_is_beside(thing->path, path);
	return identity_hash_equals(identity_hash_of(text, identity->head_size), identity->head);
}

static void ask(const struct lookalikes *lookalikes, const struct thing *things, uint32_t seed)
{
	struct found found = {.things = things};
	char text[TEXT_BYTES];
	uint32_t size = seed / 5 % (TEXT_BYTES + 1);
	struct thing asked;

	make(&asked, seed);
	memset(text, (int)('a' + seed % 3), sizeof(text));
	lookalikes_by_head(lookalikes, text, size, note, &found);
	lookalikes_by_stem(lookalikes, asked.path, size, note, &found);
	for (uint32_t i = 0; i < SOME; i++)
		assert_int_equal(found.in[i],
				 things[i].lookalike &&
					 begins_alike(&things[i], text, size, asked.path));
}

static void all_that_begin_alike_are_found_and_no_others(void **state)
{
	struct thing *things = calloc(SOME, sizeof(*things));
	struct lookalikes *lookalikes = lookalikes_create();
	uint32_t seed = 1;

	(void)state;
	for (uint32_t i = 0; i < SOME; i++)
		make(&things[i], (seed = seed * 1664525 + 1013904223) >> 4);
	for (uint32_t round = 0; round < 20 * SOME; round++) {
		struct thing *thing = &things[(seed = seed * 1664525 + 1013904223) >> 8 & 511];

		if (thing->lookalike) {
			lookalikes_remove(lookalikes, thing->lookalike);
			thing->lookalike = NULL;
		} else {
			thing->lookalike =
				lookalikes_add(lookalikes, &thing->identity, thing->path, thing);
			assert_int_equal(thing->lookalike != NULL, thing->identity.head_size > 0);
		}
		if (round % 8 == 0)
			ask(lookalikes, things, seed >> 4);
	}
	for (uint32_t i = 0; i < SOME; i++)
		lookalikes_remove(lookalikes, things[i].lookalike);
	lookalikes_free(lookalikes);
	free(things);
}

static int first(void *user, const struct lookalike *one)
{
	*(void **)user = one->owner;
	return 1;
}

static void the_longest_head_is_the_first_and_then_the_newest(void **state)
{
	static const char text[] = "the same text";
	struct lookalikes *lookalikes = lookalikes_create();
	struct thing things[3] = {0};
	const struct thing *found = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		things[i].identity.head_size = i < 2 ? 12 : 3;
		things[i].identity.head = identity_hash_of(text, things[i].identity.head_size);
		(void)strcpy(things[i].path, "/app.log");
		things[i].lookalike =
			lookalikes_add(lookalikes, &things[i].identity, things[i].path, &things[i]);
	}
	for (int i = 1; i >= 0; i--) {
		lookalikes_by_head(lookalikes, text, sizeof(text), first, &found);
		assert_ptr_equal(found, &things[i]);
		lookalikes_remove(lookalikes, things[i].lookalike);
	}
	lookalikes_by_head(lookalikes, text, sizeof(text), first, &found);
	assert_ptr_equal(found, &things[2]);
	lookalikes_remove(lookalikes, things[2].lookalike);
	lookalikes_free(lookalikes);
}

/* The state may hold any path. */
static void a_name_longer_than_a_file_may_have_is_never_found_by_its_stem(void **state)
{
	struct lookalikes *lookalikes = lookalikes_create();
	struct identity identity = {.head_size = 1};
	struct lookalike *one;
	char path[2000];
	void *found = NULL;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	one = lookalikes_add(lookalikes, &identity, path, path);
	assert_non_null(one);
	lookalikes_by_stem(lookalikes, path, 0, first, &found);
	assert_null(found);
	lookalikes_remove(lookalikes, one);
	lookalikes_free(lookalikes);
}

/* A list of a quarter of all for each would take minutes here. */
static void many_that_are_the_same_come_and_go_at_the_cost_of_few(void **state)
{
	struct thing *things = calloc(MANY, sizeof(*things));
	struct lookalikes *lookalikes = lookalikes_create();
	void *found;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		make(&things[i], 17 * 20);
		things[i].lookalike =
			lookalikes_add(lookalikes, &things[i].identity, things[i].path, &things[i]);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t at = i * 7919u % MANY;

		found = NULL;
		lookalikes_by_stem(lookalikes, things[at].path, TEXT_BYTES, first, &found);
		assert_null(found);
		lookalikes_by_stem(lookalikes, things[at].path, 0, first, &found);
		assert_non_null(found);
		lookalikes_remove(lookalikes, things[at].lookalike);
	}
	lookalikes_free(lookalikes);
	free(things);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_begin_alike_are_found_and_no_others),
		cmocka_unit_test(the_longest_head_is_the_first_and_then_the_newest),
		cmocka_unit_test(a_name_longer_than_a_file_may_have_is_never_found_by_its_stem),
		cmocka_unit_test(many_that_are_the_same_come_and_go_at_the_cost_of_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
