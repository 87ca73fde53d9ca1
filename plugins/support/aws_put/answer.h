// SPDX-License-Identifier: MIT
/* The answer to a call that puts many records: what became of each. */
#ifndef AWS_PUT_ANSWER_H
#define AWS_PUT_ANSWER_H

#include <weir/plugin.h>

/* Of one record, as the service has it; slices are valid during the call. */
struct put_outcome {
	uint32_t index;
	struct weir_slice code, message; /* empty code: it was taken */
	struct weir_slice shard;         /* where it lies, if the service says so */
};

typedef void put_visit(void *user, const struct put_outcome *outcome);

/*
 * Walks the list called `list` of a JSON or CBOR answer. Returns how many there were, or
 * WEIR_ERR_INVALID when the answer is cut or is something else.
 */
int32_t put_answer_walk(struct weir_slice body, const char *list, put_visit *visit, void *user);

#endif
