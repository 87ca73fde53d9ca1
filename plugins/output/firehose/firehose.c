// SPDX-License-Identifier: MIT
/*
 * The firehose output: PutRecordBatch to Amazon Data Firehose.
 *
 *   - Records end in a newline unless told otherwise: Firehose puts them one behind the other into
 *     its objects, with nothing between.
 *   - `pack` fills Firehose's records with many of ours, which costs less where they are small: it
 *     bills in steps of 5 KiB. A pack that fails is sent again whole.
 *   - What Firehose would refuse for its size goes to the dead letter before it is sent.
 */
#include <ctype.h>
#include <stdlib.h>

#include "packing.h"
#include "support/aws_probe/aws_probe.h"
#include "support/aws_put/put.h"
#include "support/encoding_options/encoding_options.h"

struct firehose {
	const char *stream;
	struct packing packing;
	struct encoding_options encoding;
	struct aws_put *put;
	struct aws_probe *probe; /* beside it, in `weir check --online` */
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *options;
};

static const struct weir_option options[] = {
	HTTP_OPTION("delivery_stream", WEIR_TYPE_STRING, NULL, "name of the Firehose stream",
		    .flags = WEIR_OPTION_REQUIRED),
	ENCODING_OPTION_FORMAT("json"),
	ENCODING_OPTION_FIELDS,
	ENCODING_OPTION_SEPARATOR,
	ENCODING_OPTION_METADATA,
	HTTP_OPTION("newline", WEIR_TYPE_BOOL, "true", "end each record in a newline"),
	HTTP_OPTION("pack", WEIR_TYPE_SIZE, "0",
		    "pack records together up to this size, 32KiB or more; 0: each by itself",
		    .min = 0, .max = FIREHOSE_RECORD_MAX),
	HTTP_OPTION("pack_format", WEIR_TYPE_STRING, "lines",
		    "lines: packed records follow each other, each with its newline; kpl: as the "
		    "Kinesis Producer Library packs them, for readers that unpack that",
		    .values = "lines|kpl"),
	PUT_BATCH_OPTIONS("500", FIREHOSE_RECORDS_MAX, "4MiB", FIREHOSE_REQUEST_MAX),
	PUT_OPTIONS,
	WEIR_OPTION_END};

static uint64_t measure(void *user, const struct batching_record *record,
			struct batching_refusal *ret_refusal)
{
	return packing_measure(&((struct firehose *)user)->packing, record, ret_refusal);
}

static int32_t compose(void *user, const struct batching_request *request, struct body *body)
{
	struct firehose *firehose = user;

	return packing_compose(&firehose->packing, firehose->stream, request, body);
}

static uint32_t groups(void *user, const struct batching_request *request, uint32_t *ret_sizes)
{
	return packing_groups(&((struct firehose *)user)->packing, request, ret_sizes);
}

/* ---- the output's functions ---- */

static void firehose_write(void *instance, const struct weir_delivery_view *delivery)
{
	aws_put_write(((struct firehose *)instance)->put, delivery);
}

static void firehose_flush(void *instance, uint32_t why)
{
	aws_put_flush(((struct firehose *)instance)->put, why);
}

static void firehose_timer(void *instance, uint32_t id)
{
	struct firehose *firehose = instance;

	if (firehose->probe)
		aws_probe_timer(firehose->probe, id);
	else
		aws_put_timer(firehose->put, id);
}

static int32_t firehose_begin(void *instance, struct weir_http_request *request)
{
	struct firehose *firehose = instance;

	return firehose->probe ? aws_probe_http_begin(firehose->probe, request)
			       : aws_put_begin(firehose->put, request);
}

static uint32_t firehose_done(void *instance, struct weir_http_request *request,
			      const struct weir_http_response *response)
{
	struct firehose *firehose = instance;

	return firehose->probe ? aws_probe_http_done(firehose->probe, request, response)
			       : aws_put_done(firehose->put, request, response);
}

static int32_t firehose_start(void *instance, struct weir_error *error)
{
	return aws_put_start(((struct firehose *)instance)->put, error);
}

static void firehose_stop(void *instance)
{
	aws_put_stop(((struct firehose *)instance)->put);
}

static void firehose_destroy(void *instance)
{
	struct firehose *firehose = instance;

	if (!firehose)
		return;
	aws_probe_destroy(firehose->probe);
	aws_put_destroy(firehose->put);
	encoding_options_done(&firehose->encoding);
	free(firehose);
}

/* ---- create ---- */

static int32_t read_stream(struct firehose *firehose, const struct weir_node *node,
			   struct weir_error *error)
{
	const struct weir_node *stream = weir_node_find(node, "delivery_stream");

