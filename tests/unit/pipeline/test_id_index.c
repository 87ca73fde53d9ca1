// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/id_index.h"

#define COUNT 1000

static void an_empty_index_has_nothing(void **state)
{
	const struct id_index index = {0};
	const uint8_t id[16] = {0};

	(void)state;
	assert_null(id_index_find(&index, id));
}

/* Ids whose place is the same, as those of many can be, differ in their first bytes only. */
static void each_id_is_found_again_and_no_other(void **state)
{
	static uint8_t ids[COUNT][16];
	struct id_index index;
	uint8_t copy[16];

	(void)state;
	assert_int_equal(id_index_init(&index, COUNT), 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		memcpy(ids[i], &i, sizeof(i));
		ids[i][8] = (uint8_t)(i % 7);
		id_index_add(&index, ids[i]);
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		memcpy(copy, ids[i], sizeof(copy));
		assert_ptr_equal(id_index_find(&index, copy), ids[i]);
		copy[7] = 1;
		assert_null(id_index_find(&index, copy));
	}
	id_index_done(&index);
	assert_null(id_index_find(&index, ids[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_index_has_nothing),
		cmocka_unit_test(each_id_is_found_again_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
