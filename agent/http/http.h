// SPDX-License-Identifier: MIT
/*
 * The HTTP service, on libcurl's multi interface, driven by the event loop.
 *
 * Lives in a module of its own (weir/modules/http.so) so that libcurl and its libraries are loaded
 * only when a pipeline has an output that talks HTTP. The module exports `http_module`.
 *
 * A client keeps an adaptive number of requests in flight: one more after a run of successes, half
 * after a throttle, a time-out or a 5xx, never above its bound. Retries wait by full jitter between
 * 0 and min(backoff_max, backoff_min * 2^attempt), or what Retry-After says.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdatomic.h>

#include <weir/services.h>

#include "base/loop.h"
#include "base/metrics.h"

struct http;

/* Calls into the owner of a client, all on the loop's thread. */
struct http_owner {
	uint32_t (*done)(void *user, struct weir_http_request *request,
			 const struct weir_http_response *response); /* WEIR_HTTP_FINISHED ... */
	void (*log)(void *user, uint32_t level, const char *code, const char *text);
	void (*stalled)(void *user, const char *why); /* "" = works again */
	void *user;
	/* May be NULL. */
	struct weir_metric *requests, *retries, *in_flight, *bytes, *latency;
	/* May be NULL. Before each try; see weir_output_ops.http_begin. */
	int32_t (*begin)(void *user, struct weir_http_request *request);
	/* May be NULL. Counts what is pending; lives longer than the client. */
	atomic_uint *pending;
	/* Bytes of the owner's memory bound, of which the client's own buffers take a part; 0 = any. */
	uint64_t memory_bytes;
};

struct http_module {
	int (*open)(struct loop *loop, struct http **ret_http, struct weir_error *error);
	void (*close)(struct http *http);
	int32_t (*client)(struct http *http, const struct http_owner *owner,
			  const struct weir_http_client_options *options,
			  struct weir_http_client **ret_client, struct weir_error *error);
	int32_t (*send)(struct weir_http_client *client, struct weir_http_request *request);
	uint32_t (*pending)(struct weir_http_client *client);
	int32_t (*recall)(struct weir_http_client *client, struct weir_http_request *request);
	void (*client_free)(struct weir_http_client *client);
};

#endif
