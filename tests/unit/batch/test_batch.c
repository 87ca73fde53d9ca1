// SPDX-License-Identifier: MIT
/* Batches: memory that moves, is charged exactly, and is given back; shapes; shared encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch/batch.h"
#include "batch/shape.h"

static int relieved_count;

static void relieved(void *user)
{
	(void)user;
	relieved_count++;
}

static void no_sources(const struct weir_source_view *view)
{
	(void)view;
}

struct fixture {
	struct budget budget;
	struct batch_pool pool;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	budget_init(&f->budget, 1 << 20, 64 << 10, relieved, NULL);
	batch_pool_init(&f->pool, &f->budget, 16 << 10, no_sources);
	relieved_count = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	/* Whatever a test did: every byte that was charged has been given back. */
	assert_int_equal(f->budget.used, 0);
	assert_int_equal(f->pool.alive, 0);
	batch_pool_done(&f->pool);
	free(f);
	shape_table_clear();
	return 0;
}

static void add_line(struct batch *batch, const char *text)
{
	struct weir_slice key = weir_slice_of("message");
	struct weir_record *record;
	struct weir_value value;
	struct weir_value *row;
	uint16_t shape;

	assert_int_equal(batch_reserve(&batch->view, 1, 1, (uint32_t)strlen(text)), 0);
	assert_int_equal(batch_shape(&batch->view, &key, 1, &shape), 0);
	memcpy(weir_batch_text(&batch->view, (uint32_t)strlen(text), &value), text, strlen(text));
	record = weir_batch_record(&batch->view);
	row = weir_batch_row(&batch->view, 1, &record->row);
	*row = value;
	record->shape = shape;
	record->capacity = 1;
	record->line_block = value.block;
	record->line_offset = (uint32_t)value.as.offset;
	record->line_length = value.length;
}

static void text_survives_the_growth_of_arrays_and_new_blocks(void **state)
{
	struct fixture *f = *state;
	struct batch *batch = batch_acquire(&f->pool);
	char text[64];

	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "line number %d", i);
		add_line(batch, text);
	}
	assert_true(batch->view.block_count > 1);
	for (uint32_t i = 0; i < 3000; i++) {
		struct weir_slice line = weir_record_line(&batch->view, &batch->view.records[i]);

		snprintf(text, sizeof(text), "line number %u", i);
		assert_int_equal(line.size, strlen(text));
		assert_memory_equal(line.data, text, line.size);
	}
	batch_unref(batch);
}

static void a_text_larger_than_a_block_gets_one_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct batch *batch = batch_acquire(&f->pool);
	struct weir_value value;

	assert_int_equal(batch_reserve(&batch->view, 0, 0, 100000), 0);
	assert_non_null(weir_batch_text(&batch->view, 100000, &value));
	assert_int_equal(value.block, 1);
	assert_true(f->budget.used > 116 << 10);
	batch_unref(batch);
}

static void text_that_was_not_reserved_is_refused(void **state)
{
	struct fixture *f = *state;
	struct batch *batch = batch_acquire(&f->pool);

	assert_null(weir_batch_text(&batch->view, 20 << 10, NULL));
	assert_int_equal(batch_reserve(&batch->view, UINT32_MAX, 0, 0), 0 + WEIR_ERR_MEMORY);
	batch_unref(batch);
}

static void a_recycled_batch_is_empty(void **state)
{
	struct fixture *f = *state;
	struct batch *batch = batch_acquire(&f->pool);
	struct batch *again;

	add_line(batch, "something");
	batch_add_dead(batch, 0, "stage", "reason", weir_slice_of("text"));
	batch_unref(batch);
	again = batch_acquire(&f->pool);
	assert_ptr_equal(again, batch);
	assert_int_equal(again->view.record_count, 0);
	assert_int_equal(again->view.shape_count, 0);
	assert_int_equal(again->dead_count, 0);
	assert_int_equal(again->view.blocks[0].used, 0);
	batch_unref(again);
}

