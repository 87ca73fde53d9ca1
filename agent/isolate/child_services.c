// SPDX-License-Identifier: MIT
/* Those of the services that are the same for filters and outputs. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "isolate/child.h"
#include "isolate/process.h"

#define LABELS_BYTES_MAX 4096
/* Of a value of the state that is larger; a message has room for it and a key. */
#define VALUE_PART (PAYLOAD_MAX / 2)

/* ---- metrics: kept here, and passed on from time to time ------------------------------------- */

static int measure_add(struct child *child, struct weir_metric *metric)
{
	uint32_t capacity = child->measure_capacity ? child->measure_capacity * 2 : 16;
	struct child_measure *grown;

	for (uint32_t i = METRICS_OWN; i < child->measure_count; i++)
		if (child->measures[i].metric == metric)
			return 0; /* asked for once more */
	if (child->measure_count == child->measure_capacity) {
		grown = realloc(child->measures, capacity * sizeof(*grown));
		if (!grown)
			return 0;
		child->measures = grown;
		child->measure_capacity = capacity;
	}
	child->measures[child->measure_count++] = (struct child_measure){metric, 0};
	return 1;
}

/* The first numbers are those of the stage's own, which is not there yet when a plugin makes its first. */
void child_own_measures(struct child *child, const struct weir_context *stage)
{
	struct weir_metric *own[METRICS_OWN] = {stage->requests, stage->retries,
						stage->http_in_flight, stage->http_bytes,
						stage->latency};

	for (uint32_t i = child->measure_count; i < METRICS_OWN; i++)
		(void)measure_add(child, own[i]);
}

static struct weir_metric *child_metric_labelled(struct weir_context *context, uint32_t kind,
						 const char *name, const char *help,
						 const struct weir_label *labels, uint32_t count)
{
	struct child *child = child_of(context);
	struct weir_metric *metric =
		pipeline_services.metric_labelled(context, kind, name, help, labels, count);
	struct buffer list = {0};
	uint64_t numbers[2] = {0, kind};
	int is_new = 0;

	for (uint32_t i = 0; i < count; i++) {
		(void)parcel_put_text(&list, labels[i].name);
		(void)parcel_put_text(&list, labels[i].value);
	}
	pthread_mutex_lock(&child->lock);
	child_own_measures(child, context);
	if (metric && list.size <= LABELS_BYTES_MAX)
		is_new = measure_add(child, metric);
	numbers[0] = child->measure_count - 1;
	if (is_new) {
		const struct weir_slice texts[3] = {
			weir_slice_of(name), weir_slice_of(help), {list.data, list.size}};

		if (did_put(&child->did, DID_METRIC, numbers, texts) < 0)
			_exit(1);
		if (child->setting.kind == WEIR_OUTPUT)
			child_pass_on(child);
	}
	pthread_mutex_unlock(&child->lock);
	buffer_done(&list);
	return metric;
}

static struct weir_metric *child_metric(struct weir_context *context, uint32_t kind,
					const char *name, const char *help)
{
	return child_metric_labelled(context, kind, name, help, NULL, 0);
}

/* ---- state ----------------------------------------------------------------------------------- */

static int32_t child_state_set(struct weir_context *context, struct weir_slice key,
			       struct weir_slice value)
{
	struct child *child = child_of(context);
	struct weir_slice texts[2] = {key, value};

	if (key.size > STATE_KEY_MAX || value.size > STATE_VALUE_MAX)
		return WEIR_ERR_INVALID;
	pthread_mutex_lock(&child->lock);
	/* What an output does goes by messages, a filter's with its answer. */
	while (child->setting.kind == WEIR_OUTPUT && value.size > VALUE_PART) {
		const struct weir_slice part = {value.data, VALUE_PART};

		child_did_locked(child, DID_STATE_PART, NULL, &part);
		value.data += VALUE_PART;
		value.size -= VALUE_PART;
	}
	texts[1] = value;
	child_did_locked(child, DID_STATE, NULL, texts);
	pthread_mutex_unlock(&child->lock);
	return 0;
}

static int64_t child_state_get(struct weir_context *context, struct weir_slice key, void *buffer,
			       uint64_t buffer_size)
{
	struct child *child = child_of(context);
	const struct message question = {.kind = MESSAGE_CALL, .size = (uint32_t)key.size};
	struct message reply = {0};
	char *payload = malloc(PAYLOAD_MAX);
	uint64_t at = 0;
	int64_t size = -1;

	pthread_mutex_lock(&child->question_lock);
	if (!payload || key.size > PAYLOAD_MAX ||
	    wire_send(ISOLATED_QUESTIONS, &question, key.data, -1, 0) < 0)
		_exit(1);
	do {
		if (wire_receive(ISOLATED_QUESTIONS, &reply, payload, NULL, 0) != 1)
			_exit(0);
		size = (int64_t)reply.a;
		if (at < buffer_size)
			memcpy((char *)buffer + at, payload,
			       reply.size < buffer_size - at ? reply.size : buffer_size - at);
		at += reply.size;
	} while (size > 0 && at < (uint64_t)size);
	pthread_mutex_unlock(&child->question_lock);
	free(payload);
	return size;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void child_memory_charge(struct weir_context *context, int64_t bytes)
{
	const uint64_t number = (uint64_t)bytes;

	child_did(child_of(context), DID_CHARGE, &number, NULL);
}

void child_services_make(struct child *child)
{
	struct weir_services *services = &child->services;

	*services = pipeline_services;
	services->metric = child_metric;
	services->metric_labelled = child_metric_labelled;
	services->state_set = child_state_set;
	services->state_get = child_state_get;
	services->memory_charge = child_memory_charge;
	if (child->setting.kind == WEIR_FILTER)
		child_filter_services(services);
	else
		child_output_services(services);
}
