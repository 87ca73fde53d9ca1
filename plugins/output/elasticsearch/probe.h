// SPDX-License-Identifier: MIT
/*
 * For `weir check --online`: a bulk request without a record, to every node. It is refused for being empty
 * by whoever takes the credentials, and stores nothing.
 *
 * One node that takes it is enough, as it is for records; one that refuses the credentials is a finding
 * whatever the others say.
 */
#ifndef PROBE_H
#define PROBE_H

#include "options.h"

struct probe_node {
	struct weir_http_request request;
	struct signature signature;
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
void es_probe_http_done(struct output *output, const struct weir_http_request *request,
			const struct weir_http_response *response);
/* After an event of the credentials, which may have come to an end. */
void es_probe_go_on(struct output *output);
void es_probe_done(struct es_probe *probe);

#endif
