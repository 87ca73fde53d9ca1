// SPDX-License-Identifier: MIT
/*
 * How a parsed record is laid out: its shape, which of the fields it had before come along, and
 * which of its slots are converted or hold its time.
 *
 *     row:  | parsed fields, in the order of the line | fields carried over | PARSE_SPARE free |
 *
 * The answer depends on the record's old shape and on the keys that were found. It is worked out
 * once and remembered; what a batch costs after that is one batch_shape() call for each layout that
 * occurs in it, and a record in the normal case one comparison of pointers.
 *
 * Shapes with an id are never freed or reused within a process, so layouts made of such are kept
 * from batch to batch.
 */
#ifndef PARSE_LAYOUT_H
#define PARSE_LAYOUT_H

#include "parse.h"

struct layout {
	const struct weir_shape *from; /* of the record before; NULL = this entry is empty */
	const struct weir_shape *to;
	uint64_t batch; /* the batch that `index` and shapes without an id belong to */
	uint32_t keys_hash;
	uint16_t index;     /* of `to` in that batch */
	uint16_t time_slot; /* of the `time` option's field, when has_time */
	uint32_t has_time;
	uint32_t lasting;  /* both shapes have ids: usable in later batches */
	uint32_t parsed;   /* slots that the format fills */
	uint32_t carried;  /* slots after them */
	uint16_t *carry;   /* the old slot of each carried field */
	uint16_t *convert; /* slots that the `types` option names */
	uint8_t *types;    /* and what to make of them */
	uint32_t convert_count;
	uint32_t capacity; /* of the three arrays */
};

int layouts_create(struct layouts **ret_layouts);
void layouts_destroy(struct layouts *layouts);

/* The layout of the record at hand, whose values and keys are in the instance. Valid until the next
 * call; its content may then be another's. An error is the host's. */
int layout_find(struct parse *parse, const struct weir_shape *from,
		const struct layout **ret_layout);

/* True when layout_find() would find that of the record before. */
static inline int layout_is_last(const struct parse *parse, const struct weir_shape *from)
{
	const struct layout *last = parse->last;

	return last && last->from == from && last->batch == parse->batches &&
	       last->parsed == parse->count && last->keys_hash == parse->keys_hash &&
	       (parse->keys_hash == 0 || parse->same == last);
}

#endif
