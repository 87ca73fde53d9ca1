// SPDX-License-Identifier: MIT
/*
 * For `weir check --online`: gets credentials as the output would and makes one signed call that changes
 * nothing, describing the stream.
 *
 *   credentials ──▶ call ──▶ answered, or AccessDenied:  they sign, and that is what was asked
 *        │            ├────▶ UnrecognizedClient, InvalidSignature, ExpiredToken, ...: refused
 *        ▼            ├────▶ ResourceNotFound: no such stream
 *     there are none  └────▶ no answer
 *
 * A role that may put records only is not allowed to describe a stream; that it is told so proves that
 * its signature was taken.
 *
 * Threads: as the host calls probe(), timer(), http_begin() and http_done().
 */
#ifndef AWS_PROBE_H
#define AWS_PROBE_H

#include "support/aws_call/aws_call.h"

struct aws_probe;

struct aws_probe_options {
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *node; /* with AWS_CALL_OPTIONS */
	const char *service;          /* in lower case, as it is signed: kinesis */
	const char *target;           /* X-Amz-Target */
	const char *member;           /* of the call's only argument: StreamName */
	const struct weir_node *stream;
	uint32_t timer; /* a host timer that nothing else uses now */
};

/* The answer goes to probe_done(). */
int32_t aws_probe_begin(const struct aws_probe_options *options, struct aws_probe **ret_probe,
			struct weir_error *error);
void aws_probe_timer(struct aws_probe *probe, uint32_t id);
int32_t aws_probe_http_begin(struct aws_probe *probe, struct weir_http_request *request);
uint32_t aws_probe_http_done(struct aws_probe *probe, struct weir_http_request *request,
			     const struct weir_http_response *response);
void aws_probe_destroy(struct aws_probe *probe);

#endif
