// SPDX-License-Identifier: MIT
#include "support/cloudwatch/cloudwatch.h"

#include <stdlib.h>

#include "support/aws/error.h"

#define DEFAULT_INTERVAL_NS INT64_C(60000000000)
#define DEFAULT_NAMESPACE "Weir"
/* As it is signed. Its endpoint goes by another name. */
#define SERVICE "monitoring"
#define ENDPOINT_VARIABLE "AWS_ENDPOINT_URL_CLOUDWATCH"
/* Namespaces of AWS's own services; nobody else may put anything there. */
#define RESERVED_NAMESPACE "AWS/"

struct cloudwatch {
	const struct weir_services *host;
	struct weir_context *context;
	uint32_t timer;
	uint64_t interval_ns;
	struct aws_service *service;
	struct aws_operation put_metric_data;
	struct series_set series;
	struct weir_metric *calls, *failures;

	/* The one call. */
	struct weir_http_request http;
	struct aws_call call;
	struct text body;
	struct weir_slice slice;
	uint32_t next; /* series that this round has not come to */
	int is_under_way;
	int is_ending, is_over; /* the last ones go; no more are sent */
};

const struct weir_option cloudwatch_members[] = {
	HTTP_OPTION("enabled", WEIR_TYPE_BOOL, "true", "whether to send metrics"),
	HTTP_OPTION("namespace", WEIR_TYPE_STRING, DEFAULT_NAMESPACE, "namespace of the metrics"),
	HTTP_OPTION("interval", WEIR_TYPE_DURATION, "60s", "time between two calls",
		    .min = INT64_C(1000000000), .max = HTTP_OPTION_HOUR),
	HTTP_OPTION("level", WEIR_TYPE_STRING, "detailed",
		    "detailed: all metrics; summary: records put, errors, expiry and buffering",
		    .values = "detailed|summary"),
	HTTP_OPTION("granularity", WEIR_TYPE_STRING, "shard",
		    "shard: all together, by stream, and by stream and shard; stream, global: less",
		    .values = "shard|stream|global"),
	HTTP_OPTION("dimensions", WEIR_TYPE_MAP, NULL, "dimensions to add to every metric",
		    .element = WEIR_TYPE_STRING),
	HTTP_OPTION("endpoint", WEIR_TYPE_STRING, NULL,
		    "URL of CloudWatch; none given: AWS's own in the region"),
	WEIR_OPTION_END};

/* ---- a call ---- */

static void tell(struct cloudwatch *c, const char *code, const char *text)
{
	c->host->metric_add(c->failures, 1);
	weir_logf(c->host, c->context, WEIR_LOG_WARNING, "cloudwatch_failed",
		  "metrics were not taken by CloudWatch (%s: %s); they go with the next ones", code,
		  text);
}

static int32_t send_body(struct cloudwatch *c)
{
	int32_t code;

	c->slice = text_slice(&c->body);
	c->http.body = &c->slice;
	c->http.body_count = 1;
	c->http.body_size = c->slice.size;
	c->http.attempt = 0;
	code = aws_call_digest(&c->call, &c->slice, 1);
	return code ? code : aws_service_send(c->service, &c->http, &c->call);
}

/* The next call of this round, unless one is under way or nothing is left. */
static void send_next(struct cloudwatch *c)
{
	int32_t count;

	if (c->is_under_way || c->is_over)
		return;
	text_done(&c->body);
	count = series_compose(&c->series, &c->next, &c->body);
	if (count == 0)
		c->next = 0;
	if (count < 0)
		tell(c, "memory", "there is none for a call");
	if (count <= 0)
		return;
	c->is_under_way = 1;
	if (send_body(c) == 0)
		return;
	c->is_under_way = 0;
	c->next = 0;
	series_settle(&c->series, 0);
	tell(c, "not sent", "the region is not known yet, or there is no memory");
}

int32_t cloudwatch_begin(struct cloudwatch *c, struct weir_http_request *http)
{
	return aws_service_begin(c->service, http, &c->call);
}