	if (!stream || stream->text.size == 0)
		return weir_fail(error, WEIR_ERR_INVALID, "delivery_stream is missing");
	firehose->stream = stream->text.data;
	if (stream->text.size > FIREHOSE_STREAM_NAME_MAX)
		return http_options_fail_at(
			stream, "the name of a Firehose stream has at most 64 characters", error);
	for (const char *c = firehose->stream; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return http_options_fail_at(
				stream,
				"the name of a Firehose stream is of letters, digits, '_', '.' "
				"and '-'",
				error);
	return 0;
}

static int32_t read_options(struct firehose *firehose, const struct weir_node *node,
			    struct weir_error *error)
{
	const struct weir_node *pack = weir_node_find(node, "pack");
	int32_t code = read_stream(firehose, node, error);

	if (code)
		return code;
	firehose->packing.newline = weir_node_int(node, "newline", 1) != 0;
	firehose->packing.pack_size = pack ? (uint64_t)pack->i64 : 0;
	if (firehose->packing.pack_size && firehose->packing.pack_size < FIREHOSE_PACK_MIN)
		return http_options_fail_at(pack, "pack must be 32KiB or more, or 0 for no packing",
					    error);
	firehose->packing.as_kpl =
		weir_slice_equals(weir_node_find(node, "pack_format")->text, "kpl");
	if (firehose->packing.as_kpl && !firehose->packing.pack_size)
		return http_options_fail_at(weir_node_find(node, "pack_format"),
					    "pack_format: kpl needs a size of packs: set pack too",
					    error);
	if (firehose->packing.pack_size && !firehose->packing.newline && !firehose->packing.as_kpl)
		return http_options_fail_at(
			pack, "records that are packed need their newline: set newline to true",
			error);
	return encoding_options_read(node, &firehose->encoding, error);
}

static int32_t firehose_create(const struct weir_services *host, struct weir_context *context,
			       const struct weir_node *node, void **ret_instance,
			       struct weir_error *error)
{
	struct firehose *firehose = calloc(1, sizeof(*firehose));
	struct put_options put = {.host = host,
				  .context = context,
				  .node = node,
				  .service = "firehose",
				  .target = "Firehose_20150804.PutRecordBatch",
				  .content_type = "application/x-amz-json-1.1",
				  .list = "RequestResponses",
				  .destination_kind = "DeliveryStream",
				  .bytes_max = FIREHOSE_REQUEST_MAX,
				  .user = firehose,
				  .measure = measure,
				  .compose = compose};
	int32_t code;

	if (!firehose)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the firehose output");
	firehose->host = host;
	firehose->context = context;
	firehose->options = node;
	code = read_options(firehose, node, error);
	if (!code) {
		put.destination = firehose->stream;
		put.newline = firehose->packing.newline;
		/* Only packs are groups: to tell them takes a look at each line once more. */
		put.groups = firehose->packing.pack_size ? groups : NULL;
		put.records_max = firehose->packing.pack_size
					  ? FIREHOSE_PACKED_MAX
					  : (uint32_t)weir_node_int(node, "batch_records",
								    FIREHOSE_RECORDS_MAX);
		put.encode = firehose->encoding.spec.format == WEIR_ENCODE_LINE
				     ? NULL
				     : &firehose->encoding.spec;
		code = aws_put_create(&put, &firehose->put, error);
	}
	if (code) {
		firehose_destroy(firehose);
		return code;
	}
	*ret_instance = firehose;
	return 0;
}

static int32_t firehose_probe(void *instance, struct weir_error *error)
{
	struct firehose *firehose = instance;
	const struct aws_probe_options probe = {
		.host = firehose->host,
		.context = firehose->context,
		.node = firehose->options,
		.service = "firehose",
		.target = "Firehose_20150804.DescribeDeliveryStream",
		.member = "DeliveryStreamName",
		.stream = weir_node_find(firehose->options, "delivery_stream"),
		.timer = PUT_TIMER_CREDENTIALS};

	return aws_probe_begin(&probe, &firehose->probe, error);
}

static void firehose_fields(void *instance, struct weir_fields *fields)
{
	encoding_options_fields(&((const struct firehose *)instance)->encoding, fields);
}

static const struct weir_output_ops ops = {
	.struct_size = sizeof(ops),
	.create = firehose_create,
	.start = firehose_start,
	.stop = firehose_stop,
	.destroy = firehose_destroy,
	.write = firehose_write,
	.flush = firehose_flush,
	.timer = firehose_timer,
	.http_done = firehose_done,
	.http_begin = firehose_begin,
	.fields = firehose_fields,
	.probe = firehose_probe,
};

static const struct weir_plugin firehose_plugin = {
	.struct_size = sizeof(firehose_plugin),
	.kind = WEIR_OUTPUT,
	.flags = WEIR_PLUGIN_CONCURRENT,
	.name = "firehose",
	.version = WEIR_VERSION,
	.summary = "Puts records into an Amazon Data Firehose stream",
	.options = options,
	.output = &ops,
	.short_option = "delivery_stream",
};

static const struct weir_plugin *const all[] = {&firehose_plugin};
WEIR_PLUGINS(all);
