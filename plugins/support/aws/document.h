// SPDX-License-Identifier: MIT
/*
 * JSON and CBOR documents as a walk of events, without a tree: answers of services are read once and
 * then thrown away.
 *
 * Pure and bounded: any bytes are safe; what is no document ends the walk with WEIR_ERR_INVALID,
 * after the events that came before the fault.
 */
#ifndef AWS_DOCUMENT_H
#define AWS_DOCUMENT_H

#include <weir/plugin.h>

/* Deeper nesting is refused. */
#define DOCUMENT_DEPTH_MAX 32

#define DOCUMENT_MAP 1 /* begins; depth counts it */
#define DOCUMENT_LIST 2
#define DOCUMENT_END 3    /* of a map or list; depth still counts it */
#define DOCUMENT_KEY 4    /* text is the key; depth is that of its map: 1 for the outermost */
#define DOCUMENT_TEXT 5   /* a string, or CBOR's bytes */
#define DOCUMENT_NUMBER 6 /* integers only; others are OTHER */
#define DOCUMENT_OTHER 7  /* null, true, false, fractions */

struct document_event {
	uint32_t kind, depth;
	struct weir_slice text; /* valid during the call */
	int64_t number;
};

typedef void document_visit(void *user, const struct document_event *event);

int32_t document_walk_json(struct weir_slice text, document_visit *visit, void *user);
int32_t document_walk_cbor(struct weir_slice bytes, document_visit *visit, void *user);
/* By the first byte: every CBOR map begins with one that no JSON text has. */
int32_t document_walk(struct weir_slice bytes, document_visit *visit, void *user);

#endif
