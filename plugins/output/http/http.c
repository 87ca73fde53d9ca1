// SPDX-License-Identifier: MIT
/*
 * The http output: NDJSON, a JSON array or raw lines to any endpoint.
 *
 *   - 2xx: delivered. The answer's body is not looked at.
 *   - 413, 400, 422 and their like: one record may be to blame, so the request is halved until that
 *     one is alone; only it goes to the dead letter, with what the server said.
 *   - Redirects and statuses that speak of the endpoint rather than of the records: tried again
 *     slowly, with an alarm, as are 401, 403, 404 and certificates.
 *   - All else is tried again, for ever or for record_ttl.
 *
 * write() may run on several workers at once: all shared state is in batching, which locks.
 */
#include <stdlib.h>

#include <weir/plugin.h>

#include "options.h"
#include "support/batching/batching.h"

#define TIMER_LINGER 0
#define TIMER_RETRY 1
#define TIMER_EXPIRY 2
#define DEFAULT_LINGER_NS UINT64_C(1000000000)
/* Of the server's answer, in the dead letter. */
#define EXCERPT 200

struct http_output {
	const struct weir_services *host;
	struct weir_context *context;
	struct http_options options;
	struct weir_http_client *client;
	struct batching *batching;
	struct weir_http_request probe; /* of `weir check --online` */
	struct weir_metric *repeated;
};

static void refuse(struct http_output *output, struct batching_request *request,
		   const struct weir_http_response *response)
{
	int excerpt = response->body.size < EXCERPT ? (int)response->body.size : EXCERPT;
	char text[EXCERPT + 64];
	int size;

	if (request->records > 1) {
		batching_split(output->batching, request);
		return;
	}
	size = snprintf(text, sizeof(text), "the server answered %u%s%.*s", response->status,
			excerpt ? ": " : "", excerpt,
			response->body.data ? response->body.data : "");
	batching_dead(output->batching, request,
		      response->advice == WEIR_HTTP_TOO_LARGE ? "too_large" : "refused",
		      (struct weir_slice){text, size < 0 ? 0 : (size_t)size});
}

static uint32_t probe_done(struct http_output *output, const struct weir_http_response *response)
{
	struct weir_error finding = {0};
	int32_t code = http_probe_judge(&output->probe, response, &finding);

	output->host->probe_done(output->context, code ? &finding : NULL);
	return WEIR_HTTP_FINISHED;
}

static uint32_t judge(struct http_output *output, struct batching_request *request,
		      const struct weir_http_response *response)
{
	switch (response->advice) {
	case WEIR_HTTP_OK:
		batching_delivered(output->batching, request);
		return WEIR_HTTP_FINISHED;
	case WEIR_HTTP_TRANSIENT:
		return WEIR_HTTP_TRY_AGAIN;
	case WEIR_HTTP_HOLD:
		return WEIR_HTTP_TRY_SLOWLY;
	}
	if (http_status_is_about_the_endpoint(response->status))
		return WEIR_HTTP_TRY_SLOWLY;
	refuse(output, request, response);
	return WEIR_HTTP_FINISHED;
}

static uint32_t http_done(void *instance, struct weir_http_request *http,
			  const struct weir_http_response *response)
{
	struct http_output *output = instance;
	struct batching_request *request = http->user;

	if (http == &output->probe)
		return probe_done(output, response);
	if (http_may_repeat(response))
		output->host->metric_add(output->repeated, request->records);
	return batching_again(output->batching, request, judge(output, request, response));
}

static int32_t send_request(void *user, struct batching_request *request)
{
	struct http_output *output = user;

	request->http.flags = output->options.compression;
	request->http.method = output->options.method;
	request->http.url = output->options.url;
	request->http.headers = output->options.headers.items;
	request->http.header_count = output->options.headers.count;
	return output->host->http_send(output->client, &request->http);
}

static int32_t recall_request(void *user, struct batching_request *request)
{
	struct http_output *output = user;

	return output->host->http_recall(output->client, &request->http);
}

static void http_write(void *instance, const struct weir_delivery_view *delivery)
{
	batching_write(((struct http_output *)instance)->batching, delivery);
}

