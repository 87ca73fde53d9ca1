// SPDX-License-Identifier: MIT
/*
 * Gathers deliveries into requests, and gives outcomes back to the records of each.
 *
 *   write() ──▶ open request ──▶ ready ──▶ sent ──▶ delivered, dead, or split in two
 *                 (gathers)       (full, or lingered long enough)
 *
 *   - A delivery may be spread over several requests, and a request may hold several deliveries.
 *     Bodies are slices of blocks and encodings; only a request's list of slices is allocated.
 *   - Raw lines that follow each other in their block, newlines included, become one slice: a whole
 *     block of unchanged lines is one.
 *   - Nothing is lost when memory is short: a delivery waits and is tried again.
 *   - A lock of its own guards it, never held while the host is called: write() may run on several
 *     workers at once, beside timer, flush and what http_done() calls.
 *   - With a linger of 0 a delivery goes at once while few requests are in flight; beyond that,
 *     deliveries gather until one comes back. So the batch grows with the load.
 */
#ifndef BATCHING_H
#define BATCHING_H

#include <weir/plugin.h>

struct batching;
struct batching_part;

/* One request with the records in it. The plugin fills `http` but for its body, user and counts. */
struct batching_request {
	struct weir_http_request http; /* http.user is the batching_request */
	uint32_t records;
	uint64_t bytes; /* as counted against the limit */
	struct batching_part *parts;
	uint32_t part_count, part_capacity;
	struct batching_request *next;
};

struct batching_options {
	const struct weir_services *host;
	struct weir_context *context;
	uint32_t records_max;
	uint64_t bytes_max;    /* of a request; a larger record travels alone */
	uint64_t linger_ns;    /* how long the open request waits for company */
	uint32_t in_flight_max; /* requests handed to send() at a time; 1 keeps their order */
	uint32_t linger_timer, retry_timer; /* ids of host timers that are batching's own */
	const struct weir_encode_spec *encode; /* NULL = raw lines; lives as long as batching does */
	struct weir_slice prefix, separator, suffix; /* of the body; borrowed likewise */
	/* Hands a request to the HTTP service. A failure is tried again later. */
	int32_t (*send)(void *user, struct batching_request *request);
	void *user;
};

int32_t batching_create(const struct batching_options *options, struct batching **ret_batching,
			struct weir_error *error);
/* Free the HTTP client first: requests that were sent are freed here. No outcome is reported. */
void batching_destroy(struct batching *batching);

void batching_write(struct batching *batching, const struct weir_delivery_view *delivery);
/* Sends what is there without waiting for more. */
void batching_flush(struct batching *batching);
/* The plugin's timer(); ids that are not batching's are left alone. */
void batching_timer(struct batching *batching, uint32_t id);

/* Each ends a request that was sent and is finished, and frees it. */
void batching_delivered(struct batching *batching, struct batching_request *request);
void batching_dead(struct batching *batching, struct batching_request *request, const char *reason,
		   struct weir_slice text);
/* Sends it again as two halves, before anything that came later. request->records must be over 1. */
void batching_split(struct batching *batching, struct batching_request *request);

#endif
