// SPDX-License-Identifier: MIT
/* Names, units and levels are KPL's. Source: metrics_constants.cc of amazon-kinesis-producer. */
#include "meters.h"

#define LABELS 2
#define DIMENSIONS 3

/* A metric as Prometheus and as CloudWatch have it. */
struct figure {
	uint32_t kind;
	const char *name, *help;
	struct cloudwatch_metric kpl;
};

#define COUNTER WEIR_METRIC_COUNTER
#define GAUGE WEIR_METRIC_GAUGE
#define TIME WEIR_METRIC_HISTOGRAM
#define SUMMARY 0
#define DETAILED 1

static const struct figure received = {COUNTER,
				       "user_records_received_total",
				       "records that came to be aggregated",
				       {"UserRecordsReceived", CLOUDWATCH_COUNT, DETAILED}};
static const struct figure pending = {GAUGE,
				      "user_records_pending",
				      "records without an outcome yet",
				      {"UserRecordsPending", CLOUDWATCH_COUNT, DETAILED}};
static const struct figure expired = {COUNTER,
				      "user_records_expired_total",
				      "records that were not delivered within record_ttl",
				      {"UserRecordExpired", CLOUDWATCH_COUNT, SUMMARY}};
static const struct figure buffering = {
	TIME,
	"buffering_time_seconds",
	"from arrival to sending, of the first record in each Kinesis record",
	{"BufferingTime", CLOUDWATCH_TIME, SUMMARY}};
static const struct figure request = {TIME,
				      "request_time_seconds",
				      "time that each PutRecords took",
				      {"RequestTime", CLOUDWATCH_TIME, DETAILED}};
static const struct figure retries = {COUNTER,
				      "retries_per_record_total",
				      "retries that the records put have needed",
				      {"RetriesPerRecord", CLOUDWATCH_COUNT, DETAILED}};
static const struct figure records_per_kinesis_record = {
	GAUGE,
	"user_records_per_kinesis_record",
	"records in a Kinesis record, the average of the last request",
	{"UserRecordsPerKinesisRecord", CLOUDWATCH_COUNT, DETAILED}};
static const struct figure kinesis_records_per_request = {
	GAUGE,
	"kinesis_records_per_put_records_request",
	"Kinesis records in the last request",
	{"KinesisRecordsPerPutRecordsRequest", CLOUDWATCH_COUNT, DETAILED}};
static const struct figure records_per_request = {
	GAUGE,
	"user_records_per_put_records_request",
	"records in the last request",
	{"UserRecordsPerPutRecordsRequest", CLOUDWATCH_COUNT, DETAILED}};
static const struct figure put = {COUNTER,
				  "user_records_put_total",
				  "records put into the stream",
				  {"UserRecordsPut", CLOUDWATCH_COUNT, SUMMARY}};
static const struct figure data_put = {COUNTER,
				       "user_records_data_put_total",
				       "bytes of the records put into the stream",
				       {"UserRecordsDataPut", CLOUDWATCH_BYTES, DETAILED}};
static const struct figure kinesis_put = {COUNTER,
					  "kinesis_records_put_total",
					  "Kinesis records put into the stream",
					  {"KinesisRecordsPut", CLOUDWATCH_COUNT, SUMMARY}};
static const struct figure kinesis_data_put = {
	COUNTER,
	"kinesis_records_data_put_total",
	"bytes of the Kinesis records put into the stream",
	{"KinesisRecordsDataPut", CLOUDWATCH_BYTES, DETAILED}};
static const struct figure errors = {COUNTER,
				     "all_errors_total",
				     "Kinesis records that the service turned down",
				     {"AllErrors", CLOUDWATCH_COUNT, SUMMARY}};
static const struct figure errors_by_code = {
	COUNTER,
	"errors_by_code_total",
	"errors of Kinesis records and of whole calls, by code",
	{"ErrorsByCode", CLOUDWATCH_COUNT, SUMMARY}};

/* The metric of a stream, or of the part of it that `label` names; `more`, which may be NULL, is the dimension
 * that tells it apart in CloudWatch. */
static struct meter make(const struct meters *m, const struct figure *figure, const char *label,
			 const char *label_value, const struct cloudwatch_dimension *more)
{
	const struct weir_label labels[LABELS] = {
		{weir_slice_of("stream"), m->stream},
		{weir_slice_of(label), weir_slice_of(label_value)}};
	struct cloudwatch_dimension dimensions[LABELS] = {
		{"StreamName", m->stream, CLOUDWATCH_OF_STREAM}};

	if (more)
		dimensions[1] = *more;
	return (struct meter){
		m->host->metric_labelled(m->context, figure->kind, figure->name, figure->help,
					 labels, label ? LABELS : 1),
		cloudwatch_series(m->cloudwatch, &figure->kpl, dimensions, more ? LABELS : 1)};
}

