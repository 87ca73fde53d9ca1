// SPDX-License-Identifier: MIT
/*
 * A delivery at an isolated output: which of its records have no outcome yet, and which of those are with the process
 * now. One thread at a time.
 */
#ifndef ISOLATE_PARTS_H
#define ISOLATE_PARTS_H

#include "isolate/slots.h"
#include "pipeline/pipeline.h"

struct parts {
	struct parts *prev, *next; /* its owner's list */
	uint64_t number;
	struct weir_delivery *delivery; /* gone with the last outcome */
	struct slot *slot;              /* has the batch, from the first send on */
	uint64_t head, selection;       /* places in there */
	uint64_t charged;               /* bytes, to the pipeline's memory */
	uint32_t words;
	uint32_t left;   /* records without outcome */
	uint32_t out;    /* of these, with the process */
	uint32_t most;   /* that may be with it at a time */
	uint32_t losses; /* processes that ended while some were with them */
	uint64_t bits[]; /* without outcome; then: with the process */
};

/* Deliveries in the order in which they came. */
struct parts_list {
	struct parts *first, *last;
};

void parts_append(struct parts_list *list, struct parts *parts);
void parts_unlink(struct parts_list *list, struct parts *parts);
/* The one of that number, or NULL. */
struct parts *parts_find(const struct parts_list *list, uint64_t number);
/* True when processes ended while they had one of these. */
int parts_have_losses(const struct parts_list *list);

/* NULL without memory. */
struct parts *parts_create(const struct weir_delivery_view *view, uint64_t number);
void parts_free(struct parts *parts, struct slots *slots, struct budget *budget);
/* Puts the next part into its slot. scratch is the caller's. */
int parts_prepare(struct parts *parts, struct slots *slots, struct budget *budget,
		  struct buffer *scratch, struct weir_error *error);
/* Nothing is with a process any more. Returns how many records were. */
uint32_t parts_return(struct parts *parts);
/* Takes those of the list (NULL: all that are out) that the process may give an outcome; ret_records has room
 * for them. */
uint32_t parts_take(struct parts *parts, const uint32_t *records, uint64_t count,
		    uint32_t *ret_records);

#endif
