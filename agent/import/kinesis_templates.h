// SPDX-License-Identifier: MIT
/*
 * What a configuration of the Kinesis Agent is written as: pieces of a pipeline's file.
 *
 * They name stages, as every pipeline does, because they are text that a person could have written in
 * their place. Nothing is looked up by these names and no code asks for one: whether there are such
 * plugins, and take these options, is found out when the file is read, as with any other.
 */
#ifndef IMPORT_KINESIS_TEMPLATES_H
#define IMPORT_KINESIS_TEMPLATES_H

#include <stdint.h>

#define KINESIS_INPUT "  - tail:\n"

#define KINESIS_METRICS "      cloudwatch:\n"
#define KINESIS_METRICS_NAMESPACE "AWSKinesisAgent" /* its default */

/* Filters; where there is an END, what was configured there stands between the two. */
#define KINESIS_MESSAGE "  - set: { message: { expr: "
#define KINESIS_MESSAGE_END " } }\n"
#define KINESIS_CSV "  - parse:\n      format: csv\n      names: kinesis_agent\n"
#define KINESIS_LOG "  - parse: { format: "
#define KINESIS_LOG_END ", names: kinesis_agent, on_error: dead_letter }\n"
#define KINESIS_PATTERN "  - parse:\n      format: regex\n      on_error: dead_letter\n"
#define KINESIS_RENAME "  - rename: { "
#define KINESIS_RENAME_END " }\n"
#define KINESIS_NULL_WHEN "  - set: { when: "
#define KINESIS_NULL_FIELD ", fields: { "
#define KINESIS_NULL_END "null } }\n"
#define KINESIS_METADATA "  - set:\n"
#define KINESIS_METADATA_TIME "      ts: { expr: \"@timestamp\" }\n"
#define KINESIS_METADATA_KEEP "      data: { expr: message }\n  - keep: [metadata, data]\n"
#define KINESIS_METADATA_KEEP_TIME "      data: { expr: message }\n  - keep: [ts, metadata, data]\n"

/* Where a flow goes to, by the key in it that names a stream. */
struct kinesis_destination {
	/* Theirs. */
	const char *key;
	const char *endpoint_key, *region_key; /* of the agent; NULL = there is none */
	const char *service;                   /* in the names of AWS's hosts */
	const char *positions;                 /* what its positions' keys begin with */
	const char *about;
	/* Ours. */
	const char *output, *stream_option;
	int64_t batch_bytes_max;
	int has_partition_key;
	int is_packed;    /* several records in one */
	int ends_records; /* in a line end, unless told otherwise */
};

static const struct kinesis_destination kinesis_destinations[] = {
	{"deliveryStream", "firehose.endpoint", NULL, "firehose", "fh", "the Firehose stream",
	 "  - firehose:\n", "delivery_stream", 4 << 20, 0, 1, 1},
	{"kinesisStream", "kinesis.endpoint", "kinesis.region", "kinesis", "kinesis", "the stream",
	 "  - kinesis:\n", "stream", 5 << 20, 1, 0, 0},
};

#endif
