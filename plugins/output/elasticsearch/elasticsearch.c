// SPDX-License-Identifier: MIT
/*
 * The elasticsearch output, for Elasticsearch and OpenSearch: `_bulk`, with an outcome per record.
 *
 *   write() ──▶ batching ──▶ body ──▶ a node ──▶ verdict: per record delivered, dead, or once more
 *
 *   - A request that was accepted is judged item by item; see verdict.c.
 *   - 413: halved, down to the one record that is too large. Other refusals of a whole request too,
 *     where one record may be to blame.
 *   - Statuses that speak of the endpoint, redirects and credentials: held, with an alarm, unless
 *     another node does better.
 *   - All else is tried again, for ever or for record_ttl, on the next node.
 *
 * write() may run on several workers at once: what they share is in batching and in the action's
 * lock. Nodes and answers belong to the loop's thread.
 */
#include "elasticsearch.h"

#include <stdlib.h>

#include "body.h"

#define TIMER_LINGER 0
#define TIMER_RETRY 1
#define TIMER_CREDENTIALS 2
#define TIMER_EXPIRY 3
#define DEFAULT_LINGER_NS UINT64_C(1000000000)
/* Of the server's answer, in the dead letter. */
#define EXCERPT 300

/* ---- requests ---- */

static uint64_t measure(void *user, const struct batching_record *record,
			struct batching_refusal *ret_refusal)
{
	return body_measure(&((struct output *)user)->options.action, record, ret_refusal);
}

/* What goes with a body: request->composed. */
struct call {
	struct body_text text;
	struct signature signature;
};

static int32_t compose(void *user, struct batching_request *request)
{
	struct output *output = user;
	struct call *call = calloc(1, sizeof(*call));
	int32_t code;

	if (!call)
		return WEIR_ERR_MEMORY;
	request->composed = call;
	code = body_compose(&output->options.action, request, &call->text);
	if (!code && output->options.gzip)
		code = body_compress(request, &call->text);
	if (!code && output->signer.credentials)
		code = signature_hash(&call->signature, &request->http);
	request->composed_size = code ? 0 : sizeof(*call) + call->text.capacity;
	return code;
}

static void discard(void *user, struct batching_request *request)
{
	struct call *call = request->composed;

	(void)user;
	free(call->text.data);
	signature_done(&call->signature);
}

static int32_t send_request(void *user, struct batching_request *request)
{
	struct output *output = user;

	request->http.url = output->nodes.list[0].url; /* until http_begin() picks one */
	request->http.headers = output->options.headers.items;
	request->http.header_count = output->options.headers.count;
	return output->host->http_send(output->client, &request->http);
}

/* By the expiry timer, which is the loop's as well. */
static int32_t recall_request(void *user, struct batching_request *request)
{
	struct output *output = user;
	int32_t code = output->host->http_recall(output->client, &request->http);

	if (!code)
		verdict_let_go(output, request);
	return code;
}

static int32_t http_begin(void *instance, struct weir_http_request *request)
{
	struct output *output = instance;

	struct batching_request *batch;

	if (es_probe_owns(&output->probe, request))
		return es_probe_http_begin(output, request);
	if (!output->signer.credentials) {
		request->url = nodes_pick(&output->nodes)->url;
		return WEIR_OK;
	}
	if (aws_credentials_owns(output->signer.credentials, request))
		return WEIR_OK;
	batch = request->user;
	request->url = nodes_pick(&output->nodes)->url;
	return signature_make(&((struct call *)batch->composed)->signature, &output->signer,
			      request);
}

/* ---- answers ---- */

