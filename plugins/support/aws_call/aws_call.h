// SPDX-License-Identifier: MIT
/*
 * Signed calls to one AWS service whose operations are named by X-Amz-Target: where it is, the
 * credentials, and the HTTP client that the calls share.
 *
 *   - The hash of a body is computed once; the signature right before each try.
 *   - A call is sent when the region is known; until then sending fails with WEIR_ERR_STATE.
 *
 * Threads: create, start, stop and destroy on the main thread; send and begin on any; done and timer
 * as the host calls them.
 */
#ifndef AWS_CALL_H
#define AWS_CALL_H

#include "support/aws/credentials.h"
#include "support/aws/digest.h"
#include "support/aws/text.h"
#include "support/http_options/http_options.h"

struct aws_service;

/* Options of every output that calls; with those of credentials. */
#define AWS_CALL_OPTIONS                                                                      \
	HTTP_OPTION("endpoint", WEIR_TYPE_STRING, NULL,                                       \
		    "URL of the service; none given: AWS's own in the region"),               \
		AWS_CREDENTIALS_OPTIONS,                                                      \
		HTTP_OPTION("concurrency", WEIR_TYPE_INT, "16",                               \
			    "requests in flight, at most; fewer while the service throttles", \
			    .min = 1, .max = 1024),                                           \
		HTTP_OPTION_TIMEOUT, HTTP_OPTION_CONNECT_TIMEOUT, HTTP_OPTION_TLS,            \
		HTTP_OPTION_PROXY, HTTP_OPTION_VERSION, HTTP_OPTION_HEDGE

struct aws_service_options {
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *node; /* with AWS_CALL_OPTIONS */
	const char *name;             /* in lower case, as it is signed: kinesis */
	uint32_t concurrency_max;     /* calls in flight; 1 keeps their order */
	uint32_t awaited;             /* see weir_http_client_options */
	uint32_t timer;               /* a host timer that is the credentials' own */
	/* Optional. Uses the credentials of another service of the instance, which is destroyed later
	 * and gets the calls of done and timer that are about them. */
	struct aws_service *credentials_of;
	const char
		*endpoint; /* in place of the node's; NULL = AWS's own; with credentials_of only */
};

/* Content-Type and X-Amz-Target. */
#define AWS_OPERATION_HEADERS 2

/* What calls of one operation have in common. Zeroed memory is empty. */
struct aws_operation {
	struct weir_slice headers[AWS_OPERATION_HEADERS];
	struct text text[AWS_OPERATION_HEADERS];
};

int32_t aws_operation_make(struct aws_operation *operation, const char *target,
			   const char *content_type, struct weir_error *error);
void aws_operation_done(struct aws_operation *operation);

/* What a request needs beside its body. Zeroed at first. */
struct aws_call {
	const struct aws_operation *operation; /* set by the caller */
	char sha256[DIGEST_HEX + 1];
	struct aws_signed signed_headers;
	struct weir_slice headers[AWS_OPERATION_HEADERS + AWS_SIGNED_HEADERS];
};

/* Takes the body's hash; again whenever the body has changed. */
int32_t aws_call_digest(struct aws_call *call, const struct weir_slice *body, uint32_t count);
void aws_call_done(struct aws_call *call);

int32_t aws_service_create(const struct aws_service_options *options,
			   struct aws_service **ret_service, struct weir_error *error);
int32_t aws_service_start(struct aws_service *service, struct weir_error *error);
/* Gives up all calls. */
void aws_service_stop(struct aws_service *service);
void aws_service_destroy(struct aws_service *service);
void aws_service_timer(struct aws_service *service, uint32_t id);

/* Sends the request, whose URL and headers are filled in. Both stay where they are until it is done. */
int32_t aws_service_send(struct aws_service *service, struct weir_http_request *http,
			 struct aws_call *call);
/* http_recall() of the request. */
int32_t aws_service_recall(struct aws_service *service, struct weir_http_request *http);
/* In http_begin() and http_done(): whether the request is one that the credentials made. */
int aws_service_owns(const struct aws_service *service, const struct weir_http_request *http);
/* What http_done() answers for a request that the service owns. */
uint32_t aws_service_done(struct aws_service *service, struct weir_http_request *http,
			  const struct weir_http_response *response);
/* http_begin(): signs a call. */
int32_t aws_service_begin(struct aws_service *service, struct weir_http_request *http,
			  struct aws_call *call);
/* Why there are no keys; see aws_credentials_trouble(). */
const char *aws_service_trouble(const struct aws_service *service);
/* The region's text; empty while it is not known. */
const char *aws_service_region(const struct aws_service *service);
/* What http_done() answers for a call that failed as a whole; see aws_credentials_refused(). */
uint32_t aws_service_refused(struct aws_service *service, const struct weir_http_response *response,
			     const struct aws_error *failure);

#endif
