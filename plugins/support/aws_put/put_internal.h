// SPDX-License-Identifier: MIT
/* The state of a put, for put.c (sending) and outcome.c (what the answers mean). */
#ifndef AWS_PUT_PUT_INTERNAL_H
#define AWS_PUT_PUT_INTERNAL_H

#include <pthread.h>

#include "support/aws/digest.h"
#include "support/aws/text.h"
#include "support/aws_put/put.h"

/* Content-Type and X-Amz-Target. */
#define PUT_OWN_HEADERS 2

struct aws_put {
	struct put_options options;
	const struct weir_services *host;
	struct aws_credentials *credentials;
	struct weir_http_client *client;
	struct batching *batching;
	struct text url; /* made when the region is known, on whatever thread sends first */
	pthread_mutex_t url_lock;
	struct weir_slice headers[PUT_OWN_HEADERS];
	struct text header_text[PUT_OWN_HEADERS];
	struct weir_metric *retried, *refused;
};

/* What a request carries beside its body: batching's `composed`. */
struct put_call {
	struct body body;
	char sha256[DIGEST_HEX + 1];
	struct aws_signed signed_headers;
	struct weir_slice headers[PUT_OWN_HEADERS + AWS_SIGNED_HEADERS];
};

uint32_t put_outcome(struct aws_put *put, struct batching_request *request,
		     const struct weir_http_response *response);

#endif