static void refuse(struct output *output, struct batching_request *request,
		   const struct weir_http_response *response)
{
	int excerpt = response->body.size < EXCERPT ? (int)response->body.size : EXCERPT;
	char text[EXCERPT + 64];
	int size;

	nodes_worked(&output->nodes, nodes_of(&output->nodes, request->http.url));
	verdict_let_go(output, request);
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

static int speaks_of_cluster(const struct weir_http_response *response)
{
	static const char block[] = "cluster_block_exception";

	return response->body.size &&
	       memmem(response->body.data, response->body.size, block, sizeof(block) - 1) != NULL;
}

/* The node cannot be reached, is no node, or does not let us in. */
static int is_about_node(const struct weir_http_response *response)
{
	return response->status == 0 || response->status == 502 || response->status == 503 ||
	       response->status == 504 || response->advice == WEIR_HTTP_HOLD ||
	       http_status_is_about_the_endpoint(response->status);
}

/* The keys may have expired, or our clock be wrong. */
static uint32_t turned_away(struct output *output, const struct weir_http_response *response)
{
	struct aws_error failure;

	aws_error_read(response, &failure);
	return aws_credentials_refused(output->signer.credentials, response, &failure);
}

/* Nothing is known of the records: they are all sent again. */
static uint32_t try_again(struct output *output, struct batching_request *request,
			  const struct weir_http_response *response)
{
	struct node *node = nodes_of(&output->nodes, request->http.url);
	int transient = response->advice == WEIR_HTTP_TRANSIENT || speaks_of_cluster(response);

	output->host->metric_add(output->retried, request->records);
	if (speaks_of_cluster(response))
		verdict_hold(output, request, response->body);
	if (is_about_node(response) && !speaks_of_cluster(response))
		nodes_failed(&output->nodes, node, response->elapsed_ns, response->error);
	else if (response->status == 429) /* busy, and alive */
		nodes_worked(&output->nodes, node);
	if (output->signer.credentials && !transient && response->status >= 400)
		return turned_away(output, response);
	return transient || nodes_has_other(&output->nodes, node) ? WEIR_HTTP_TRY_AGAIN
								  : WEIR_HTTP_TRY_SLOWLY;
}

/* Of what is to be tried again, what is older than record_ttl is not. A request that is gone by then is known by its
 * address only. */
static uint32_t while_it_may(struct output *output, struct batching_request *request,
			     uint32_t answer)
{
	uint32_t next = batching_again(output->batching, request, answer);

	if (next == WEIR_HTTP_FINISHED && answer != next)
		verdict_let_go(output, request);
	return next;
}

static uint32_t credentials_done(struct output *output, struct weir_http_request *http,
				 const struct weir_http_response *response)
{
	uint32_t next = aws_credentials_done(output->signer.credentials, http, response);

	es_probe_go_on(output);
	return next;
}

static uint32_t http_done(void *instance, struct weir_http_request *http,
			  const struct weir_http_response *response)
{
	struct output *output = instance;
	struct batching_request *request;

	if (output->signer.credentials && aws_credentials_owns(output->signer.credentials, http))
		return credentials_done(output, http, response);
	if (es_probe_owns(&output->probe, http))
		return es_probe_http_done(output, http, response);
	request = http->user;
	if (http_may_repeat(response) && output->options.action.no_id)
		output->host->metric_add(output->possible_duplicates, request->records);
	if (response->advice == WEIR_HTTP_OK)
		return while_it_may(output, request, verdict_reach(output, request, response));
	if (response->advice == WEIR_HTTP_TRANSIENT || response->advice == WEIR_HTTP_HOLD ||
	    is_about_node(response))
		return while_it_may(output, request, try_again(output, request, response));
	refuse(output, request, response);
	return WEIR_HTTP_FINISHED;
}

/* ---- the rest of the plugin ---- */

static void es_write(void *instance, const struct weir_delivery_view *delivery)
{
	batching_write(((struct output *)instance)->batching, delivery);
}

static void es_flush(void *instance, uint32_t why)
{
	(void)why;
	batching_flush(((struct output *)instance)->batching);
}

static void es_timer(void *instance, uint32_t id)
{
	struct output *output = instance;

	batching_timer(output->batching, id);
	if (!output->signer.credentials)
		return;
	aws_credentials_timer(output->signer.credentials, id);
	es_probe_go_on(output);
}

static int32_t es_start(void *instance, struct weir_error *error)
{
	struct output *output = instance;

	return output->signer.credentials ? aws_credentials_start(output->signer.credentials, error)
					  : WEIR_OK;
}

static void es_stop(void *instance)
{
	struct output *output = instance;

	if (output->signer.credentials)
		aws_credentials_stop(output->signer.credentials);
	if (output->client)
		output->host->http_client_free(output->client);
	output->client = NULL;
}

static void es_destroy(void *instance)
{
	struct output *output = instance;

	if (!output)
		return;
	es_stop(output);
	batching_destroy(output->batching);
	aws_credentials_destroy(output->signer.credentials);
	bulk_answer_destroy(output->answer);
	es_probe_done(&output->probe);
	nodes_destroy(&output->nodes);
	options_done(&output->options);
	free(output->fates);
	free(output->texts);
	free(output->held);
	free(output);
}

static void register_metrics(struct output *output)
{
	static const struct {
		size_t offset;
		const char *name, *help;
	} metrics[] = {
		{offsetof(struct output, replays), "replays_total",
		 "Records that the index had already"},
		{offsetof(struct output, retried), "retried_records_total",
		 "Records sent again, once for each time"},
		{offsetof(struct output, unusable), "unusable_answers_total",
		 "Answers that did not say what became of each record"},
		{offsetof(struct output, possible_duplicates), "possible_duplicates_total",
		 "Records without an id that were sent twice although they may have been stored"},
	};

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		*(struct weir_metric **)(void *)((char *)output + metrics[i].offset) =
			output->host->metric(output->context, WEIR_METRIC_COUNTER, metrics[i].name,
					     metrics[i].help);
}

static int32_t create_batching(struct output *output, const struct weir_output_settings *settings,
			       struct weir_error *error)
{
	const struct options *o = &output->options;
	const struct batching_options options = {
		.host = output->host,
		.context = output->context,
		.records_max = o->batch_records,
		.bytes_max = o->batch_bytes,
		.linger_ns = settings->linger_ns == WEIR_TIMER_OFF ? DEFAULT_LINGER_NS
								   : settings->linger_ns,
		.ttl_ns = o->ttl_ns,
		.in_flight_max = o->concurrency,
		.linger_timer = TIMER_LINGER,
		.retry_timer = TIMER_RETRY,
		.expiry_timer = TIMER_EXPIRY,
		.encode = &o->encoding.spec,
		.send = send_request,
		.recall = recall_request,
		.user = output,
		.measure = measure,
		.compose = compose,
		.discard = discard,
	};

	return batching_create(&options, &output->batching, error);
}

static int32_t create_signer(struct output *output, struct weir_error *error)
{
	const struct aws_credentials_options options = {.host = output->host,
							.context = output->context,
							.node = output->options.aws,
							.timer = TIMER_CREDENTIALS};

	if (!options.node)
		return WEIR_OK;
	return signer_create(&output->signer, &options, &output->options.headers, error);
}

static int32_t create_parts(struct output *output, const struct weir_node *nodes,
			    struct weir_error *error)
{
	const struct weir_output_settings *settings =
		output->host->output_settings(output->context);
	int32_t code = options_read(output->host, nodes, &output->options, error);

	if (code)
		return code;
	if (settings->strict)
		output->options.concurrency = 1;
	output->options.client.concurrency_max = output->options.concurrency;
	register_metrics(output);
	output->answer = bulk_answer_create();
	output->held = calloc(output->options.concurrency, sizeof(*output->held));
	if (!output->answer || !output->held)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the elasticsearch output");
	code = nodes_create(&output->nodes, output->host, output->context, output->options.urls,
			    output->options.path, error);
	if (!code)
		code = create_signer(output, error);
	if (!code)
		code = create_batching(output, settings, error);
	if (!code)
		code = output->host->http_client(output->context, &output->options.client,
						 &output->client, error);
	return code;
}

static int32_t es_create(const struct weir_services *host, struct weir_context *context,
			 const struct weir_node *options, void **ret_instance,
			 struct weir_error *error)
{
	struct output *output = calloc(1, sizeof(*output));
	int32_t code;

	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the elasticsearch output");
	output->host = host;
	output->context = context;
	code = create_parts(output, options, error);
	if (code)
		es_destroy(output);
	else
		*ret_instance = output;
	return code;
}

/* One node that answers is enough: the others are put aside until they do. */
static int32_t es_check(void *instance, struct weir_error *ret_warning)
{
	const struct output *output = instance;
	const struct weir_node *urls = output->options.urls;
	int32_t status = WEIR_OK;

	for (uint32_t i = 0; i < urls->count; i++) {
		status = http_options_answers(urls->items[i]->text.data, &output->options.client,
					      ret_warning);
		if (status == WEIR_OK)
			return WEIR_OK;
	}
	return status;
}

static int32_t es_probe(void *instance, struct weir_error *error)
{
	return es_probe_begin(instance, error);
}

static void es_fields(void *instance, struct weir_fields *fields)
{
	options_fields(&((const struct output *)instance)->options, fields);
}

static const struct weir_output_ops ops = {
	.struct_size = sizeof(ops),
	.create = es_create,
	.start = es_start,
	.stop = es_stop,
	.destroy = es_destroy,
	.write = es_write,
	.flush = es_flush,
	.timer = es_timer,
	.http_done = http_done,
	.http_begin = http_begin,
	.check = es_check,
	.fields = es_fields,
	.probe = es_probe,
};

static const struct weir_plugin elasticsearch_plugin = {
	.struct_size = sizeof(elasticsearch_plugin),
	.kind = WEIR_OUTPUT,
	.flags = WEIR_PLUGIN_CONCURRENT,
	.name = "elasticsearch",
	.version = WEIR_VERSION,
	.summary = "Stores records in Elasticsearch or OpenSearch, by the bulk API",
	.options = elasticsearch_options,
	.output = &ops,
};

static const struct weir_plugin *const all[] = {&elasticsearch_plugin};
WEIR_PLUGINS(all);