static void the_same_keys_are_the_same_shape(void **state)
{
	const struct weir_slice ab[] = {weir_slice_of("a"), weir_slice_of("b")};
	const struct weir_slice ba[] = {weir_slice_of("b"), weir_slice_of("a")};
	const struct weir_shape *one, *two, *three;
	int owned;

	(void)state;
	assert_int_equal(shape_intern(ab, 2, &one, &owned), 0);
	assert_int_equal(shape_intern(ab, 2, &two, &owned), 0);
	assert_int_equal(shape_intern(ba, 2, &three, &owned), 0);
	assert_ptr_equal(one, two);
	assert_ptr_not_equal(one, three);
	assert_int_not_equal(one->id, three->id);
	assert_memory_equal(one->keys[1]->json.data, "\"b\":", 4);
}

static void shapes_past_the_bound_live_with_their_batch(void **state)
{
	struct fixture *f = *state;
	struct batch *batch = batch_acquire(&f->pool);
	uint32_t unnumbered = 0;
	char name[32];

	for (int i = 0; i < SHAPE_MAX + 100; i++) {
		struct weir_slice key = {name, (uint64_t)snprintf(name, sizeof(name), "key%d", i)};
		uint16_t shape;

		assert_int_equal(batch_shape(&batch->view, &key, 1, &shape), 0);
		unnumbered += batch->view.shapes[shape]->id == 0;
	}
	assert_int_equal(unnumbered, 100);
	batch_unref(batch);
}

static void an_encoding_is_made_once_and_shared(void **state)
{
	struct fixture *f = *state;
	struct batch *batch = batch_acquire(&f->pool);
	struct weir_encode_spec json = {.struct_size = sizeof(json), .format = WEIR_ENCODE_JSON};
	struct weir_encode_spec line = {.struct_size = sizeof(line), .format = WEIR_ENCODE_LINE};
	const struct weir_encoding *one, *two, *three;

	add_line(batch, "alpha");
	add_line(batch, "beta");
	add_line(batch, "gamma");
	assert_int_equal(batch_freeze(batch), 0);
	batch->routed[0] = 5; /* beta goes nowhere */
	assert_int_equal(batch_encode(batch, &json, (struct weir_slice){0}, &one), 0);
	assert_int_equal(batch_encode(batch, &json, (struct weir_slice){0}, &two), 0);
	assert_int_equal(batch_encode(batch, &line, (struct weir_slice){0}, &three), 0);
	assert_ptr_equal(one, two);
	assert_ptr_not_equal(one, three);
	assert_int_equal(three->starts[1], three->starts[2]);
	assert_memory_equal(three->data, "alpha\ngamma\n", 12);
	assert_memory_equal(one->data, "{\"message\":\"alpha\"}\n{\"message\":\"gamma\"}\n", 40);
	batch_unref(batch);
}

static void a_full_budget_refuses_and_tells_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	struct batch *held[64];
	int count = 0;

	while (count < 64 && budget_admit(&f->budget))
		held[count++] = batch_acquire(&f->pool);
	assert_true(count > 4 && count < 64);
	assert_true(f->budget.used <= f->budget.hard);
	batch_unref(held[--count]); /* not for each one */
	assert_int_equal(relieved_count, 0);
	while (count)
		batch_unref(held[--count]);
	assert_int_equal(relieved_count, 1);
}

static void nothing_is_admitted_while_an_output_is_full(void **state)
{
	struct fixture *f = *state;
	struct batch *held = batch_acquire(&f->pool);

	budget_full(&f->budget, 1);
	budget_full(&f->budget, 1);
	assert_false(budget_admit(&f->budget));
	assert_false(budget_is_short(&f->budget));
	budget_full(&f->budget, -1);
	assert_false(budget_admit(&f->budget));
	assert_int_equal(relieved_count, 0);
	budget_full(&f->budget, -1);
	assert_int_equal(relieved_count, 1);
	assert_true(budget_admit(&f->budget));
	budget_full(&f->budget, 1);
	batch_unref(held);
	assert_true(budget_admit(&f->budget)); /* there is nothing that an output could wait for */
	budget_full(&f->budget, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(text_survives_the_growth_of_arrays_and_new_blocks,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_text_larger_than_a_block_gets_one_of_its_own,
						setup, teardown),
		cmocka_unit_test_setup_teardown(text_that_was_not_reserved_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_recycled_batch_is_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_keys_are_the_same_shape, setup, teardown),
		cmocka_unit_test_setup_teardown(shapes_past_the_bound_live_with_their_batch, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_encoding_is_made_once_and_shared, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_budget_refuses_and_tells_when_there_is_room,
						setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_admitted_while_an_output_is_full, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
