// SPDX-License-Identifier: MIT
/*
 * The kinesis output: PutRecords to Amazon Kinesis Data Streams.
 *
 *   record ──▶ measured (keys, size) ──▶ batch of up to 500 ──▶ JSON or CBOR body ──▶ signed, sent
 *
 *   - What Kinesis would refuse for its size or key goes to the dead letter before it is sent.
 *   - Exactly the records that Kinesis turned down are sent again. That may change their order among
 *     each other, as Kinesis itself may: `ordering: strict` has one request in flight, no more.
 *   - Without aggregation a batch of deliveries is a request (aws_put, packing.c, wire.c). With it, or
 *     with a rate for each shard, each record travels on its own to the lane of its shard (producer.c, lane.c, shipment.c).
 */
#include <ctype.h>
#include <stdlib.h>

#include "support/aws/endpoint.h"
#include "support/aws_probe/aws_probe.h"
#include "support/aws_put/put.h"
#include "support/encoding_options/encoding_options.h"
#include "producer_options.h"
#include "wire.h"

struct kinesis {
	const char *stream;
	const struct wire *wire;
	struct keys keys;
	struct packing packing;
	struct encoding_options encoding;
	const struct weir_encode_spec *encode; /* NULL = raw lines */
	struct aws_put *put;
	struct producer *producer; /* in its place, with aggregation or a rate limit */
	struct aws_probe
		*probe; /* beside them, in `weir check --online`, where they have nothing to do */
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *options;
};

static const struct weir_option options[] = {
	HTTP_OPTION("stream", WEIR_TYPE_STRING, NULL, "name or ARN of the stream",
		    .flags = WEIR_OPTION_REQUIRED),
	HTTP_OPTION("partition_key", WEIR_TYPE_EXPR, "random",
		    "expression for the partition key; random: spread evenly; hash: by the record"),
	HTTP_OPTION(
		"explicit_hash_key", WEIR_TYPE_EXPR, NULL,
		"expression for the hash key, which then decides the shard; absent in a record: "
		"the partition key does"),
	ENCODING_OPTION_FORMAT("json"),
	ENCODING_OPTION_FIELDS,
	ENCODING_OPTION_SEPARATOR,
	ENCODING_OPTION_METADATA,
	HTTP_OPTION("newline", WEIR_TYPE_BOOL, "false", "end the data of each record in a newline"),
	HTTP_OPTION("wire", WEIR_TYPE_STRING, "auto",
		    "auto: CBOR to AWS, JSON where the endpoint is overridden",
		    .values = "auto|cbor|json"),
	HTTP_OPTION("max_record", WEIR_TYPE_SIZE, "1MiB",
		    "data and partition key of a record, at most; raise it with the stream's own "
		    "limit",
		    .min = 1, .max = KINESIS_RECORD_MAX),
	PRODUCER_OPTIONS,
	PUT_BATCH_OPTIONS("500", KINESIS_RECORDS_MAX, "5MiB", KINESIS_REQUEST_MAX),
	PUT_OPTIONS,
	WEIR_OPTION_END};

static uint64_t measure(void *user, const struct batching_record *record,
			struct batching_refusal *ret_refusal)
{
	struct kinesis *kinesis = user;

	return packing_measure(&kinesis->packing, record, ret_refusal);
}

static int32_t compose(void *user, const struct batching_request *request, struct body *body)
{
	struct kinesis *kinesis = user;

	return wire_request(kinesis->wire, &kinesis->packing, kinesis->stream, request, body);
}

/* ---- the output's functions: those of the one that is there, a producer or a put ---- */

static void kinesis_write(void *instance, const struct weir_delivery_view *delivery)
{
	struct kinesis *kinesis = instance;

	if (kinesis->producer)
		producer_write(kinesis->producer, delivery);
	else
		aws_put_write(kinesis->put, delivery);
}

static void kinesis_flush(void *instance, uint32_t why)
{
	struct kinesis *kinesis = instance;

	if (kinesis->producer)
		producer_flush(kinesis->producer, why);
	else
		aws_put_flush(kinesis->put, why);
}

