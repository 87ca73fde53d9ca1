// SPDX-License-Identifier: MIT
/*
 * The common part of outputs that put batches of records into an AWS service: credentials, signing,
 * sending, and what the answers mean.
 *
 *   - A whole call that is refused for its content is halved until the one bad record is alone, which
 *     then goes to the dead letter; all other failures are tried again, slowly and with an alarm
 *     where an operator must act.
 *   - Of a call that was taken, exactly the records that failed are sent again.
 *   - With `record_ttl` records expire into the dead letter, whether or not anything is answered.
 *   - The hash of a body is computed once; the signature right before each try.
 *
 * Threads: as batching's; compose() and measure() run on several at once.
 */
#ifndef AWS_PUT_PUT_H
#define AWS_PUT_PUT_H

#include "support/aws_call/aws_call.h"
#include "support/aws_put/answer.h"
#include "support/aws_put/body.h"
#include "support/batching/batching.h"
#include "support/cloudwatch/cloudwatch.h"

struct aws_put;

/* Options of every such output; with those of credentials. */
#define PUT_OPTIONS HTTP_OPTION_RECORD_TTL, AWS_CALL_OPTIONS, CLOUDWATCH_OPTION

/* How much goes into a request; the service's own limits are the most and the default. */
#define PUT_BATCH_OPTIONS(records, most_records, bytes, most_bytes)                             \
	HTTP_OPTION("batch_records", WEIR_TYPE_INT, (records), "records in a request, at most", \
		    .min = 1, .max = (most_records)),                                           \
		HTTP_OPTION("batch_bytes", WEIR_TYPE_SIZE, (bytes),                             \
			    "bytes of records in a request, at most, before they are encoded",  \
			    .min = 1, .max = (most_bytes))

/* Timers 0 to 3 of the instance belong to it. */
#define PUT_TIMER_LINGER 0
#define PUT_TIMER_RETRY 1
#define PUT_TIMER_CREDENTIALS 2
#define PUT_TIMER_CLOUDWATCH 3
#define PUT_TIMER_EXPIRY 4

struct put_options {
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *node;
	const char *service; /* in lower case, as it is signed: kinesis */
	const char *target;  /* X-Amz-Target */
	const char *content_type;
	const char *list;                           /* of an answer, see put_answer_walk() */
	const char *destination_kind, *destination; /* see put_tally_init() */
	uint32_t newline;                           /* 1: compose() ends each record in one */
	uint32_t records_max;
	uint64_t bytes_max;
	const struct weir_encode_spec *encode; /* as batching's */
	void *user;
	uint64_t (*measure)(void *user, const struct batching_record *record,
			    struct batching_refusal *ret_refusal);
	/* Adds the whole body of a request. */
	int32_t (*compose)(void *user, const struct batching_request *request, struct body *body);
	/* Optional, where several records become one of the service's: how many each holds, in
	 * order; returns how many there are. ret_sizes has room for request->records. */
	uint32_t (*groups)(void *user, const struct batching_request *request, uint32_t *ret_sizes);
};

int32_t aws_put_create(const struct put_options *options, struct aws_put **ret_put,
		       struct weir_error *error);
int32_t aws_put_start(struct aws_put *put, struct weir_error *error);
void aws_put_stop(struct aws_put *put);
void aws_put_destroy(struct aws_put *put);

/* The functions of an output's table. */
void aws_put_write(struct aws_put *put, const struct weir_delivery_view *delivery);
void aws_put_flush(struct aws_put *put, uint32_t why);
void aws_put_timer(struct aws_put *put, uint32_t id);
int32_t aws_put_begin(struct aws_put *put, struct weir_http_request *request);
uint32_t aws_put_done(struct aws_put *put, struct weir_http_request *request,
		      const struct weir_http_response *response);

#endif
