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
 *   - A lock of its own guards it, never held while the host is called, except by recall():
 *     write() may run on several workers at once, beside timer, flush and what http_done() calls.
 *   - What waits to be sent is bounded: with 4 MiB of it the host is told that no more need be read.
 *   - With a linger of 0 a delivery goes at once while few requests are in flight; beyond that,
 *     deliveries gather until one comes back. So the batch grows with the load.
 */
#ifndef BATCHING_H
#define BATCHING_H

#include <weir/plugin.h>

struct batching;
struct batching_part;

/* One record, for measure() and compose(). */
struct batching_record {
	const struct weir_batch *batch;
	uint32_t index;
	uint32_t newline;       /* 1: the byte behind `data` is there, and is the newline */
	struct weir_slice data; /* its encoding, or its line, without the newline */
};

/* Why a record is not sent. */
struct batching_refusal {
	const char *reason; /* short word */
	char text[160];
};

/* What became of a record of a request. */
struct batching_fate {
	uint32_t outcome;   /* WEIR_OUTCOME_*, or 0: to be sent again */
	const char *reason; /* of DEAD, with the text */
	struct weir_slice text;
};

/* One request with the records in it. The plugin fills `http` but for its body, user and counts. */
struct batching_request {
	struct weir_http_request http; /* http.user is the batching_request */
	uint32_t records;
	uint64_t bytes; /* as counted against the limit */
	struct batching_part *parts;
	uint32_t part_count, part_capacity;
	struct batching_request *next;
	void *composed; /* compose()'s: from malloc(); freed with the request and before the next body */
	uint64_t composed_size; /* bytes of it, towards the bound on memory */
	const struct batching_options *options;
};

struct batching_options {
	const struct weir_services *host;
	struct weir_context *context;
	uint32_t records_max;
	uint64_t bytes_max;     /* of a request; a larger record travels alone */
	uint64_t linger_ns;     /* how long the open request waits for company */
	uint64_t ttl_ns;        /* how long a record is tried, see expiry.c; 0 = for ever */
	uint32_t in_flight_max; /* requests handed to send() at a time; 1 keeps their order */
	uint32_t linger_timer, retry_timer; /* ids of host timers that are batching's own */
	uint32_t expiry_timer;              /* another, with a ttl */
	const struct weir_encode_spec
		*encode; /* NULL = raw lines; lives as long as batching does */
	struct weir_slice prefix, separator, suffix; /* of the body; borrowed likewise */
	/* Hands a request to the HTTP service. A failure is tried again later. */
	int32_t (*send)(void *user, struct batching_request *request);
	/* With a ttl: http_recall(). Under batching's lock. */
	int32_t (*recall)(void *user, struct batching_request *request);
	void *user;
	/* Optional. Looks at each record once, before it is gathered, and returns its bytes as counted
	 * against bytes_max; 0 sends it to the dead letter. Several threads at once. */
	uint64_t (*measure)(void *user, const struct batching_record *record,
			    struct batching_refusal *ret_refusal);
	/* Optional. Makes http.body, body_count and body_size out of what batching_next() gives,
	 * wherever it likes: http.body and `composed` are from malloc(), and freed by batching. Again
	 * each time that records have left the request. Several threads at once. */
	int32_t (*compose)(void *user, struct batching_request *request);
	/* Optional, with compose: lets go of what `composed` holds, before it is freed. */
	void (*discard)(void *user, struct batching_request *request);
};

/* Walks the records of a request, in order: {request} at first. */
struct batching_cursor {
	const struct batching_request *request;
	uint32_t part, record;
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
/* What became of each record, in the order of the body; returns what http_done() is to answer. The
 * request keeps the records that are to be sent again, or is freed when there are none. */
uint32_t batching_settle(struct batching *batching, struct batching_request *request,
			 const struct batching_fate *fates);
/*
 * A request of which nothing was taken, or what is left of one, is to be tried again by answering so:
 * what http_done() is to answer instead. Records that came longer than ttl_ns ago go to the dead letter
 * ("expired"), and the request is freed when it holds no others. What waits is looked at by a timer.
 */
uint32_t batching_again(struct batching *batching, struct batching_request *request,
			uint32_t answer);
/* 0 when there is no further record. */
int batching_next(struct batching_cursor *cursor, struct batching_record *ret_record);
/* Sends it again as two halves, before anything that came later. request->records must be over 1. */
void batching_split(struct batching *batching, struct batching_request *request);

#endif