static void kinesis_timer(void *instance, uint32_t id)
{
	struct kinesis *kinesis = instance;

	if (kinesis->probe)
		aws_probe_timer(kinesis->probe, id);
	else if (kinesis->producer)
		producer_timer(kinesis->producer, id);
	else
		aws_put_timer(kinesis->put, id);
}

static int32_t kinesis_begin(void *instance, struct weir_http_request *request)
{
	struct kinesis *kinesis = instance;

	if (kinesis->probe)
		return aws_probe_http_begin(kinesis->probe, request);
	return kinesis->producer ? producer_begin(kinesis->producer, request)
				 : aws_put_begin(kinesis->put, request);
}

static uint32_t kinesis_done(void *instance, struct weir_http_request *request,
			     const struct weir_http_response *response)
{
	struct kinesis *kinesis = instance;

	if (kinesis->probe)
		return aws_probe_http_done(kinesis->probe, request, response);
	return kinesis->producer ? producer_done(kinesis->producer, request, response)
				 : aws_put_done(kinesis->put, request, response);
}

static int32_t kinesis_start(void *instance, struct weir_error *error)
{
	struct kinesis *kinesis = instance;

	return kinesis->producer ? producer_start(kinesis->producer, error)
				 : aws_put_start(kinesis->put, error);
}

static void kinesis_stop(void *instance)
{
	struct kinesis *kinesis = instance;

	producer_stop(kinesis->producer);
	aws_put_stop(kinesis->put);
}

static void kinesis_destroy(void *instance)
{
	struct kinesis *kinesis = instance;

	if (!kinesis)
		return;
	aws_probe_destroy(kinesis->probe);
	producer_destroy(kinesis->producer);
	aws_put_destroy(kinesis->put);
	keys_done(&kinesis->keys);
	encoding_options_done(&kinesis->encoding);
	free(kinesis);
}

/* ---- create ---- */

/* A name that no stream can have would be refused record by record otherwise. */
static int32_t read_stream(struct kinesis *kinesis, const struct weir_node *node,
			   struct weir_error *error)
{
	const struct weir_node *stream = weir_node_find(node, "stream");
	int is_arn;

	if (!stream || stream->text.size == 0)
		return weir_fail(error, WEIR_ERR_INVALID, "stream is missing");
	kinesis->stream = stream->text.data;
	is_arn = strncmp(kinesis->stream, "arn:", 4) == 0;
	if (!is_arn && stream->text.size > KINESIS_STREAM_NAME_MAX)
		return http_options_fail_at(
			stream, "the name of a stream has at most 128 characters", error);
	for (const char *c = kinesis->stream; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(is_arn ? "_.-:/" : "_.-", *c))
			return http_options_fail_at(
				stream,
				"the name of a stream is of letters, digits, '_', '.' and '-'",
				error);
	return 0;
}

static int32_t read_options(struct kinesis *kinesis, const struct weir_node *node,
			    struct weir_error *error)
{
	const char *wire = weir_node_text(node, "wire");
	int32_t code = read_stream(kinesis, node, error);

	if (code)
		return code;
	kinesis->wire = &wire_json;
	if (wire && strcmp(wire, "auto") != 0
		    ? strcmp(wire, "cbor") == 0
		    : !endpoint_is_overridden(weir_node_text(node, "endpoint"), "kinesis"))
		kinesis->wire = &wire_cbor;
	kinesis->packing.keys = &kinesis->keys;
	kinesis->packing.newline = weir_node_int(node, "newline", 0) != 0;
	kinesis->packing.record_max =
		(uint64_t)weir_node_int(node, "max_record", KINESIS_RECORD_DEFAULT);
	code = encoding_options_read(node, &kinesis->encoding, error);
	if (kinesis->encoding.spec.format != WEIR_ENCODE_LINE)
		kinesis->encode = &kinesis->encoding.spec;
	return code;
}

