// SPDX-License-Identifier: MIT
/*
 * Fields by name. `a.b.c` is, in this order: the field of that whole name; member c of the map
 * `a.b`; member c of member b of the map `a`. Slots are cached by the shape's id.
 */
#ifndef EXPR_FIELD_H
#define EXPR_FIELD_H

#include "expr/value.h"

#define FIELD_SEGMENTS_MAX 16
#define FIELD_CACHE 8 /* shapes remembered; a power of two */

struct lookup {
	struct weir_slice name;
	struct {
		uint32_t shape_id; /* 0 = empty */
		int32_t slot;
	} cache[FIELD_CACHE];
};

struct field {
	uint32_t count;                 /* of segments */
	const struct weir_slice *names; /* the segments */
	struct lookup *prefixes;        /* the first 1, 2, ... segments joined by dots */
};

struct field *field_create(struct scratch *made, const struct weir_slice *segments, uint32_t count);
struct value field_value(struct field *field, struct scratch *scratch,
			 const struct weir_batch *batch, const struct weir_record *record);

static inline int32_t lookup_slot(struct lookup *lookup, const struct weir_shape *shape)
{
	uint32_t at = shape->id & (FIELD_CACHE - 1);
	int32_t slot;

	if (shape->id != 0 && lookup->cache[at].shape_id == shape->id)
		return lookup->cache[at].slot;
	slot = weir_shape_find(shape, lookup->name);
	if (shape->id != 0) {
		lookup->cache[at].shape_id = shape->id;
		lookup->cache[at].slot = slot;
	}
	return slot;
}

/* The record's own value, or NULL when it is absent. */
static inline const struct weir_value *lookup_value(struct lookup *lookup,
						    const struct weir_batch *batch,
						    const struct weir_record *record)
{
	int32_t slot = lookup_slot(lookup, batch->shapes[record->shape]);
	const struct weir_value *value;

	if (slot < 0)
		return NULL;
	value = &batch->values[record->row + (uint32_t)slot];
	return value->tag == WEIR_ABSENT ? NULL : value;
}

#endif
