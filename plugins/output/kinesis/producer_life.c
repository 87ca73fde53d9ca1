// SPDX-License-Identifier: MIT
#include "producer.h"

#include <stdlib.h>

#include "producer_options.h"

int32_t producer_start(struct producer *p, struct weir_error *error)
{
	int32_t code = aws_service_start(p->service, error);

	if (code)
		return code;
	producer_pump(p);
	cloudwatch_start(p->meters.cloudwatch);
	return 0;
}

void producer_stop(struct producer *p)
{
	if (!p)
		return;
	cloudwatch_stop(p->meters.cloudwatch);
	aws_service_stop(p->service);
}

static void abandon_records(struct producer *p, struct record *record)
{
	while (record) {
		struct record *next = record->next;

		lot_settle(record->lot, 1, &p->lots);
		record = next;
	}
}

static void abandon_lots(struct producer *p, struct lot *lot)
{
	while (lot) {
		struct lot *next = lot->waiting;

		lot_free(lot, &p->lots);
		lot = next;
	}
}

static void abandon(struct producer *p, struct shipment *shipment)
{
	while (shipment) {
		struct shipment *next = shipment->next;

		for (uint32_t i = 0; i < shipment->count; i++)
			abandon_records(p, shipment->parcels[i].first);
		shipment_free(shipment, &p->shipments);
		shipment = next;
	}
}

void producer_destroy(struct producer *p)
{
	if (!p)
		return;
	producer_stop(p);
	abandon(p, p->ready);
	abandon(p, p->sent);
	for (uint32_t i = 0; i <= p->lane_count; i++)
		abandon_records(p, producer_lane_at(p, i)->first);
	for (struct misplaced *m = p->misplaced; m; m = m->next)
		abandon_records(p, m->parcel.first);
	abandon_records(p, p->overdue);
	abandon_lots(p, p->overdue_lots);
	abandon_records(p, p->landed);
	producer_shards_destroy(p);
	abandon_lots(p, p->waiting);
	cloudwatch_destroy(p->meters.cloudwatch);
	aws_service_destroy(p->service);
	aws_operation_done(&p->put_records);
	spare_done(&p->spare);
	lot_maker_done(&p->lots);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- create ---- */

static int32_t create_service(struct producer *p, const struct producer_options *options,
			      struct weir_error *error)
{
	const struct aws_service_options service = {.host = p->host,
						    .context = p->context,
						    .node = options->node,
						    .name = "kinesis",
						    .concurrency_max = p->settings.in_flight_max,
						    .timer = PRODUCER_TIMER_CREDENTIALS};

	return aws_service_create(&service, &p->service, error);
}

static int32_t create_cloudwatch(struct producer *p, const struct weir_node *node,
				 struct weir_error *error)
{
	const struct cloudwatch_options options = {.host = p->host,
						   .context = p->context,
						   .node = node,
						   .timer = PRODUCER_TIMER_CLOUDWATCH,
						   .service = p->service};

	return cloudwatch_create(&options, &p->meters.cloudwatch, error);
}

static void make_lots(struct producer *p, const struct producer_options *options)
{
	uint64_t bytes = p->settings.limits.aggregate_bytes;

	p->lots = (struct lot_maker){.host = p->host,
				     .context = p->context,
				     .keys = options->keys,
				     .encode = options->encode,
				     .newline = options->newline,
				     .record_max = options->record_max,
				     .run_bytes = bytes > RUN_OVERHEAD ? bytes - RUN_OVERHEAD : 0,
				     .run_ns = p->settings.linger_ns,
				     .run_records = p->settings.limits.aggregate_records};
	lot_maker_init(&p->lots);
	p->shipments = (struct shipment_maker){.lots = &p->lots,
					       .operation = &p->put_records,
					       .wire = options->wire,
					       .stream = options->stream,
					       .spare = &p->spare};
	spare_init(&p->spare, p->host, p->context);
}

static void make_metrics(struct producer *p)
{
	const struct weir_services *host = p->host;

	meters_init(&p->meters, host, p->context, p->shipments.stream);
	p->loose.meters = meters_of_shard(&p->meters, NULL);
	p->retried = host->metric(p->context, WEIR_METRIC_COUNTER, "records_retried_total",
				  "records that the service turned down for the moment");
	p->refused = host->metric(p->context, WEIR_METRIC_COUNTER, "records_refused_total",
				  "records that the service turned down for good");
	p->maps = host->metric(p->context, WEIR_METRIC_COUNTER, "shard_maps_total",
			       "lists of the stream's shards that were taken over");
	p->misplaced_aggregates =
		host->metric(p->context, WEIR_METRIC_COUNTER, "aggregates_misplaced_total",
			     "aggregates that were accepted on another shard than expected");
	p->misplaced_records = host->metric(
		p->context, WEIR_METRIC_COUNTER, "records_misplaced_total",
		"records in them that are sent again, since consumers would drop them");
	p->repeated = host->metric(p->context, WEIR_METRIC_COUNTER, "records_repeated_total",
				   "records sent again though the service may have taken them");
}

/* MD5 finds the shard of a key, and ends every aggregate. */
static int32_t check_md5(struct weir_error *error)
{
	struct hasher *hasher = hasher_create();

	if (!hasher)
		return weir_fail(error, WEIR_ERR_STATE,
				 "aggregate and rate_limit need MD5, which OpenSSL does not offer "
				 "here");
	hasher_destroy(hasher);
	return 0;
}

int32_t producer_create(const struct producer_options *options, struct producer **ret_producer,
			struct weir_error *error)
{
	struct producer *p = calloc(1, sizeof(*p));
	int32_t code;

	if (!p)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	p->host = options->host;
	p->context = options->context;
	pthread_mutex_init(&p->lock, NULL);
	lane_init(&p->loose, NULL);
	p->waiting_end = &p->waiting;
	p->host->random(&p->seed, sizeof(p->seed));
	p->seed |= 1;
	code = producer_settings_read(options, &p->settings, error);
	make_lots(p, options);
	if (!code)
		code = check_md5(error);
	if (!code)
		code = aws_operation_make(&p->put_records, "Kinesis_20131202.PutRecords",
					  options->wire->content_type, error);
	if (!code)
		code = producer_shards_create(p, error);
	if (!code)
		code = create_service(p, options, error);
	if (!code)
		code = create_cloudwatch(p, options->node, error);
	if (code) {
		producer_destroy(p);
		return code;
	}
	make_metrics(p);
	*ret_producer = p;
	return 0;
}