static int32_t create_put(struct kinesis *kinesis, const struct weir_services *host,
			  struct weir_context *context, const struct weir_node *node,
			  struct weir_error *error)
{
	const struct put_options put = {
		.host = host,
		.context = context,
		.node = node,
		.service = "kinesis",
		.target = "Kinesis_20131202.PutRecords",
		.list = "Records",
		.destination_kind = "KinesisStream",
		.destination = kinesis->stream,
		.newline = kinesis->packing.newline,
		.records_max = (uint32_t)weir_node_int(node, "batch_records", KINESIS_RECORDS_MAX),
		.bytes_max = KINESIS_REQUEST_MAX,
		.content_type = kinesis->wire->content_type,
		.encode = kinesis->encode,
		.user = kinesis,
		.measure = measure,
		.compose = compose};

	return aws_put_create(&put, &kinesis->put, error);
}

static int32_t create_producer(struct kinesis *kinesis, const struct weir_services *host,
			       struct weir_context *context, const struct weir_node *node,
			       struct weir_error *error)
{
	const struct producer_options producer = {.host = host,
						  .context = context,
						  .node = node,
						  .stream = kinesis->stream,
						  .keys = &kinesis->keys,
						  .encode = kinesis->encode,
						  .wire = kinesis->wire,
						  .newline = kinesis->packing.newline,
						  .record_max = kinesis->packing.record_max};

	return producer_create(&producer, &kinesis->producer, error);
}

static int32_t kinesis_create(const struct weir_services *host, struct weir_context *context,
			      const struct weir_node *node, void **ret_instance,
			      struct weir_error *error)
{
	struct kinesis *kinesis = calloc(1, sizeof(*kinesis));
	int32_t code;

	if (!kinesis)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the kinesis output");
	kinesis->host = host;
	kinesis->context = context;
	kinesis->options = node;
	code = read_options(kinesis, node, error);
	if (!code)
		code = keys_create(&kinesis->keys, host, node, error);
	if (!code)
		code = producer_is_wanted(node)
			       ? create_producer(kinesis, host, context, node, error)
			       : create_put(kinesis, host, context, node, error);
	if (code) {
		kinesis_destroy(kinesis);
		return code;
	}
	*ret_instance = kinesis;
	return 0;
}

static int32_t kinesis_probe(void *instance, struct weir_error *error)
{
	struct kinesis *kinesis = instance;
	int is_arn = strncmp(kinesis->stream, "arn:", 4) == 0;
	const struct aws_probe_options probe = {.host = kinesis->host,
						.context = kinesis->context,
						.node = kinesis->options,
						.service = "kinesis",
						.target = "Kinesis_20131202.DescribeStreamSummary",
						.member = is_arn ? "StreamARN" : "StreamName",
						.stream =
							weir_node_find(kinesis->options, "stream"),
						.timer = PUT_TIMER_CREDENTIALS};

	return aws_probe_begin(&probe, &kinesis->probe, error);
}

static void kinesis_fields(void *instance, struct weir_fields *fields)
{
	const struct kinesis *kinesis = instance;

	keys_fields(&kinesis->keys, fields);
	encoding_options_fields(&kinesis->encoding, fields);
}

static const struct weir_output_ops ops = {
	.struct_size = sizeof(ops),
	.create = kinesis_create,
	.start = kinesis_start,
	.stop = kinesis_stop,
	.destroy = kinesis_destroy,
	.write = kinesis_write,
	.flush = kinesis_flush,
	.timer = kinesis_timer,
	.http_done = kinesis_done,
	.http_begin = kinesis_begin,
	.fields = kinesis_fields,
	.probe = kinesis_probe,
};

static const struct weir_plugin kinesis_plugin = {
	.struct_size = sizeof(kinesis_plugin),
	.kind = WEIR_OUTPUT,
	.flags = WEIR_PLUGIN_CONCURRENT,
	.name = "kinesis",
	.version = WEIR_VERSION,
	.summary = "Puts records into an Amazon Kinesis data stream",
	.options = options,
	.output = &ops,
	.short_option = "stream",
};

static const struct weir_plugin *const all[] = {&kinesis_plugin};
WEIR_PLUGINS(all);
