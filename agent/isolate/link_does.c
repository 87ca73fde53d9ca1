// SPDX-License-Identifier: MIT
/*
 * What the process of an isolated plugin says of itself: its log, metrics, state and memory. It may have lost its mind:
 * what makes no sense is left out, and what it says can't harm what others say in the same places.
 */
#include <stdlib.h>

#include "base/log.h"
#include "isolate/link.h"

/* Metrics of one plugin, as in the agent itself. */
#define METRICS_MAX (STAGE_METRICS + METRICS_OWN)
#define LABELS_MAX 16

static void did_log(const struct link *link, const struct did *entry)
{
	char code[64];

	snprintf(code, sizeof(code), "%.*s", (int)entry->texts[0].size, entry->texts[0].data);
	log_line((uint32_t)entry->numbers[0], link->stage->origin, code[0] ? code : NULL, "%.*s",
		 (int)entry->texts[1].size, entry->texts[1].data);
}

static int metric_slot(struct link *link, uint64_t number)
{
	uint32_t capacity = link->metric_capacity ? link->metric_capacity * 2 : 16;
	struct weir_metric **grown;

	if (number != link->metric_count || number >= METRICS_MAX)
		return -1;
	if (link->metric_count == link->metric_capacity) {
		grown = realloc(link->metrics, capacity * sizeof(struct weir_metric *));
		if (!grown)
			return -1;
		link->metrics = grown;
		link->metric_capacity = capacity;
	}
	link->metrics[link->metric_count++] = NULL;
	return 0;
}

/* The name of a label, as who reads metrics takes it. Those of metrics are made so. */
static int is_name(struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size; i++) {
		char letter = text.data[i];
		int is_letter = (letter >= 'a' && letter <= 'z') ||
				(letter >= 'A' && letter <= 'Z') || letter == '_';

		if (!is_letter && (i == 0 || letter < '0' || letter > '9'))
			return 0;
	}
	return text.size > 0;
}

static void did_metric(struct link *link, const struct did *entry)
{
	struct parcel labels = {entry->texts[2].data, entry->texts[2].size, 0, 0};
	struct weir_label list[LABELS_MAX];
	uint32_t count = 0;
	int are_names = 1;
	char name[96], help[256];

	while (count < LABELS_MAX && labels.at < labels.size && !labels.failed) {
		list[count].name = parcel_text(&labels);
		list[count].value = parcel_text(&labels);
		are_names &= labels.failed || is_name(list[count].name);
		count += !labels.failed;
	}
	/* One that is none keeps its number all the same: the next has the next. */
	if (metric_slot(link, entry->numbers[0]) < 0 || !are_names ||
	    entry->numbers[1] < WEIR_METRIC_COUNTER || entry->numbers[1] > METRIC_HISTOGRAM)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)entry->texts[0].size, entry->texts[0].data);
	snprintf(help, sizeof(help), "%.*s", (int)entry->texts[1].size, entry->texts[1].data);
	link->metrics[entry->numbers[0]] = pipeline_services.metric_labelled(
		link->stage, (uint32_t)entry->numbers[1], name, help, list, count);
}

static void did_measure(struct link *link, const struct did *entry)
{
	struct metric_sample sample;
	struct weir_metric *metric;

	memset(&sample, 0, sizeof(sample));
	if (entry->numbers[0] >= link->metric_count || entry->texts[0].size > sizeof(sample) ||
	    entry->texts[0].size < sizeof(sample.value))
		return;
	metric = link->metrics[entry->numbers[0]];
	memcpy(&sample, entry->texts[0].data, entry->texts[0].size);
	if (metric && (metric_kind(metric) == WEIR_METRIC_GAUGE || sample.value >= 0))
		metric_give(metric, &sample); /* nothing that counts goes back */
}

void link_charge(struct link *link, int64_t bytes)
{
	int64_t most = link->stage->pipeline->memory->budget.hard;

	/* It gives back no more than it has taken, and what it can't have stops the pipeline no more than all there
	 * is. */
	if (bytes < -link->charged)
		bytes = -link->charged;
	if (bytes > 0 && bytes > most - link->charged)
		bytes = most > link->charged ? most - link->charged : 0;
	link->charged += bytes;
	pipeline_services.memory_charge(link->stage, bytes);
}

static int add_to_value(struct link *link, struct weir_slice part)
{
	if (link->value.size + part.size > STATE_VALUE_MAX)
		(void)link_nonsense(link, "sets a value that is too large");
	else if (buffer_append(&link->value, part.data, part.size) < 0)
		pipeline_fail(link->stage->pipeline, "no memory for the state of a plugin");
	else
		return 0;
	return -1;
}

static void did_state(struct link *link, const struct did *entry)
{
	struct weir_slice value = entry->texts[1];
	int in_parts = link->value.size > 0;

	if (in_parts && add_to_value(link, value) < 0)
		return;
	if (in_parts)
		value = (struct weir_slice){link->value.data, link->value.size};
	(void)pipeline_services.state_set(link->stage, entry->texts[0], value);
	buffer_done(&link->value);
}

int link_does(struct link *link, const struct did *entry)
{
	switch (entry->code) {
	case DID_LOG:
		did_log(link, entry);
		return 1;
	case DID_METRIC:
		did_metric(link, entry);
		return 1;
	case DID_MEASURE:
		did_measure(link, entry);
		return 1;
	case DID_STATE:
		did_state(link, entry);
		return 1;
	case DID_STATE_PART:
		(void)add_to_value(link, entry->texts[0]);
		return 1;
	case DID_CHARGE:
		link_charge(link, (int64_t)entry->numbers[0]);
		return 1;
	case DID_STATEFUL:
		link->is_stateful = 1;
		return 1;
	case DID_STALL:
		stage_stalled(link->stage, entry->texts[0]);
		return 1;
	case DID_FULL:
		stage_full(link->stage, entry->numbers[0] != 0);
		return 1;
	default:
		return 0;
	}
}

void link_own_metrics(struct link *link)
{
	struct weir_metric *own[METRICS_OWN] = {link->stage->requests, link->stage->retries,
						link->stage->http_in_flight,
						link->stage->http_bytes, link->stage->latency};

	link->metric_count = 0;
	for (uint32_t i = 0; i < METRICS_OWN; i++)
		if (metric_slot(link, i) == 0)
			link->metrics[i] = own[i];
}
