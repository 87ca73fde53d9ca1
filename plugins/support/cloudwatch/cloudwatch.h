// SPDX-License-Identifier: MIT
/*
 * Metrics of an output for CloudWatch: they gather, and at each interval PutMetricData sends them.
 *
 *   - One call at a time, by an HTTP client of its own, with the output's credentials. A call that fails
 *     is told of and counted; what was in it goes with the next interval's. So records never wait for
 *     CloudWatch, no figure is lost while the agent runs, and memory does not grow. At the end one more
 *     call has what is left.
 *   - A call that failed may have been taken all the same, and is then counted twice.
 *
 * Threads: cloudwatch_add() and cloudwatch_series() on any; all else as the host calls it. Everything
 * takes a NULL cloudwatch, which is one that is off.
 */
#ifndef CLOUDWATCH_H
#define CLOUDWATCH_H

#include "support/aws_call/aws_call.h"
#include "support/cloudwatch/series.h"

struct cloudwatch;

/* How long the end is put off for the last figures, at most. */
#define CLOUDWATCH_END_NS UINT64_C(2000000000)

extern const struct weir_option cloudwatch_members[];

#define CLOUDWATCH_OPTION                                                                        \
	HTTP_OPTION("cloudwatch", WEIR_TYPE_MAP, NULL,                                           \
		    "send metrics to CloudWatch, with the output's credentials; true, or a map", \
		    .flags = WEIR_OPTION_SHORT, .members = cloudwatch_members)

struct cloudwatch_options {
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *node; /* the output's options */
	uint32_t timer;               /* id of a host timer that is its own */
	struct aws_service *service;  /* the output's, whose credentials it uses; destroyed later */
};

/* NULL when the option is not set. */
int32_t cloudwatch_create(const struct cloudwatch_options *options,
			  struct cloudwatch **ret_cloudwatch, struct weir_error *error);
void cloudwatch_start(struct cloudwatch *cloudwatch);
/* Gives up what is under way. */
void cloudwatch_stop(struct cloudwatch *cloudwatch);
void cloudwatch_destroy(struct cloudwatch *cloudwatch);

/* flush() of an output: at the end what there is goes at once, and is given up when it is not taken in
 * CLOUDWATCH_END_NS. */
void cloudwatch_flush(struct cloudwatch *cloudwatch, uint32_t why);
/* Ids that are not its own are left alone. */
void cloudwatch_timer(struct cloudwatch *cloudwatch, uint32_t id);
/* Whether a request, in http_done() or http_begin(), is its own; these hand it on. */
int cloudwatch_owns(const struct cloudwatch *cloudwatch, const struct weir_http_request *http);
int32_t cloudwatch_begin(struct cloudwatch *cloudwatch, struct weir_http_request *http);
uint32_t cloudwatch_done(struct cloudwatch *cloudwatch, const struct weir_http_response *response);

/* See series_find(). Lives as long as the cloudwatch. */
struct cloudwatch_series *cloudwatch_series(struct cloudwatch *cloudwatch,
					    const struct cloudwatch_metric *metric,
					    const struct cloudwatch_dimension *dimensions,
					    uint32_t count);
/* `series` may be NULL. */
void cloudwatch_add(struct cloudwatch *cloudwatch, struct cloudwatch_series *series, int64_t value);
void cloudwatch_add_all(struct cloudwatch *cloudwatch, struct cloudwatch_series *series,
			const struct statistics *statistics);

#endif
