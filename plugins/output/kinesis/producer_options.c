// SPDX-License-Identifier: MIT
#include "producer_options.h"

#include <stdlib.h>

#define DEFAULT_LINGER_NS UINT64_C(100000000)
#define DEFAULT_BACKOFF_MIN_NS UINT64_C(200000000)
#define DEFAULT_BACKOFF_MAX_NS UINT64_C(30000000000)

const struct weir_option producer_aggregate_members[] = {
	HTTP_OPTION("enabled", WEIR_TYPE_BOOL, "true", "whether to aggregate"),
	HTTP_OPTION("max_bytes", WEIR_TYPE_SIZE, "51200", "size of an aggregate, at most",
		    .min = KINESIS_AGGREGATE_MIN, .max = KINESIS_RECORD_MAX),
	HTTP_OPTION("max_records", WEIR_TYPE_INT, "1000000",
		    "records in an aggregate, at most; 1: every record by itself", .min = 1,
		    .max = KINESIS_AGGREGATE_RECORDS_MAX),
	HTTP_OPTION("linger", WEIR_TYPE_DURATION, NULL,
		    "how long a record waits for others; none given: the output's linger, or 100ms",
		    .min = 0, .max = HTTP_OPTION_HOUR),
	WEIR_OPTION_END};

static int aggregates(const struct weir_node *node)
{
	const struct weir_node *aggregate = weir_node_find(node, "aggregate");

	return aggregate && weir_node_int(aggregate, "enabled", 1) != 0;
}

int producer_is_wanted(const struct weir_node *node)
{
	return aggregates(node) || weir_node_int(node, "rate_limit", 0) > 0;
}

static uint64_t linger_of(const struct weir_node *aggregate,
			  const struct weir_output_settings *output)
{
	const struct weir_node *linger = weir_node_find(aggregate, "linger");

	if (linger)
		return (uint64_t)linger->i64;
	return output->linger_ns == WEIR_TIMER_OFF ? DEFAULT_LINGER_NS : output->linger_ns;
}

int32_t producer_settings_read(const struct producer_options *options,
			       struct producer_settings *ret_settings, struct weir_error *error)
{
	const struct weir_node *node = options->node, *max_bytes;
	const struct weir_node *aggregate =
		aggregates(node) ? weir_node_find(node, "aggregate") : NULL;
	const struct weir_output_settings *output =
		options->host->output_settings(options->context);
	struct producer_settings *s = ret_settings;

	max_bytes = weir_node_find(aggregate, "max_bytes");
	if (max_bytes && (uint64_t)max_bytes->i64 > options->record_max)
		return http_options_fail_at(
			max_bytes, "an aggregate is a record: max_bytes may not exceed max_record",
			error);
	s->limits.aggregate_bytes =
		max_bytes ? (uint64_t)max_bytes->i64 : KINESIS_AGGREGATE_DEFAULT;
	if (s->limits.aggregate_bytes > options->record_max - PARCEL_KEY_SIZE)
		s->limits.aggregate_bytes = options->record_max - PARCEL_KEY_SIZE;
	s->limits.aggregate_records = 1;
	if (aggregate)
		s->limits.aggregate_records = (uint32_t)weir_node_int(
			aggregate, "max_records", KINESIS_AGGREGATE_RECORDS_MAX);
	s->parcels_max = (uint32_t)weir_node_int(node, "batch_records", KINESIS_RECORDS_MAX);
	s->bytes_max = (uint64_t)weir_node_int(node, "batch_bytes", KINESIS_REQUEST_MAX);
	s->linger_ns = linger_of(aggregate, output);
	s->ttl_ns = (uint64_t)weir_node_int(node, "record_ttl", 0);
	s->backoff_min_ns = output->retry_min_ns ? output->retry_min_ns : DEFAULT_BACKOFF_MIN_NS;
	s->backoff_max_ns = output->retry_max_ns ? output->retry_max_ns : DEFAULT_BACKOFF_MAX_NS;
	if (s->backoff_min_ns > s->backoff_max_ns)
		s->backoff_min_ns = s->backoff_max_ns;
	s->rate = (double)weir_node_int(node, "rate_limit", KINESIS_RATE_DEFAULT) / 100;
	s->in_flight_max = (uint32_t)weir_node_int(node, "concurrency", 16);
	s->strict = output->strict;
	return 0;
}
