// SPDX-License-Identifier: MIT
/* One instance of the output. Internal to it. */
#ifndef ELASTICSEARCH_H
#define ELASTICSEARCH_H

#include "nodes.h"
#include "options.h"
#include "probe.h"
#include "support/batching/batching.h"
#include "support/bulk/bulk_answer.h"

struct output {
	const struct weir_services *host;
	struct weir_context *context;
	struct options options;
	struct weir_http_client *client;
	struct batching *batching;
	struct signer signer;
	struct weir_metric *replays, *retried, *unusable, *possible_duplicates;
	/* The rest is for the loop's thread only. */
	struct nodes nodes;
	struct es_probe probe;
	struct bulk_answer *answer;
	struct batching_fate *fates;
	char *texts; /* of the dead letters of one answer */
	uint32_t fate_capacity;
	/* Requests with records that an operator must see to; the output is stalled while there are
	 * any. At most `concurrency` of them. */
	const struct batching_request **held;
	uint32_t held_count;
};

/* What http_done() is to answer to a 2xx. */
uint32_t verdict_reach(struct output *output, struct batching_request *request,
		       const struct weir_http_response *response);
/* Alarm: the request waits for an operator. */
void verdict_hold(struct output *output, const struct batching_request *request,
		  struct weir_slice why);
/* The request is no longer held. */
void verdict_let_go(struct output *output, const struct batching_request *request);

#endif
