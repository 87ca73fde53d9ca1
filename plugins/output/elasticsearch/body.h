// SPDX-License-Identifier: MIT
/*
 * The body of a `_bulk` request: an action line and the record, for each record.
 *
 * Records stay where they are encoded; only the action lines are written, into one piece of memory.
 * A compressed body is one piece, made here rather than by the host, since a body shrinks when some
 * of its records have been accepted. Several threads at once.
 */
#ifndef BODY_H
#define BODY_H

#include "action.h"
#include "support/batching/batching.h"

/* Bytes of a record in a body; 0 and why not. */
uint64_t body_measure(struct action_style *style, const struct batching_record *record,
		      struct batching_refusal *ret_refusal);
/* What of a body is not in the records' own memory; `data` is from malloc(). */
struct body_text {
	char *data;
	uint64_t capacity;
};

/* Fills in request->http.body. */
int32_t body_compose(struct action_style *style, struct batching_request *request,
		     struct body_text *ret_text);
/* Makes one compressed piece of it. */
int32_t body_compress(struct batching_request *request, struct body_text *text);

#endif