static void http_flush(void *instance, uint32_t why)
{
	(void)why;
	batching_flush(((struct http_output *)instance)->batching);
}

static void http_timer(void *instance, uint32_t id)
{
	batching_timer(((struct http_output *)instance)->batching, id);
}

static void http_stop(void *instance)
{
	struct http_output *output = instance;

	if (output->client)
		output->host->http_client_free(output->client);
	output->client = NULL;
}

static void http_destroy(void *instance)
{
	struct http_output *output = instance;

	if (!output)
		return;
	http_stop(output);
	batching_destroy(output->batching);
	http_options_done(&output->options);
	free(output);
}

static int32_t create_batching(struct http_output *output,
			       const struct weir_output_settings *settings,
			       struct weir_error *error)
{
	const struct http_options *o = &output->options;
	struct batching_options options = {
		.host = output->host,
		.context = output->context,
		.records_max = o->batch_records,
		.bytes_max = o->batch_bytes,
		.linger_ns = settings->linger_ns == WEIR_TIMER_OFF ? DEFAULT_LINGER_NS
								   : settings->linger_ns,
		.ttl_ns = o->ttl_ns,
		.in_flight_max = o->client.concurrency_max,
		.linger_timer = TIMER_LINGER,
		.retry_timer = TIMER_RETRY,
		.expiry_timer = TIMER_EXPIRY,
		.encode = o->lines ? NULL : &o->encoding.spec,
		.send = send_request,
		.recall = recall_request,
		.user = output,
	};

	if (o->array) {
		options.prefix = weir_slice_of("[");
		options.separator = weir_slice_of(",");
		options.suffix = weir_slice_of("]");
	}
	return batching_create(&options, &output->batching, error);
}

static int32_t http_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	const struct weir_output_settings *settings = host->output_settings(context);
	struct http_output *output = calloc(1, sizeof(*output));
	int32_t code;

	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the http output");
	output->host = host;
	output->context = context;
	output->repeated = host->metric(context, WEIR_METRIC_COUNTER, "records_repeated_total",
					"records sent again though they may have arrived");
	code = http_options_read(options, &output->options, error);
	if (code)
		goto out;
	output->options.client.concurrency_max = settings->strict ? 1 : output->options.concurrency;
	code = create_batching(output, settings, error);
	if (code)
		goto out;
	code = host->http_client(context, &output->options.client, &output->client, error);
	if (code)
		goto out;
	*ret_instance = output;
	return WEIR_OK;
out:
	http_destroy(output);
	return code;
}

static int32_t http_check(void *instance, struct weir_error *ret_warning)
{
	const struct http_output *output = instance;

	return http_options_answers(output->options.url.data, &output->options.client, ret_warning);
}

/* Asks for nothing but the head: a POST would be a record. */
static int32_t http_probe(void *instance, struct weir_error *error)
{
	struct http_output *output = instance;

	output->probe = (struct weir_http_request){.struct_size = sizeof(output->probe),
						   .method = weir_slice_of("HEAD"),
						   .url = output->options.url,
						   .headers = output->options.headers.items,
						   .header_count = output->options.headers.count};
	if (output->host->http_send(output->client, &output->probe))
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a request");
	return WEIR_OK;
}

static void http_fields(void *instance, struct weir_fields *fields)
{
	encoding_options_fields(&((const struct http_output *)instance)->options.encoding, fields);
}

static const struct weir_output_ops ops = {
	.struct_size = sizeof(ops),
	.create = http_create,
	.stop = http_stop,
	.destroy = http_destroy,
	.write = http_write,
	.flush = http_flush,
	.timer = http_timer,
	.http_done = http_done,
	.check = http_check,
	.fields = http_fields,
	.probe = http_probe,
};

static const struct weir_plugin http_plugin = {
	.struct_size = sizeof(http_plugin),
	.kind = WEIR_OUTPUT,
	.flags = WEIR_PLUGIN_CONCURRENT,
	.name = "http",
	.version = WEIR_VERSION,
	.summary = "Sends records to an HTTP endpoint as NDJSON, JSON arrays or raw lines",
	.options = http_option_list,
	.output = &ops,
	.short_option = "url",
};

static const struct weir_plugin *const all[] = {&http_plugin};
WEIR_PLUGINS(all);
