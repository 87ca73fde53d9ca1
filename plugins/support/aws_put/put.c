// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "support/aws_put/put_internal.h"

#define DEFAULT_LINGER_NS UINT64_C(100000000)

/* ---- a request ---- */

static uint64_t measure(void *user, const struct batching_record *record,
			struct batching_refusal *ret_refusal)
{
	struct aws_put *put = user;

	return put->options.measure(put->options.user, record, ret_refusal);
}

static int32_t compose(void *user, struct batching_request *request)
{
	struct aws_put *put = user;
	struct put_call *call = calloc(1, sizeof(*call));
	struct weir_slice *slices;
	int32_t code;

	if (!call)
		return WEIR_ERR_MEMORY;
	call->aws.operation = &put->operation;
	request->composed = call;
	body_pool_take(&put->bodies, &call->body);
	code = put->options.compose(put->options.user, request, &call->body);
	slices = code ? NULL : body_slices(&call->body);
	if (!slices)
		return code ? code : WEIR_ERR_MEMORY;
	request->composed_size = sizeof(*call) + call->body.text_capacity;
	request->http.body = slices;
	request->http.body_count = call->body.count;
	request->http.body_size = call->body.size;
	return aws_call_digest(&call->aws, slices, call->body.count);
}

static void discard(void *user, struct batching_request *request)
{
	struct aws_put *put = user;
	struct put_call *call = request->composed;

	body_pool_give(&put->bodies, &call->body);
	aws_call_done(&call->aws);
}

static int32_t send_request(void *user, struct batching_request *request)
{
	struct aws_put *put = user;
	struct put_call *call = request->composed;

	return aws_service_send(put->service, &request->http, &call->aws);
}

static int32_t recall_request(void *user, struct batching_request *request)
{
	struct aws_put *put = user;

	return aws_service_recall(put->service, &request->http);
}

int32_t aws_put_begin(struct aws_put *put, struct weir_http_request *http)
{
	struct batching_request *request = http->user;
	struct put_call *call;

	if (aws_service_owns(put->service, http))
		return 0;
	if (cloudwatch_owns(put->tally.cloudwatch, http))
		return cloudwatch_begin(put->tally.cloudwatch, http);
	call = request->composed;
	return aws_service_begin(put->service, http, &call->aws);
}

uint32_t aws_put_done(struct aws_put *put, struct weir_http_request *request,
		      const struct weir_http_response *response)
{
	if (aws_service_owns(put->service, request))
		return aws_service_done(put->service, request, response);
	if (cloudwatch_owns(put->tally.cloudwatch, request))
		return cloudwatch_done(put->tally.cloudwatch, response);
	return put_outcome(put, request->user, response);
}

/* ---- the output's functions ---- */

void aws_put_write(struct aws_put *put, const struct weir_delivery_view *delivery)
{
	batching_write(put->batching, delivery);
}

void aws_put_flush(struct aws_put *put, uint32_t why)
{
	batching_flush(put->batching);
	cloudwatch_flush(put->tally.cloudwatch, why);
}

void aws_put_timer(struct aws_put *put, uint32_t id)
{
	batching_timer(put->batching, id);
	aws_service_timer(put->service, id);
	cloudwatch_timer(put->tally.cloudwatch, id);
}

int32_t aws_put_start(struct aws_put *put, struct weir_error *error)
{
	int32_t code = aws_service_start(put->service, error);

	if (!code)
		cloudwatch_start(put->tally.cloudwatch);
	return code;
}

void aws_put_stop(struct aws_put *put)
{
	if (!put)
		return;
	cloudwatch_stop(put->tally.cloudwatch);
	aws_service_stop(put->service);
}

void aws_put_destroy(struct aws_put *put)
{
	if (!put)
		return;
	aws_put_stop(put);
	batching_destroy(put->batching);
	body_pool_done(&put->bodies);
	cloudwatch_destroy(put->tally.cloudwatch);
	aws_service_destroy(put->service);
	aws_operation_done(&put->operation);
	free(put);
}

/* ---- create ---- */

static uint32_t in_flight_max(const struct put_options *o)
{
	if (o->host->output_settings(o->context)->strict)
		return 1;
	return (uint32_t)weir_node_int(o->node, "concurrency", 16);
}

static int32_t create_batching(struct aws_put *put, struct weir_error *error)
{
	const struct put_options *o = &put->options;
	const struct weir_output_settings *settings = o->host->output_settings(o->context);
	struct batching_options options = {
		.host = o->host,
		.context = o->context,
		.records_max = o->records_max,
		.bytes_max = (uint64_t)weir_node_int(o->node, "batch_bytes", (int64_t)o->bytes_max),
		.linger_ns = settings->linger_ns == WEIR_TIMER_OFF ? DEFAULT_LINGER_NS
								   : settings->linger_ns,
		.ttl_ns = (uint64_t)weir_node_int(o->node, "record_ttl", 0),
		.in_flight_max = in_flight_max(o),
		.linger_timer = PUT_TIMER_LINGER,
		.retry_timer = PUT_TIMER_RETRY,
		.expiry_timer = PUT_TIMER_EXPIRY,
		.encode = o->encode,
		.send = send_request,
		.recall = recall_request,
		.measure = measure,
		.compose = compose,
		.discard = discard,
		.user = put,
	};

	return batching_create(&options, &put->batching, error);
}

static int32_t create_service(struct aws_put *put, struct weir_error *error)
{
	const struct put_options *o = &put->options;
	const struct aws_service_options options = {.host = o->host,
						    .context = o->context,
						    .node = o->node,
						    .name = o->service,
						    .concurrency_max = in_flight_max(o),
						    .timer = PUT_TIMER_CREDENTIALS};

	return aws_service_create(&options, &put->service, error);
}

static int32_t create_tally(struct aws_put *put, struct weir_error *error)
{
	const struct put_options *o = &put->options;
	const struct cloudwatch_options options = {.host = o->host,
						   .context = o->context,
						   .node = o->node,
						   .timer = PUT_TIMER_CLOUDWATCH,
						   .service = put->service};
	struct cloudwatch *cloudwatch;
	int32_t code = cloudwatch_create(&options, &cloudwatch, error);

	if (code || !cloudwatch)
		return code;
	put->tally.newline = o->newline;
	code = put_tally_init(&put->tally, cloudwatch, o->destination_kind, o->destination);
	return code ? weir_fail(error, code, "no memory for metrics") : 0;
}

int32_t aws_put_create(const struct put_options *options, struct aws_put **ret_put,
		       struct weir_error *error)
{
	struct aws_put *put = calloc(1, sizeof(*put));
	int32_t code;

	if (!put)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	put->options = *options;
	put->host = options->host;
	body_pool_init(&put->bodies);
	put->retried =
		put->host->metric(options->context, WEIR_METRIC_COUNTER, "records_retried_total",
				  "records that the service turned down for the moment");
	put->refused =
		put->host->metric(options->context, WEIR_METRIC_COUNTER, "records_refused_total",
				  "records that the service turned down for good");
	put->repeated =
		put->host->metric(options->context, WEIR_METRIC_COUNTER, "records_repeated_total",
				  "records sent again though the service may have taken them");
	code = aws_operation_make(&put->operation, options->target, options->content_type, error);
	if (!code)
		code = create_service(put, error);
	if (!code)
		code = create_batching(put, error);
	if (!code)
		code = create_tally(put, error);
	if (code) {
		aws_put_destroy(put);
		return code;
	}
	*ret_put = put;
	return 0;
}
