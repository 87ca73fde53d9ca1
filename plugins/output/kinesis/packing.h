// SPDX-License-Identifier: MIT
/* Without aggregation: how each record becomes a Kinesis record, with its data as pieces. */
#ifndef KINESIS_PACKING_H
#define KINESIS_PACKING_H

#include "keys.h"

#define PACKING_PIECES_MAX 2

struct packing {
	struct keys *keys;
	uint32_t newline;    /* data ends in a newline */
	uint64_t record_max; /* data and partition key */
};

/* One Kinesis record. */
struct packed {
	struct weir_slice pieces[PACKING_PIECES_MAX]; /* of its data */
	uint32_t piece_count;
	uint64_t size;                             /* of the data */
	struct weir_slice partition_key, hash_key; /* hash_key empty: none */
};

struct packing_cursor {
	struct batching_cursor records;
	uint64_t seed;
	struct record_keys keys; /* of the record before */
};

/* What a record counts against a request; 0 when it cannot be sent. */
uint64_t packing_measure(const struct packing *packing, const struct batching_record *record,
			 struct batching_refusal *ret_refusal);
struct packing_cursor packing_first(const struct packing *packing,
				    const struct batching_request *request);
/* 1 and the next one, valid until the one after it; 0 at the end; negative: it cannot be made. */
int packing_next(const struct packing *packing, struct packing_cursor *cursor,
		 struct packed *ret_packed);
/* How many Kinesis records the request is. */
uint32_t packing_count(const struct packing *packing, const struct batching_request *request);

#endif
