// SPDX-License-Identifier: MIT
/* The services table that plugins get: thin calls into the parts of the agent that do the work. */
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secrets.h"
#include "expr/expr.h"
#include "pipeline/pipeline.h"
#include "pipeline/probe.h"
#include "pipeline/rest.h"

static void service_log(struct weir_context *context, uint32_t level, const char *code,
			struct weir_slice text)
{
	log_line(level, context ? context->origin : "plugin", code, "%.*s", (int)text.size,
		 text.data);
}

static int labels_make(const struct weir_context *context, const struct weir_label *labels,
		       uint32_t count, struct buffer *out)
{
	static const char *const kinds[] = {"", "input", "filter", "output"};
	int failed =
		buffer_printf(out, "pipeline=\"%s\",%s=\"%s\"", context->pipeline->config->name,
			      kinds[context->plugin->kind], context->config->name);

	for (uint32_t i = 0; i < count; i++) {
		failed |= buffer_printf(out, ",%.*s=\"", (int)labels[i].name.size,
					labels[i].name.data);
		failed |= metrics_escape_label(out, labels[i].value);
		failed |= buffer_text(out, "\"");
	}
	return failed;
}

static int metric_room(struct weir_context *context)
{
	uint32_t capacity =
		context->plugin_metric_capacity ? 2 * context->plugin_metric_capacity : 16;
	struct weir_metric **metrics;

	if (context->plugin_metric_count < context->plugin_metric_capacity)
		return 1;
	if (context->plugin_metric_count >= STAGE_METRICS)
		return 0;
	metrics = realloc(context->plugin_metrics, capacity * sizeof(struct weir_metric *));
	if (!metrics)
		return 0;
	context->plugin_metrics = metrics;
	context->plugin_metric_capacity = capacity;
	return 1;
}

/* Keeps one reference for the stage. Under deliveries_lock. */
static int metric_keep(struct weir_context *context, struct weir_metric *metric)
{
	for (uint32_t i = 0; i < context->plugin_metric_count; i++)
		if (context->plugin_metrics[i] == metric) { /* another worker's instance has it */
			metrics_remove(context->pipeline->host->metrics, metric);
			return 1;
		}
	if (!metric_room(context))
		return 0;
	context->plugin_metrics[context->plugin_metric_count++] = metric;
	return 1;
}

static struct weir_metric *service_metric_labelled(struct weir_context *context, uint32_t kind,
						   const char *name, const char *help,
						   const struct weir_label *labels, uint32_t count)
{
	struct weir_metric *metric = NULL;
	struct buffer text = {0};
	char full[128];
	int kept;

	snprintf(full, sizeof(full), "weir_%s_%s", context->plugin->name, name);
	if (labels_make(context, labels, count, &text) == 0)
		metric = metrics_add(context->pipeline->host->metrics, kind, full, help,
				     buffer_cstr(&text));
	buffer_done(&text);
	if (!metric)
		return NULL;
	pthread_mutex_lock(&context->deliveries_lock);
	kept = metric_keep(context, metric);
	pthread_mutex_unlock(&context->deliveries_lock);
	if (kept)
		return metric;
	metrics_remove(context->pipeline->host->metrics, metric);
	return NULL;
}

static struct weir_metric *service_metric(struct weir_context *context, uint32_t kind,
					  const char *name, const char *help)
{
	return service_metric_labelled(context, kind, name, help, NULL, 0);
}

static void service_metric_add(struct weir_metric *metric, int64_t amount)
{
	if (!metric)
		return;
	if (metric_kind(metric) == WEIR_METRIC_GAUGE)
		metric_set(metric, amount);
	else if (metric_kind(metric) == WEIR_METRIC_HISTOGRAM)
		metric_observe_ns(metric, (uint64_t)amount);
	else
		metric_add(metric, amount);
}

static void service_random(void *ret_bytes, uint64_t size)
{
	char *at = ret_bytes;

	while (size) {
		ssize_t got = getrandom(at, size, 0);

		if (got > 0) {
			at += got;
			size -= (uint64_t)got;
		}
	}
}

static void state_owner(struct weir_context *context, char *ret_owner, size_t size)
{
	static const char *const kinds[] = {"", "input", "filter", "output"};

	snprintf(ret_owner, size, "%s/%s/%s", context->pipeline->config->id,
		 kinds[context->plugin->kind], context->config->name);
}

static int32_t service_state_set(struct weir_context *context, struct weir_slice key,
				 struct weir_slice value)
{
	char owner[256];

