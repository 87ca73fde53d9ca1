// SPDX-License-Identifier: MIT
/*
 * Expected records beside those that came: both are taken apart into facts ("user.name" is "x"), so
 * that the order of fields does not matter, 200 is 200.0 and not "200", and a difference is one line.
 */
#ifndef CLI_TEST_COMPARE_H
#define CLI_TEST_COMPARE_H

#include "cli/test_ends.h"
#include "config/memory.h"

struct test_difference {
	const char *output;
	size_t record;                /* from 1; 0 = about the number of records */
	const char *field;            /* "" = the record as a whole */
	const char *expected, *found; /* JSON; NULL = there is none */
};

struct test_differences {
	struct config_memory *memory; /* of all text */
	struct test_difference *items;
	size_t count, capacity;
};

/* Adds what differs. `expected` is a LIST of MAPs, or an INT; NULL = no record at all. named: fields that
 * are not expected don't matter, and null means that there is none. */
void test_compare(struct test_differences *differences, const char *output,
		  const struct weir_node *expected, const struct test_records *found, int named);

#endif
