// SPDX-License-Identifier: MIT
/* The ledger commits, per output, the contiguous prefix of what has an outcome, and nothing more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/ledger.h"

static const char *const names[] = {"a", "b", "c"};
static const uint64_t nothing[3] = {0, 0, 0};

/* A ledger, and the outputs of the generation that adds to it. */
struct book {
	struct ledger *ledger;
	struct ledger_outputs *outputs;
	uint64_t read;
};

static struct ledger_outputs *take_up(struct ledger *ledger, const char *const *texts,
				      uint32_t count, const uint64_t *positions)
{
	struct ledger_name *shared[3] = {NULL};
	struct ledger_outputs *outputs;

	for (uint32_t i = 0; i < count; i++)
		shared[i] = ledger_name_create(texts[i]);
	outputs = ledger_take_up(ledger, shared, count, positions);
	for (uint32_t i = 0; i < count; i++)
		ledger_name_unref(shared[i]);
	assert_non_null(outputs);
	return outputs;
}

static struct book begin(uint32_t count, const uint64_t *positions)
{
	struct book book = {ledger_create(count), NULL, 0};

	assert_non_null(book.ledger);
	book.outputs = take_up(book.ledger, names, count, positions);
	return book;
}

static void end(struct book *book)
{
	ledger_unref(book->ledger);
	free(book->outputs);
}

static struct claim *add(struct book *book, uint64_t to)
{
	struct claim *claim = ledger_add(book->ledger, NULL, book->outputs, book->read, to);

	assert_non_null(claim);
	book->read = to;
	return claim;
}

struct wanted {
	const char *output;
	uint64_t position;
};

static void look(void *user, const char *output, uint64_t position)
{
	struct wanted *wanted = user;

	if (strcmp(output, wanted->output) == 0)
		wanted->position = position;
}

static uint64_t committed(const struct book *book, const char *output)
{
	struct wanted wanted = {output, UINT64_MAX};

	ledger_each(book->ledger, look, &wanted);
	return wanted.position;
}

static int release(const struct book *book, struct claim *claim, int32_t output)
{
	int settled, empty;

	return (int)ledger_release(book->ledger, claim, output, &settled, &empty);
}

static void a_later_claim_waits_for_an_earlier_one(void **state)
{
	struct book book;
	struct claim *first, *second;

	(void)state;
	book = begin(1, nothing);
	first = add(&book, 100);
	second = add(&book, 250);
	assert_int_equal(release(&book, second, 0), 0);
	assert_int_equal(committed(&book, "a"), 0);
	assert_int_equal(release(&book, first, 0), 250);
	assert_int_equal(committed(&book, "a"), 250);
	assert_true(ledger_is_empty(book.ledger));
	end(&book);
}

static void outputs_advance_independently(void **state)
{
	struct book book;
	struct claim *claim;

	(void)state;
	book = begin(2, nothing);
	claim = add(&book, 100);
	assert_int_equal(release(&book, claim, 1), 100);
	assert_int_equal(committed(&book, "b"), 100);
	assert_int_equal(committed(&book, "a"), 0);
	assert_int_equal(ledger_acked(book.ledger, book.outputs), 0);
	assert_false(ledger_is_empty(book.ledger));
	assert_int_equal(release(&book, claim, 0), 100);
	assert_int_equal(ledger_acked(book.ledger, book.outputs), 100);
	end(&book);
}

static void a_held_claim_is_not_committed(void **state)
{
	struct book book;
	struct claim *claim;

	(void)state;
	book = begin(2, nothing);
	claim = add(&book, 100);
	ledger_hold(book.ledger, claim, -1);
	ledger_hold(book.ledger, claim, 1);
	assert_int_equal(release(&book, claim, -1), 0);
	assert_int_equal(release(&book, claim, 0), 100);
	assert_int_equal(release(&book, claim, 1), 0);
	assert_int_equal(committed(&book, "b"), 0);
	assert_int_equal(release(&book, claim, 1), 100);
	assert_int_equal(committed(&book, "b"), 100);
	end(&book);
}

static void an_output_ahead_never_goes_back(void **state)
{
	static const uint64_t positions[2] = {100, 500};
	struct book book;
	struct claim *claim;

	(void)state;
	book = begin(2, positions);
	claim = add(&book, 300);
	assert_int_equal(release(&book, claim, 1), 0);
	assert_int_equal(committed(&book, "b"), 500);
	assert_int_equal(release(&book, claim, 0), 200);
	assert_int_equal(committed(&book, "a"), 300);
	end(&book);
}

/* Any order of 1,000 releases ends at the last position, and is at every step the prefix. */
static void random_orders_commit_exactly_the_prefix(void **state)
{
	enum { COUNT = 1000 };
	struct book book;
	struct claim *claims[COUNT];
	int order[COUNT];
	int done[COUNT] = {0};
	int prefix = 0;

	(void)state;
	srand(7);
	book = begin(1, nothing);
	for (int i = 0; i < COUNT; i++) {
		claims[i] = add(&book, (uint64_t)(i + 1) * 10);
		order[i] = i;
	}
	for (int i = COUNT - 1; i > 0; i--) {
		int other = rand() % (i + 1);
		int swap = order[i];

		order[i] = order[other];
		order[other] = swap;
	}
	for (int i = 0; i < COUNT; i++) {
		release(&book, claims[order[i]], 0);
		done[order[i]] = 1;
		while (prefix < COUNT && done[prefix])
			prefix++;
		assert_int_equal(committed(&book, "a"), prefix * 10);
	}
	assert_true(ledger_is_empty(book.ledger));
	end(&book);
}