	if (!context->pipeline->host->state)
		return WEIR_ERR_STATE;
	state_owner(context, owner, sizeof(owner));
	return state_put_value(context->pipeline->host->state, owner, key, value);
}

static int64_t service_state_get(struct weir_context *context, struct weir_slice key, void *buffer,
				 uint64_t buffer_size)
{
	char owner[256];

	if (!context->pipeline->host->state)
		return WEIR_ERR_STATE;
	state_owner(context, owner, sizeof(owner));
	return state_get_value(context->pipeline->host->state, owner, key, buffer, buffer_size);
}

static void service_source_forget(struct weir_context *context, const uint8_t id[16])
{
	state_forget_source(context->pipeline->host->state, id);
}

static void service_stateful(struct weir_context *context)
{
	context->stateful = 1;
}

static void service_record_dead(struct weir_context *context, struct weir_batch *view,
				uint32_t record, const char *reason, struct weir_slice text)
{
	if (batch_add_dead(batch_of(view), record, context->config->name, reason, text) < 0)
		pipeline_fail(context->pipeline, "no memory to note a dead letter");
}

static struct weir_claim *service_record_hold(struct weir_context *context, struct weir_batch *view,
					      uint32_t record)
{
	struct weir_claim *claim = flow_hold(batch_of(view), record);

	if (!claim)
		pipeline_fail(context->pipeline, "no memory to hold a record");
	return claim;
}

static int32_t service_batch_begin(struct weir_context *context, struct weir_batch **ret_batch)
{
	struct batch *batch = batch_acquire(&context->pipeline->pool);

	if (!batch)
		return WEIR_ERR_MEMORY;
	batch->pipeline = context->pipeline;
	*ret_batch = &batch->view;
	return 0;
}

static void service_batch_claim(struct weir_batch *view, struct weir_claim *claim)
{
	flow_batch_claim(batch_of(view), claim);
}

static uint32_t service_batch_source(struct weir_batch *view, const struct weir_claim *claim)
{
	return flow_batch_source(batch_of(view), claim);
}

static int32_t service_batch_emit(struct weir_context *context, struct weir_batch *take_batch)
{
	flow_made(context, batch_of(take_batch));
	flow_run(context->pipeline, batch_of(take_batch), context->index + 1);
	return 0;
}

static void service_memory_charge(struct weir_context *context, int64_t bytes)
{
	budget_charge(&context->pipeline->memory->budget, bytes);
	metric_change(context->memory, bytes);
}

static const struct weir_output_settings *service_output_settings(struct weir_context *context)
{
	return &context->settings;
}

static int32_t service_encode(struct weir_delivery *delivery, const struct weir_encode_spec *spec,
			      const struct weir_encoding **ret_encoding)
{
	return batch_encode(delivery->batch, spec, delivery->output->pipeline->host->host_name,
			    ret_encoding);
}

/* ---- HTTP ---- */

/* What was refused is told, and a server may repeat in it what it was sent. */
static void mask_refusal(const struct weir_http_response *response)
{
	if (response->advice != WEIR_HTTP_OK && response->body.size)
		secrets_mask((char *)(uintptr_t)response->body.data, response->body.size);
}

static uint32_t http_owner_done(void *user, struct weir_http_request *request,
				const struct weir_http_response *response)
{
	struct weir_context *stage = user;
	uint32_t next = WEIR_HTTP_FINISHED;
	struct call call;

	mask_refusal(response);
	pthread_mutex_lock(&stage->lock);
	call = call_begin(stage);
	next = stage->plugin->output->http_done(stage->instances[0], request, response);
	call_end(stage, call);
	pthread_mutex_unlock(&stage->lock);
	return next;
}

/* Without the stage's lock: a send from within http_done() may come straight here. */
static int32_t http_owner_begin(void *user, struct weir_http_request *request)
{
	const struct weir_context *stage = user;

	return stage->plugin->output->http_begin(stage->instances[0], request);
}

static void http_owner_log(void *user, uint32_t level, const char *code, const char *text)
{
	const struct weir_context *stage = user;

	log_line(level, stage->origin, code, "%s", text);
}

static void http_owner_stalled(void *user, const char *why)
{
	services_of(user)->output_stalled(user, weir_slice_of(why));
}

static const struct http_module *http_module(struct weir_context *context, struct http **ret_http,
					     struct weir_error *error)
{
	struct pipeline_host *host = context->pipeline->host;
	const struct http_module *module;

	return host->http(host->user, &module, ret_http, error) < 0 ? NULL : module;
}

