// SPDX-License-Identifier: MIT
/*
 * The metrics of the Kinesis Producer Library, by their names: UserRecordsPut is
 * weir_kinesis_user_records_put_total, and so on, for each stream and, where that makes sense, shard.
 * The same figures go to CloudWatch if that is on, by KPL's own names and dimensions.
 *
 * Averages, which KPL sends as such, are gauges of the last request; RetriesPerRecord is a count of
 * retries, to be divided by UserRecordsPut. CloudWatch gets statistics of all of them.
 *
 * Threads: metrics are the host's and atomic. Codes are looked up in http_done() only.
 */
#ifndef KINESIS_METERS_H
#define KINESIS_METERS_H

#include "support/cloudwatch/cloudwatch.h"

/* Error codes with a series of their own; the service has about a dozen. */
#define METER_CODES_MAX 32
#define METER_CODE_SIZE 64

struct meter {
	struct weir_metric *metric;
	struct cloudwatch_series *series; /* NULL = not sent */
};

struct shard_meters {
	struct meter user_records_put, user_records_data_put;
	struct meter kinesis_records_put, kinesis_records_data_put;
	struct meter all_errors;
	/* Of the stream for Prometheus, where a histogram of each shard would be many series, and of the
	 * shard for CloudWatch. */
	struct meter user_records_expired, buffering_time, retries;
	struct cloudwatch_series *user_records_per_kinesis_record;
	struct cloudwatch_series *errors[METER_CODES_MAX]; /* by code, as they come */
};

struct meters {
	const struct weir_services *host;
	struct weir_context *context;
	struct cloudwatch *cloudwatch; /* NULL = off; the producer's, made before the rest */
	struct weir_slice stream;
	struct meter user_records_received, user_records_pending, request_time;
	struct weir_metric *user_records_per_kinesis_record;
	struct meter kinesis_records_per_request, user_records_per_request;
	struct {
		char code[METER_CODE_SIZE];
		struct weir_metric *metric;
	} codes[METER_CODES_MAX];
	uint32_t code_count;
};

void meters_init(struct meters *meters, const struct weir_services *host,
		 struct weir_context *context, const char *stream);
/* `shard` may be NULL: no shard in particular. */
struct shard_meters meters_of_shard(const struct meters *meters, const char *shard);

/* Adds to a counter, sets a gauge, or adds a time. */
void meter_add(const struct meters *meters, const struct meter *meter, int64_t amount);
/* The sum to a counter. */
void meter_add_all(const struct meters *meters, const struct meter *meter,
		   const struct statistics *amounts);
/* Of a Kinesis record, or of a whole call, which is no shard's: `shard` is NULL then, and `of` those of
 * no shard. */
void meters_error(struct meters *meters, const char *code, struct shard_meters *of,
		  const char *shard);
/* A request was taken with so many records in so many Kinesis records. */
void meters_request(const struct meters *meters, uint32_t user_records, uint32_t kinesis_records);

#endif
