// SPDX-License-Identifier: MIT
#include "meters.h"

#define LABELS 2

static struct weir_metric *make(const struct meters *m, uint32_t kind, const char *name,
				const char *help, const char *label, const char *value)
{
	const struct weir_label labels[LABELS] = {{weir_slice_of("stream"), m->stream},
						  {weir_slice_of(label), weir_slice_of(value)}};

	return m->host->metric_labelled(m->context, kind, name, help, labels, label ? LABELS : 1);
}

static struct weir_metric *of_stream(const struct meters *m, uint32_t kind, const char *name,
				     const char *help)
{
	return make(m, kind, name, help, NULL, NULL);
}

void meters_init(struct meters *m, const struct weir_services *host, struct weir_context *context,
		 const char *stream)
{
	m->host = host;
	m->context = context;
	m->stream = weir_slice_of(stream);
	m->user_records_received = of_stream(m, WEIR_METRIC_COUNTER, "user_records_received_total",
					     "records that came to be aggregated");
	m->user_records_pending = of_stream(m, WEIR_METRIC_GAUGE, "user_records_pending",
					    "records without an outcome yet");
	m->user_records_expired = of_stream(m, WEIR_METRIC_COUNTER, "user_records_expired_total",
					    "records that were not delivered within record_ttl");
	m->buffering_time =
		of_stream(m, WEIR_METRIC_HISTOGRAM, "buffering_time_seconds",
			  "from arrival to sending, of the first record in each Kinesis record");
	m->request_time = of_stream(m, WEIR_METRIC_HISTOGRAM, "request_time_seconds",
				    "time that each PutRecords took");
	m->retries = of_stream(m, WEIR_METRIC_COUNTER, "retries_per_record_total",
			       "retries that the records put have needed");
	m->user_records_per_kinesis_record =
		of_stream(m, WEIR_METRIC_GAUGE, "user_records_per_kinesis_record",
			  "records in a Kinesis record, the average of the last request");
	m->kinesis_records_per_request =
		of_stream(m, WEIR_METRIC_GAUGE, "kinesis_records_per_put_records_request",
			  "Kinesis records in the last request");
	m->user_records_per_request =
		of_stream(m, WEIR_METRIC_GAUGE, "user_records_per_put_records_request",
			  "records in the last request");
}

struct shard_meters meters_of_shard(const struct meters *m, const char *shard)
{
	const char *value = shard ? shard : "any";

	return (struct shard_meters){
		.user_records_put = make(m, WEIR_METRIC_COUNTER, "user_records_put_total",
					 "records put into the stream", "shard", value),
		.user_records_data_put =
			make(m, WEIR_METRIC_COUNTER, "user_records_data_put_total",
			     "bytes of the records put into the stream", "shard", value),
		.kinesis_records_put = make(m, WEIR_METRIC_COUNTER, "kinesis_records_put_total",
					    "Kinesis records put into the stream", "shard", value),
		.kinesis_records_data_put =
			make(m, WEIR_METRIC_COUNTER, "kinesis_records_data_put_total",
			     "bytes of the Kinesis records put into the stream", "shard", value),
		.all_errors = make(m, WEIR_METRIC_COUNTER, "all_errors_total",
				   "Kinesis records that the service turned down", "shard", value),
	};
}

void meters_error(struct meters *m, const char *code)
{
	uint32_t i = 0;

	if (!*code)
		code = "none";
	while (i < m->code_count && strcmp(m->codes[i].code, code) != 0)
		i++;
	if (i == METER_CODES_MAX)
		return;
	if (i == m->code_count) {
		m->code_count++;
		snprintf(m->codes[i].code, sizeof(m->codes[i].code), "%s", code);
		m->codes[i].metric = make(m, WEIR_METRIC_COUNTER, "errors_by_code_total",
					  "errors of Kinesis records and of whole calls, by code",
					  "code", m->codes[i].code);
	}
	m->host->metric_add(m->codes[i].metric, 1);
}

void meters_request(const struct meters *m, uint32_t user_records, uint32_t kinesis_records)
{
	m->host->metric_add(m->user_records_per_kinesis_record,
			    (user_records + kinesis_records / 2) / kinesis_records);
	m->host->metric_add(m->kinesis_records_per_request, kinesis_records);
	m->host->metric_add(m->user_records_per_request, user_records);
}