static int32_t service_http_client(struct weir_context *context,
				   const struct weir_http_client_options *options,
				   struct weir_http_client **ret_client, struct weir_error *error)
{
	const struct http_owner owner = {
		.done = http_owner_done,
		.log = http_owner_log,
		.stalled = http_owner_stalled,
		.user = context,
		.requests = context->requests,
		.retries = context->retries,
		.in_flight = context->http_in_flight,
		.bytes = context->http_bytes,
		.latency = context->latency,
		.memory_bytes = (uint64_t)context->pipeline->memory->budget.hard,
		.begin = STAGE_OP(context->plugin->output, http_begin) ? http_owner_begin : NULL};
	struct weir_http_client_options with_retry;
	struct http_owner theirs = owner;
	struct http *http;
	const struct http_module *module;

	if (context->plugin->kind != WEIR_OUTPUT || !STAGE_OP(context->plugin->output, http_done))
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "only outputs with http_done() may use the HTTP service");
	module = http_module(context, &http, error);
	if (!module)
		return WEIR_ERR_NOT_FOUND;
	memset(&with_retry, 0, sizeof(with_retry));
	memcpy(&with_retry, options,
	       options->struct_size < sizeof(with_retry) ? options->struct_size
							 : sizeof(with_retry));
	with_retry.struct_size = sizeof(with_retry);
	if (context->config->retry_min_ns)
		with_retry.backoff_min_ns = context->config->retry_min_ns;
	if (context->config->retry_max_ns)
		with_retry.backoff_max_ns = context->config->retry_max_ns;
	if (with_retry.awaited)
		theirs.pending = &context->last_words;
	return module->client(http, &theirs, &with_retry, ret_client, error);
}

/* The module is loaded whenever a client exists, so these cannot fail to find it. */
static const struct http_module *loaded_module;

static int32_t service_http_send(struct weir_http_client *client, struct weir_http_request *request)
{
	return loaded_module->send(client, request);
}

static uint32_t service_http_pending(struct weir_http_client *client)
{
	return loaded_module->pending(client);
}

static int32_t service_http_recall(struct weir_http_client *client,
				   struct weir_http_request *request)
{
	return loaded_module->recall(client, request);
}

static void service_http_client_free(struct weir_http_client *client)
{
	if (client)
		loaded_module->client_free(client);
}

const struct weir_services *services_of(const struct weir_context *stage)
{
	const struct weir_services *own = stage->pipeline->host->services;

	return own ? own : &pipeline_services;
}

void services_set_http(const struct http_module *module)
{
	loaded_module = module;
}

const struct weir_services pipeline_services = {
	.struct_size = sizeof(struct weir_services),
	.abi_major = WEIR_ABI_MAJOR,
	.abi_minor = WEIR_ABI_MINOR,
	.log = service_log,
	.metric = service_metric,
	.metric_add = service_metric_add,
	.wall_ns = clock_wall_ns,
	.monotonic_ns = clock_monotonic_ns,
	.random = service_random,
	.timer_set = stage_timer_set,
	.state_set = service_state_set,
	.state_get = service_state_get,
	.source_known = source_known,
	.source_adopt = source_adopt,
	.source_open = source_open,
	.source_update = source_update,
	.source_ready = source_ready,
	.source_lag = source_lag,
	.source_forget = service_source_forget,
	.batch_reserve = batch_reserve,
	.batch_shape = batch_shape,
	.stateful = service_stateful,
	.record_dead = service_record_dead,
	.record_hold = service_record_hold,
	.claim_ref = flow_claim_ref,
	.claim_release = flow_claim_release,
	.batch_begin = service_batch_begin,
	.batch_claim = service_batch_claim,
	.batch_source = service_batch_source,
	.batch_emit = service_batch_emit,
	.memory_charge = service_memory_charge,
	.output_settings = service_output_settings,
	.outcome = delivery_outcome,
	.encode = service_encode,
	.output_stalled = stage_stalled,
	.expr_compile = expr_compile,
	.expr_select = expr_select,
	.expr_text = expr_text,
	.expr_free = expr_free,
	.http_client = service_http_client,
	.http_send = service_http_send,
	.http_pending = service_http_pending,
	.http_client_free = service_http_client_free,
	.expr_value = expr_value,
	.metric_labelled = service_metric_labelled,
	.output_full = stage_full,
	.http_recall = service_http_recall,
	.probe_done = probe_stage_done,
	.read_at_once = rest_forgo,
};
