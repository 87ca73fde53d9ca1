// SPDX-License-Identifier: MIT
/*
 * For `weir check --online`: a bulk request without a record, to every node. It is refused for being empty
 * by whoever takes the credentials, and stores nothing.
 *
 * One node that takes it is enough, as it is for records; one that refuses the credentials is a finding
 * whatever the others say.
 *
 *     bulk request ──taken──▶ may we create documents? ──no──▶ finding
 *          │                     │ yes, or it does not know the question (OpenSearch, no security)
 *          └──refused──▶ finding └──▶ fine
 *
 * The second is asked where a user or a key is given and the index is one and the same for all records.
 */
#ifndef PROBE_H
#define PROBE_H

#include "options.h"

struct probe_node {
	struct weir_http_request request;
	struct signature signature;
	struct weir_slice place; /* of the node, as the user wrote it */
	int asks_for_right;      /* the second question */
	struct weir_slice text;  /* its URL and its body, in one piece; owned */
	struct weir_slice body;
};

/* Of an output. Zeroed memory is none. The loop's thread, once it has begun. */
struct es_probe {
	struct probe_node *nodes;
	uint32_t count, waiting;
	uint32_t fine;
	struct weir_error finding; /* the gravest so far */
};

struct output;

int32_t es_probe_begin(struct output *output, struct weir_error *error);
/* Whether the request is one of its own. */
int es_probe_owns(const struct es_probe *probe, const struct weir_http_request *request);
int32_t es_probe_http_begin(struct output *output, struct weir_http_request *request);
/* What http_done() is to answer. */
uint32_t es_probe_http_done(struct output *output, struct weir_http_request *request,
			    const struct weir_http_response *response);
/* After an event of the credentials, which may have come to an end. */
void es_probe_go_on(struct output *output);
void es_probe_done(struct es_probe *probe);

#endif
