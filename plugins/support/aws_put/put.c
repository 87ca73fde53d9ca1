// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "support/aws/endpoint.h"
#include "support/aws_put/put_internal.h"

#define DEFAULT_LINGER_NS UINT64_C(100000000)
/* With an endpoint of one's own the region is a matter of form. */
#define FORMAL_REGION "us-east-1"

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
	request->composed = call;
	code = put->options.compose(put->options.user, request, &call->body);
	slices = code ? NULL : body_slices(&call->body);
	if (!slices)
		return code ? code : WEIR_ERR_MEMORY;
	request->composed_size = sizeof(*call) + call->body.text_capacity;
	request->http.body = slices;
	request->http.body_count = call->body.count;
	request->http.body_size = call->body.size;
	return digest_slices(slices, call->body.count, call->sha256);
}

static void discard(void *user, struct batching_request *request)
{
	struct put_call *call = request->composed;

	(void)user;
	body_done(&call->body);
	aws_signed_done(&call->signed_headers);
}

/* WEIR_ERR_STATE while the region is not known. */
static int32_t make_url(struct aws_put *put)
{
	const char *endpoint = weir_node_text(put->options.node, "endpoint");
	struct weir_slice region = aws_credentials_region(put->credentials);
	int32_t code = 0;

	pthread_mutex_lock(&put->url_lock);
	if (put->url.size == 0 && region.size)
		endpoint_url(endpoint, put->options.service, region, &put->url);
	if (put->url.failed)
		code = WEIR_ERR_MEMORY;
	else if (put->url.size == 0)
		code = WEIR_ERR_STATE;
	pthread_mutex_unlock(&put->url_lock);
	return code;
}

static int32_t send_request(void *user, struct batching_request *request)
{
	struct aws_put *put = user;
	int32_t code = make_url(put);

	if (code)
		return code;
	request->http.url = text_slice(&put->url);
	request->http.headers = put->headers;
	request->http.header_count = PUT_OWN_HEADERS;
	return put->host->http_send(put->client, &request->http);
}

int32_t aws_put_begin(struct aws_put *put, struct weir_http_request *http)
{
	struct batching_request *request = http->user;
	struct aws_signing signing = {.method = {"POST", 4},
				      .url = http->url,
				      .headers = put->headers,
				      .header_count = PUT_OWN_HEADERS,
				      .service = weir_slice_of(put->options.service)};
	struct put_call *call;
	int32_t code;

	if (aws_credentials_owns(put->credentials, http))
		return 0;
	call = request->composed;
	aws_signed_done(&call->signed_headers);
	signing.body_sha256 = weir_slice_of(call->sha256);
	code = aws_credentials_sign(put->credentials, &signing, &call->signed_headers, NULL);
	if (code)
		return code;
	memcpy(call->headers, put->headers, sizeof(put->headers));
	for (uint32_t i = 0; i < call->signed_headers.count; i++)
		call->headers[PUT_OWN_HEADERS + i] = call->signed_headers.headers[i];
	http->headers = call->headers;
	http->header_count = PUT_OWN_HEADERS + call->signed_headers.count;
	return 0;
}

uint32_t aws_put_done(struct aws_put *put, struct weir_http_request *request,
		      const struct weir_http_response *response)
{
	if (aws_credentials_owns(put->credentials, request))
		return aws_credentials_done(put->credentials, request, response);
	return put_outcome(put, request->user, response);
}

/* ---- the output's functions ---- */

void aws_put_write(struct aws_put *put, const struct weir_delivery_view *delivery)
{
	batching_write(put->batching, delivery);
}

void aws_put_flush(struct aws_put *put)
{
	batching_flush(put->batching);
}

void aws_put_timer(struct aws_put *put, uint32_t id)
{
	batching_timer(put->batching, id);
	aws_credentials_timer(put->credentials, id);
}

int32_t aws_put_start(struct aws_put *put, struct weir_error *error)
{
	return aws_credentials_start(put->credentials, error);
}

void aws_put_stop(struct aws_put *put)
{
	if (!put)
		return;
	aws_credentials_stop(put->credentials);
	if (put->client)
		put->host->http_client_free(put->client);
	put->client = NULL;
}

void aws_put_destroy(struct aws_put *put)
{
	if (!put)
		return;
	aws_put_stop(put);
	batching_destroy(put->batching);
	aws_credentials_destroy(put->credentials);
	for (int i = 0; i < PUT_OWN_HEADERS; i++)
		text_done(&put->header_text[i]);
	text_done(&put->url);
	pthread_mutex_destroy(&put->url_lock);
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
		.in_flight_max = in_flight_max(o),
		.linger_timer = PUT_TIMER_LINGER,
		.retry_timer = PUT_TIMER_RETRY,
		.encode = o->encode,
		.send = send_request,
		.measure = measure,
		.compose = compose,
		.discard = discard,
		.user = put,
	};

	return batching_create(&options, &put->batching, error);
}

static int32_t create_client(struct aws_put *put, struct weir_error *error)
{
	const struct put_options *o = &put->options;
	struct weir_http_client_options options = {0};

	http_options_read_client(o->node, &options);
	options.concurrency_max = in_flight_max(o);
	return o->host->http_client(o->context, &options, &put->client, error);
}

static int32_t create_credentials(struct aws_put *put, struct weir_error *error)
{
	const struct put_options *o = &put->options;
	int overridden = endpoint_is_overridden(weir_node_text(o->node, "endpoint"), o->service);
	const struct aws_credentials_options options = {.host = o->host,
							.context = o->context,
							.node = o->node,
							.timer = PUT_TIMER_CREDENTIALS,
							.fallback_region =
								overridden ? FORMAL_REGION : NULL};

	return aws_credentials_create(&options, &put->credentials, error);
}

static int32_t make_headers(struct aws_put *put, struct weir_error *error)
{
	const char *names[PUT_OWN_HEADERS] = {"Content-Type: ", "X-Amz-Target: "};
	const char *values[PUT_OWN_HEADERS] = {put->options.content_type, put->options.target};

	for (int i = 0; i < PUT_OWN_HEADERS; i++) {
		text_add_string(&put->header_text[i], names[i]);
		text_add_string(&put->header_text[i], values[i]);
		if (put->header_text[i].failed)
			return weir_fail(error, WEIR_ERR_MEMORY, "no memory for headers");
		put->headers[i] = text_slice(&put->header_text[i]);
	}
	return 0;
}

static int32_t check_endpoint(const struct weir_node *node, struct weir_error *error)
{
	const struct weir_node *endpoint = weir_node_find(node, "endpoint");

	return endpoint && endpoint->text.size ? http_options_check_url(endpoint, error) : 0;
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
	pthread_mutex_init(&put->url_lock, NULL);
	put->retried =
		put->host->metric(options->context, WEIR_METRIC_COUNTER, "records_retried_total",
				  "records that the service turned down for the moment");
	put->refused =
		put->host->metric(options->context, WEIR_METRIC_COUNTER, "records_refused_total",
				  "records that the service turned down for good");
	code = check_endpoint(options->node, error);
	if (!code)
		code = make_headers(put, error);
	if (!code)
		code = create_credentials(put, error);
	if (!code)
		code = create_batching(put, error);
	if (!code)
		code = create_client(put, error);
	if (code) {
		aws_put_destroy(put);
		return code;
	}
	*ret_put = put;
	return 0;
}
