// SPDX-License-Identifier: MIT
/* What a plugin did in its process, as a list: each entry is a DID_* and what wire.h says follows it. */
#ifndef ISOLATE_DID_H
#define ISOLATE_DID_H

#include "isolate/parcel.h"
#include "isolate/wire.h"

/* Fields of one entry, in order: numbers and texts. */
#define DID_FIELDS 5

struct did {
	uint64_t code;
	uint64_t numbers[DID_FIELDS];
	struct weir_slice texts[DID_FIELDS]; /* point into the list */
};

/* Appends one; numbers and texts as many as the code has. */
int did_put(struct buffer *list, uint64_t code, const uint64_t *numbers,
	    const struct weir_slice *texts);
/* The next entry; 0 at the end, or when there is none that makes sense: then list->failed is set. */
int did_next(struct parcel *list, struct did *ret_entry);
/* True when all of it makes sense. */
int did_is_sound(struct parcel list);

#endif