/* Credentials and clock are left to the output's own calls: these need them as much. */
uint32_t cloudwatch_done(struct cloudwatch *c, const struct weir_http_response *response)
{
	int was_taken = response->advice == WEIR_HTTP_OK;
	struct aws_error failure;

	c->host->metric_add(c->calls, 1);
	series_settle(&c->series, was_taken);
	c->is_under_way = 0;
	if (was_taken) {
		send_next(c);
		if (c->is_ending) /* what has gathered meanwhile, in what had been looked at */
			send_next(c);
		return WEIR_HTTP_FINISHED;
	}
	c->next = 0;
	aws_error_read(response, &failure);
	tell(c, *failure.code ? failure.code : "error", failure.text);
	return WEIR_HTTP_FINISHED;
}

int cloudwatch_owns(const struct cloudwatch *c, const struct weir_http_request *http)
{
	return c && http == &c->http;
}

/* ---- when ---- */

void cloudwatch_flush(struct cloudwatch *c, uint32_t why)
{
	if (!c || why != WEIR_FLUSH_LAST)
		return;
	c->is_ending = 1;
	c->host->timer_set(c->context, c->timer, CLOUDWATCH_END_NS);
	send_next(c);
}

static void give_up(struct cloudwatch *c)
{
	c->is_over = 1;
	if (c->is_under_way) {
		c->host->metric_add(c->failures, 1);
		weir_logf(c->host, c->context, WEIR_LOG_WARNING, "cloudwatch_failed",
			  "CloudWatch has not answered: the last metrics are given up");
	}
	aws_service_stop(c->service);
}

void cloudwatch_timer(struct cloudwatch *c, uint32_t id)
{
	if (!c || id != c->timer)
		return;
	if (c->is_ending) {
		give_up(c);
		return;
	}
	send_next(c);
	c->host->timer_set(c->context, c->timer, c->interval_ns);
}

void cloudwatch_start(struct cloudwatch *c)
{
	if (c)
		c->host->timer_set(c->context, c->timer, c->interval_ns);
}

void cloudwatch_stop(struct cloudwatch *c)
{
	if (!c)
		return;
	c->host->timer_set(c->context, c->timer, WEIR_TIMER_OFF);
	aws_service_stop(c->service);
}

/* ---- figures ---- */

struct cloudwatch_series *cloudwatch_series(struct cloudwatch *c,
					    const struct cloudwatch_metric *metric,
					    const struct cloudwatch_dimension *dimensions,
					    uint32_t count)
{
	return c ? series_find(&c->series, metric, dimensions, count) : NULL;
}

void cloudwatch_add_all(struct cloudwatch *c, struct cloudwatch_series *series,
			const struct statistics *statistics)
{
	if (c && series)
		series_add(&c->series, series, statistics);
}

void cloudwatch_add(struct cloudwatch *c, struct cloudwatch_series *series, int64_t value)
{
	struct statistics one = {0};

	statistics_add(&one, value);
	cloudwatch_add_all(c, series, &one);
}

/* ---- create ---- */

void cloudwatch_destroy(struct cloudwatch *c)
{
	if (!c)
		return;
	aws_service_destroy(c->service);
	aws_operation_done(&c->put_metric_data);
	aws_call_done(&c->call);
	text_done(&c->body);
	series_set_done(&c->series);
	free(c);
}

static int is_ascii(struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return 0;
	return text.size > 0;
}

static int32_t check_namespace(const struct weir_node *node, struct weir_error *error)
{
	if (!node)
		return 0;
	if (!is_ascii(node->text) || node->text.size > CLOUDWATCH_NAMESPACE_MAX ||
	    node->text.data[0] == ':')
		return http_options_fail_at(node,
					    "a namespace has 1 to 255 characters of ASCII and does "
					    "not begin with a colon",
					    error);
	if (strncmp(node->text.data, RESERVED_NAMESPACE, strlen(RESERVED_NAMESPACE)) == 0)
		return http_options_fail_at(
			node, "namespaces that begin with AWS/ are those of AWS's services", error);
	return 0;
}

static int32_t read_dimensions(struct cloudwatch *c, const struct weir_node *map,
			       struct weir_error *error)
{
	int32_t code = 0;

