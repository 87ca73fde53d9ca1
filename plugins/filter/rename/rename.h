// SPDX-License-Identifier: MIT
/* What a rename means for the records of one shape. */
#ifndef RENAME_H
#define RENAME_H

#include <weir/plugin.h>

struct rename_move {
	uint32_t from, to; /* slots */
};

/*
 * Rows stay where they are: a slot gets another name. Only where the new name is that of a field
 * which the shape has already, the value moves to that one's slot, unless it is absent; the slot
 * left over keeps a name that is free, and is absent from then on.
 */
struct rename_plan {
	int made;
	uint16_t shape; /* in the batch, with the new names */
	uint32_t first; /* of its moves */
	uint32_t count;
};

struct rename {
	const struct weir_services *host;
	const struct weir_node *names; /* old: new */
	struct rename_plan *plans;     /* by index of the shape in the batch */
	uint32_t plan_capacity;
	struct rename_move *moves;
	uint32_t move_count, move_capacity;
	struct weir_slice *keys; /* the new names while a plan is made */
	uint32_t key_capacity;
};

/* Forgets the plans of the batch before. */
int32_t rename_plans_begin(struct rename *rename, const struct weir_batch *batch);
int32_t rename_plan_make(struct rename *rename, struct weir_batch *batch, uint16_t shape,
			 struct rename_plan *plan);

#endif
