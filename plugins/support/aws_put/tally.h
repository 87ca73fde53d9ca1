// SPDX-License-Identifier: MIT
/*
 * What a put tells CloudWatch: the metrics of the Kinesis Agent, by its names, for the destination.
 * Records are the output's own, also where several are packed into one of the service's.
 *
 * Threads: http_done() only.
 */
#ifndef AWS_PUT_TALLY_H
#define AWS_PUT_TALLY_H

#include "support/batching/batching.h"
#include "support/cloudwatch/cloudwatch.h"

struct put_tally {
	struct cloudwatch *cloudwatch; /* NULL = off: nothing is counted */
	struct cloudwatch_series *attempts, *errors, *sent, *bytes, *service_errors;
	uint32_t newline; /* 1: each record gets one */
};

/* `kind` and `name` are those of the destination, as the agent has them: KinesisStream, clicks.
 * WEIR_ERR_MEMORY. */
int32_t put_tally_init(struct put_tally *tally, struct cloudwatch *cloudwatch, const char *kind,
		       const char *name);
/* A call was answered; what is not DELIVERED in `fates` has failed. NULL: nothing has. */
void put_tally_answer(const struct put_tally *tally, const struct batching_request *request,
		      const struct batching_fate *fates);
/* A call failed as a whole. */
void put_tally_failure(const struct put_tally *tally, const struct batching_request *request);

#endif
