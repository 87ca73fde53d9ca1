// SPDX-License-Identifier: MIT
/*
 * How records become Firehose records: each is one, or as many as fit are packed together, each with
 * its newline, or as an aggregate of the Kinesis Producer Library, for readers that unpack it. Filling
 * is by order and size alone, so that the packs of a request can be told again when its answer arrives.
 */
#ifndef FIREHOSE_PACKING_H
#define FIREHOSE_PACKING_H

#include "limits.h"
#include "support/aggregate/aggregate.h"
#include "support/aws_put/body.h"
#include "support/batching/batching.h"

struct packing {
	uint32_t newline;   /* data ends in a newline */
	uint64_t pack_size; /* bytes of a pack; 0 = each record is one of Firehose's */
	uint32_t as_kpl;    /* packs are aggregates of the Kinesis Producer Library */
};

uint64_t packing_measure(const struct packing *packing, const struct batching_record *record,
			 struct batching_refusal *ret_refusal);
int32_t packing_compose(const struct packing *packing, const char *stream,
			const struct batching_request *request, struct body *body);
uint32_t packing_groups(const struct packing *packing, const struct batching_request *request,
			uint32_t *ret_sizes);

#endif