static struct meter of_stream(const struct meters *m, const struct figure *figure)
{
	return make(m, figure, NULL, NULL, NULL);
}

static struct meter of_shard(const struct meters *m, const struct figure *figure, const char *shard)
{
	const struct cloudwatch_dimension dimension = {"ShardId", weir_slice_of(shard),
						       CLOUDWATCH_OF_SHARD};

	return make(m, figure, "shard", shard ? shard : "any", shard ? &dimension : NULL);
}

/* Of the shard in CloudWatch alone. */
static struct meter of_stream_and_shard(const struct meters *m, const struct figure *figure,
					const char *shard)
{
	const struct cloudwatch_dimension dimension = {"ShardId", weir_slice_of(shard),
						       CLOUDWATCH_OF_SHARD};

	return make(m, figure, NULL, NULL, shard ? &dimension : NULL);
}

static struct weir_metric *of_code(const struct meters *m, const char *code)
{
	const struct weir_label labels[LABELS] = {{weir_slice_of("stream"), m->stream},
						  {weir_slice_of("code"), weir_slice_of(code)}};

	return m->host->metric_labelled(m->context, errors_by_code.kind, errors_by_code.name,
					errors_by_code.help, labels, LABELS);
}

static struct cloudwatch_series *of_code_and_shard(const struct meters *m, const char *code,
						   const char *shard)
{
	const struct cloudwatch_dimension dimensions[DIMENSIONS] = {
		{"ErrorCode", weir_slice_of(code), CLOUDWATCH_OF_CODE},
		{"StreamName", m->stream, CLOUDWATCH_OF_STREAM},
		{"ShardId", weir_slice_of(shard ? shard : ""), CLOUDWATCH_OF_SHARD}};

	return cloudwatch_series(m->cloudwatch, &errors_by_code.kpl, dimensions,
				 shard ? DIMENSIONS : DIMENSIONS - 1);
}

void meters_init(struct meters *m, const struct weir_services *host, struct weir_context *context,
		 const char *stream)
{
	m->host = host;
	m->context = context;
	m->stream = weir_slice_of(stream);
	m->user_records_received = of_stream(m, &received);
	m->user_records_pending = of_stream(m, &pending);
	m->request_time = of_stream(m, &request);
	m->user_records_per_kinesis_record = of_stream(m, &records_per_kinesis_record).metric;
	m->kinesis_records_per_request = of_stream(m, &kinesis_records_per_request);
	m->user_records_per_request = of_stream(m, &records_per_request);
}

struct shard_meters meters_of_shard(const struct meters *m, const char *shard)
{
	return (struct shard_meters){
		.user_records_put = of_shard(m, &put, shard),
		.user_records_data_put = of_shard(m, &data_put, shard),
		.kinesis_records_put = of_shard(m, &kinesis_put, shard),
		.kinesis_records_data_put = of_shard(m, &kinesis_data_put, shard),
		.all_errors = of_shard(m, &errors, shard),
		.user_records_expired = of_stream_and_shard(m, &expired, shard),
		.buffering_time = of_stream_and_shard(m, &buffering, shard),
		.retries = of_stream_and_shard(m, &retries, shard),
		.user_records_per_kinesis_record =
			of_stream_and_shard(m, &records_per_kinesis_record, shard).series,
	};
}

void meter_add(const struct meters *m, const struct meter *meter, int64_t amount)
{
	m->host->metric_add(meter->metric, amount);
	cloudwatch_add(m->cloudwatch, meter->series, amount);
}

void meter_add_all(const struct meters *m, const struct meter *meter,
		   const struct statistics *amounts)
{
	m->host->metric_add(meter->metric, amounts->sum);
	cloudwatch_add_all(m->cloudwatch, meter->series, amounts);
}

void meters_error(struct meters *m, const char *code, struct shard_meters *meters,
		  const char *shard)
{
	uint32_t i = 0;

	meter_add(m, &meters->all_errors, 1);
	if (!*code)
		code = "none";
	while (i < m->code_count && strcmp(m->codes[i].code, code) != 0)
		i++;
	if (i == METER_CODES_MAX)
		return;
	if (i == m->code_count) {
		m->code_count++;
		snprintf(m->codes[i].code, sizeof(m->codes[i].code), "%s", code);
		m->codes[i].metric = of_code(m, m->codes[i].code);
	}
	if (!meters->errors[i])
		meters->errors[i] = of_code_and_shard(m, m->codes[i].code, shard);
	m->host->metric_add(m->codes[i].metric, 1);
	cloudwatch_add(m->cloudwatch, meters->errors[i], 1);
}

void meters_request(const struct meters *m, uint32_t user_records, uint32_t kinesis_records)
{
	m->host->metric_add(m->user_records_per_kinesis_record,
			    (user_records + kinesis_records / 2) / kinesis_records);
	meter_add(m, &m->kinesis_records_per_request, kinesis_records);
	meter_add(m, &m->user_records_per_request, user_records);
}