	if (map && map->count > CLOUDWATCH_DIMENSIONS_USER)
		return http_options_fail_at(
			map,
			"a metric has 30 dimensions at most, three of which are StreamName, "
			"ShardId and ErrorCode",
			error);
	for (uint32_t i = 0; map && i < map->count && !code; i++) {
		struct weir_slice name = map->keys[i], value = map->items[i]->text;

		if (!is_ascii(name) || name.size > CLOUDWATCH_DIMENSION_NAME_MAX ||
		    name.data[0] == ':' || !is_ascii(value) ||
		    value.size > CLOUDWATCH_DIMENSION_VALUE_MAX)
			return http_options_fail_at(
				map->items[i],
				"a dimension has a name of 1 to 255 characters of ASCII that does "
				"not begin with a colon, and a value of 1 to 1024",
				error);
		code = series_set_common(&c->series, name, value);
	}
	return code ? weir_fail(error, code, "no memory for dimensions") : 0;
}

static int32_t read_options(struct cloudwatch *c, const struct weir_node *node,
			    struct weir_error *error)
{
	const char *namespace = weir_node_text(node, "namespace");
	const char *level = weir_node_text(node, "level");
	const char *granularity = weir_node_text(node, "granularity");
	int32_t code;

	if (series_set_init(&c->series, namespace ? namespace : DEFAULT_NAMESPACE))
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for metrics");
	code = check_namespace(weir_node_find(node, "namespace"), error);
	if (code)
		return code;
	c->interval_ns = (uint64_t)weir_node_int(node, "interval", DEFAULT_INTERVAL_NS);
	c->series.is_summary = level && strcmp(level, "summary") == 0;
	c->series.granularity = CLOUDWATCH_OF_SHARD;
	if (granularity && strcmp(granularity, "shard") != 0)
		c->series.granularity = strcmp(granularity, "stream") == 0 ? CLOUDWATCH_OF_STREAM
									   : CLOUDWATCH_OF_CODE;
	return read_dimensions(c, weir_node_find(node, "dimensions"), error);
}

static int32_t create_service(struct cloudwatch *c, const struct cloudwatch_options *o,
			      const struct weir_node *node, struct weir_error *error)
{
	const struct weir_node *endpoint = weir_node_find(node, "endpoint");
	const struct aws_service_options options = {
		.host = o->host,
		.context = o->context,
		.node = o->node,
		.name = SERVICE,
		.concurrency_max = 1,
		.awaited = 1,
		.credentials_of = o->service,
		.endpoint = endpoint && endpoint->text.size ? endpoint->text.data
							    : getenv(ENDPOINT_VARIABLE)};
	int32_t code =
		endpoint && endpoint->text.size ? http_options_check_url(endpoint, error) : 0;

	if (!code)
		code = aws_operation_make(&c->put_metric_data,
					  "GraniteServiceVersion20100801.PutMetricData",
					  "application/x-amz-json-1.0", error);
	return code ? code : aws_service_create(&options, &c->service, error);
}

int32_t cloudwatch_create(const struct cloudwatch_options *o, struct cloudwatch **ret_cloudwatch,
			  struct weir_error *error)
{
	const struct weir_node *node = weir_node_find(o->node, "cloudwatch");
	struct cloudwatch *c;
	int32_t code;

	*ret_cloudwatch = NULL;
	if (!node || !weir_node_int(node, "enabled", 1))
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for metrics");
	c->host = o->host;
	c->context = o->context;
	c->timer = o->timer;
	c->http.struct_size = sizeof(c->http);
	c->call.operation = &c->put_metric_data;
	c->calls = c->host->metric(c->context, WEIR_METRIC_COUNTER, "cloudwatch_requests_total",
				   "calls that put metrics into CloudWatch");
	c->failures = c->host->metric(c->context, WEIR_METRIC_COUNTER, "cloudwatch_failures_total",
				      "times that metrics could not be put into CloudWatch");
	code = read_options(c, node, error);
	if (!code)
		code = create_service(c, o, node, error);
	if (code) {
		cloudwatch_destroy(c);
		return code;
	}
	*ret_cloudwatch = c;
	return 0;
}
