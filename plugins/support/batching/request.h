// SPDX-License-Identifier: MIT
/* Requests as lists of parts, parts as ranges of records. Internal to batching; no lock here. */
#ifndef BATCHING_REQUEST_H
#define BATCHING_REQUEST_H

#include <stdatomic.h>

#include "support/batching/batching.h"

/* A delivery that was taken. Freed with the last of its records. */
struct entry {
	struct weir_delivery_view view;
	const struct weir_encoding *encoding; /* NULL = raw lines, or not encoded yet */
	uint64_t bytes;                       /* of all its records */
	uint32_t begin;                       /* records before it are in requests already */
	atomic_uint left;                     /* records without an outcome */
	uint64_t arrived_ns;                  /* with a ttl; else 0 */
	struct entry *next;                   /* while it waits for memory */
	uint32_t *sizes;                      /* as measured, or NULL; record by record */
	uint64_t *selected; /* with it: the view's own copy, without what was refused */
};

/* The selected records of [begin, end). */
struct batching_part {
	struct entry *entry;
	uint32_t begin, end;
	uint32_t count;
};

/* The first selected record at or after `record`, or the batch's count. */
uint32_t entry_next(const struct entry *entry, uint32_t record);
/* Bytes of one record in a body, newline included. */
uint64_t entry_size(const struct entry *entry, uint32_t record);
void entry_record(const struct entry *entry, uint32_t index, struct batching_record *ret_record);
/* Nothing of its records is reported. NULL will do. */
void entry_free(struct entry *entry);
/* After `count` of its records have an outcome: frees it with the last. */
void entry_settle(struct entry *entry, uint32_t count);

struct batching_request *request_create(void);
/* Frees the request, not the entries. */
void request_free(struct batching_request *request);
/* Of the records in bodies, newlines included. */
uint64_t request_part_bytes(const struct batching_part *part);
int request_add(struct batching_request *request, const struct batching_part *part, uint64_t bytes);
/* Makes http.body out of the parts. */
int request_build(struct batching_request *request, const struct batching_options *options);
/* Reports the fates and keeps what is to be sent again. 0, or WEIR_ERR_MEMORY and nothing done. */
int request_settle(struct batching_request *request, const struct weir_services *host,
		   const struct batching_fate *fates);
/* Moves the second half of the records into a new request. */
int request_halve(struct batching_request *request, struct batching_request **ret_second);
void request_outcome(struct batching_request *request, const struct weir_services *host,
		     uint32_t outcome, const char *reason, struct weir_slice text);

#endif
