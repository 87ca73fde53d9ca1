// SPDX-License-Identifier: MIT
/*
 * Names of fields that records can have: some, or any beside them. Where there is no memory for a name
 * they can have any, so that a set errs by allowing too much. One thread.
 */
#ifndef PIPELINE_FIELD_SET_H
#define PIPELINE_FIELD_SET_H

#include <weir/abi.h>

struct field_set {
	struct weir_slice *names; /* owned, in the order they were added */
	uint32_t count, capacity;
	int any;
};

/* Zeroed memory is a set of none. */
void field_set_add(struct field_set *set, struct weir_slice name);
void field_set_add_all(struct field_set *set, const struct field_set *more);
/* Where records can have any this changes nothing. */
void field_set_remove(struct field_set *set, struct weir_slice name);
/* Makes it a set of none again, and frees all memory. */
void field_set_clear(struct field_set *set);
int field_set_has(const struct field_set *set, struct weir_slice name);

#endif
