// SPDX-License-Identifier: MIT
/* The state of a put, for put.c (sending) and outcome.c (what the answers mean). */
#ifndef AWS_PUT_PUT_INTERNAL_H
#define AWS_PUT_PUT_INTERNAL_H

#include "support/aws_put/body_pool.h"
#include "support/aws_put/put.h"
#include "support/aws_put/tally.h"

struct aws_put {
	struct put_options options;
	const struct weir_services *host;
	struct aws_service *service;
	struct aws_operation operation;
	struct batching *batching;
	struct body_pool bodies;
	struct weir_metric *retried, *refused, *repeated;
	struct put_tally tally; /* its cloudwatch is ours */
};

/* What a request carries beside its body: batching's `composed`. */
struct put_call {
	struct body body;
	struct aws_call aws;
};

uint32_t put_outcome(struct aws_put *put, struct batching_request *request,
		     const struct weir_http_response *response);

#endif