/* The next generation of the pipeline, which reads on where the first one stopped. */
static void generations(struct book *book, struct book *ret_next, const char *const *outputs,
			uint32_t count)
{
	const uint64_t positions[3] = {book->read, book->read, book->read};

	*ret_next = (struct book){book->ledger, NULL, book->read};
	ledger_ref(book->ledger);
	ret_next->outputs = take_up(book->ledger, outputs, count, positions);
}

static void a_new_generation_commits_nothing_past_what_the_old_one_drains(void **state)
{
	struct book old = begin(2, nothing), new;
	struct claim *draining = add(&old, 100), *next;

	(void)state;
	generations(&old, &new, names, 2);
	next = add(&new, 300);
	assert_int_equal(release(&new, next, -1), 0);
	assert_int_equal(committed(&new, "a"), 0);
	assert_int_equal(release(&old, draining, 0), 300);
	assert_int_equal(committed(&new, "a"), 300);
	assert_int_equal(committed(&new, "b"), 0);
	assert_int_equal(release(&old, draining, 1), 300);
	assert_true(ledger_is_empty(new.ledger));
	end(&old);
	end(&new);
}

static void an_output_that_is_new_begins_at_the_read_position(void **state)
{
	struct book old = begin(1, nothing), new;
	struct claim *draining = add(&old, 100), *next;

	(void)state;
	generations(&old, &new, names, 3);
	assert_int_equal(committed(&new, "c"), 100);
	assert_int_equal(committed(&new, "a"), 0);
	next = add(&new, 300);
	assert_int_equal(release(&new, next, 2), 200);
	assert_int_equal(committed(&new, "c"), 300);
	release(&old, draining, 0);
	release(&new, next, 0);
	release(&new, next, 1);
	assert_true(ledger_is_empty(new.ledger));
	end(&old);
	end(&new);
}

static void an_output_that_is_gone_drains_and_holds_nobody_up(void **state)
{
	struct book old = begin(2, nothing), new;
	struct claim *draining = add(&old, 100), *next;

	(void)state;
	generations(&old, &new, names, 1);
	next = add(&new, 300);
	release(&new, next, 0);
	assert_int_equal(release(&old, draining, 0), 300);
	assert_int_equal(committed(&new, "a"), 300);
	assert_int_equal(committed(&new, "b"), 0);
	assert_false(ledger_is_empty(new.ledger));
	release(&old, draining, 1);
	assert_true(ledger_is_empty(new.ledger));
	assert_int_equal(committed(&new, "b"), UINT64_MAX); /* no column of it any more */
	end(&old);
	end(&new);
}

/* As many generations as one likes, each with outputs of its own, need no more columns than two. */
static void columns_are_used_again(void **state)
{
	struct book book = begin(1, nothing), next;
	char name[16];
	const char *outputs[1] = {name};

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct claim *claim = add(&book, book.read + 10), *after;

		snprintf(name, sizeof(name), "output_%d", i);
		generations(&book, &next, outputs, 1);
		after = add(&next, next.read + 10);
		release(&next, after, 0);
		release(&book, claim, 0);
		assert_int_equal(committed(&next, name), next.read);
		end(&book);
		book = next;
	}
	assert_true(ledger_is_empty(book.ledger));
	assert_in_range(book.ledger->column_count, 1, 2);
	end(&book);
}

/* What rests has no ring, and what wakes has one again, with nothing of what was before. */
static void a_ledger_without_claims_takes_no_memory_for_them(void **state)
{
	struct book book = begin(2, nothing);

	(void)state;
	for (uint32_t round = 1; round <= 3; round++) {
		struct claim *claims[20];

		assert_null(book.ledger->ring);
		for (uint32_t i = 0; i < 20; i++)
			claims[i] = add(&book, book.read + 10);
		for (uint32_t i = 20; i-- > 0;)
			release(&book, claims[i], 0);
		assert_non_null(book.ledger->ring);
		for (uint32_t i = 0; i < 20; i++)
			release(&book, claims[i], 1);
		assert_int_equal(committed(&book, "a"), round * 200);
		assert_int_equal(committed(&book, "b"), round * 200);
	}
	assert_null(book.ledger->ring);
	assert_ptr_equal(book.ledger->columns, book.ledger->first);
	end(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_claim_waits_for_an_earlier_one),
		cmocka_unit_test(outputs_advance_independently),
		cmocka_unit_test(a_held_claim_is_not_committed),
		cmocka_unit_test(an_output_ahead_never_goes_back),
		cmocka_unit_test(random_orders_commit_exactly_the_prefix),
		cmocka_unit_test(a_new_generation_commits_nothing_past_what_the_old_one_drains),
		cmocka_unit_test(an_output_that_is_new_begins_at_the_read_position),
		cmocka_unit_test(an_output_that_is_gone_drains_and_holds_nobody_up),
		cmocka_unit_test(columns_are_used_again),
		cmocka_unit_test(a_ledger_without_claims_takes_no_memory_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
