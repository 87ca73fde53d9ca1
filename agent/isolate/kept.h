// SPDX-License-Identifier: MIT
/*
 * Records that an isolated filter holds back, as the agent keeps them: the claim by which each stays
 * unacknowledged, and a copy of the record. When the filter's process is lost, what it held is made into a
 * batch again, which stands for the claims and is given to the next process.
 *
 * Claims have the numbers that the process gives them, in order from 1 on.
 */
#ifndef ISOLATE_KEPT_H
#define ISOLATE_KEPT_H

#include "pipeline/pipeline.h"

struct kept;

struct kept_slot {
	uint64_t number;
	struct kept *kept; /* NULL = given up */
};

struct kept_list {
	struct budget *budget;   /* which the copies are charged to; set by its owner */
	struct kept_slot *slots; /* by number */
	uint64_t last;           /* the number given last */
	uint32_t count, capacity;
	uint32_t alive;
};

/* Holds the record of the batch back by the next number. */
int kept_hold(struct kept_list *list, uint64_t number, struct batch *batch, uint32_t record);
/* Its claim, or NULL: one that was given up, or never was. */
struct weir_claim *kept_claim(const struct kept_list *list, uint64_t number);
/* The source that its record is of, or NULL. */
struct source *kept_source(const struct kept_list *list, uint64_t number);
void kept_release(struct kept_list *list, uint64_t number);
/* Copies those of the batch that are not given up yet: the batch goes on. */
int kept_copy(struct kept_list *list, const struct batch *batch);
/* All of them, as one batch in their order, which has their claims; NULL when there are none. The list is empty
 * then, and begins anew. */
int kept_to_batch(struct kept_list *list, struct pipeline *pipeline, struct batch **ret_batch);
/* Gives everything up; the list begins anew. */
void kept_done(struct kept_list *list);

#endif
