// SPDX-License-Identifier: MIT
/*
 * A host for tests of one plugin: struct weir_services over plain memory. Its parts are in
 * mock_shapes.h, mock_model.h, mock_batch.h and mock_claims.h; this one brings them all.
 *
 * Stricter than the real host: every batch_reserve() moves every array and hands out exactly what
 * was asked for (unless `roomy` is set, for benchmarks), so that a stale pointer or a reservation
 * that is too small shows under AddressSanitizer. Claims are counted: mock_host_destroy() fails an
 * assertion when one is leaked or given up twice. One thread only.
 *
 * Members that it does not implement are NULL; a test sets its own in mock.services. The context
 * that plugins get is mock_context(&mock).
 */
#ifndef MOCK_HOST_H
#define MOCK_HOST_H

#include <time.h>

#include "mock_claims.h"

/* ---- log, metrics, clocks, timers ------------------------------------------------------------ */

static inline void mock_log(struct weir_context *context, uint32_t level, const char *code,
			    struct weir_slice text)
{
	struct mock_host *host = mock_of_context(context);

	(void)level;
	host->log_lines++;
	(void)snprintf(host->log_last, sizeof(host->log_last), "%s: %.*s", code ? code : "-",
		       (int)text.size, text.data ? text.data : "");
}

static inline struct weir_metric *mock_metric_new(struct weir_context *context, uint32_t kind,
						  const char *name, const char *help)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_metric *metric = &host->metrics[host->metric_count++];

	assert(host->metric_count <= MOCK_LIST_MAX && help && help[0]);
	metric->kind = kind;
	(void)snprintf(metric->name, sizeof(metric->name), "%s", name);
	return (struct weir_metric *)(void *)metric;
}

/* Named "name{value}", with the first label's value. */
static inline struct weir_metric *mock_metric_labelled(struct weir_context *context, uint32_t kind,
						       const char *name, const char *help,
						       const struct weir_label *labels,
						       uint32_t count)
{
	char full[64];

	assert(count > 0);
	(void)snprintf(full, sizeof(full), "%s{%.*s}", name, (int)labels[0].value.size,
		       labels[0].value.data);
	return mock_metric_new(context, kind, full, help);
}

static inline void mock_metric_add(struct weir_metric *handle, int64_t amount)
{
	struct mock_metric *metric = (struct mock_metric *)(void *)handle;

	metric->value = metric->kind == WEIR_METRIC_GAUGE ? amount : metric->value + amount;
}

/* The value of a metric; INT64_MIN when the plugin has none of that name. */
static inline int64_t mock_metric_value(const struct mock_host *host, const char *name)
{
	for (uint32_t i = 0; i < host->metric_count; i++)
		if (strcmp(host->metrics[i].name, name) == 0)
			return host->metrics[i].value;
	return INT64_MIN;
}

static inline int64_t mock_clock_ns(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t mock_wall_ns(void)
{
	return mock_clock_ns(CLOCK_REALTIME);
}

static inline uint64_t mock_monotonic_ns(void)
{
	return (uint64_t)mock_clock_ns(CLOCK_MONOTONIC);
}

static inline void mock_random(void *ret_bytes, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		((uint8_t *)ret_bytes)[i] = (uint8_t)rand();
}

static inline int32_t mock_timer_set(struct weir_context *context, uint32_t id, uint64_t delay_ns)
{
	if (id >= 8)
		return WEIR_ERR_INVALID;
	mock_of_context(context)->timers[id] = delay_ns;
	return WEIR_OK;
}

static inline void mock_memory_charge(struct weir_context *context, int64_t bytes)
{
	mock_of_context(context)->memory += bytes;
}

static inline void mock_output_full(struct weir_context *context, uint32_t full)
{
	mock_of_context(context)->full = full;
}

static inline void mock_read_at_once(struct weir_context *context, uint64_t ns)
{
	mock_of_context(context)->at_once_ns = ns;
}

static inline void mock_stateful(struct weir_context *context)
{
	mock_of_context(context)->stateful = 1;
}

/* ---- for tests ------------------------------------------------------------------------------- */

static inline void mock_host_create(struct mock_host *host)
{
	memset(host, 0, sizeof(*host));
	host->services = (struct weir_services){
		.struct_size = sizeof(host->services),
		.abi_major = WEIR_ABI_MAJOR,
		.abi_minor = WEIR_ABI_MINOR,
		.log = mock_log,
		.metric = mock_metric_new,
		.metric_labelled = mock_metric_labelled,
		.metric_add = mock_metric_add,
		.wall_ns = mock_wall_ns,
		.monotonic_ns = mock_monotonic_ns,
		.random = mock_random,
		.timer_set = mock_timer_set,
		.batch_reserve = mock_batch_reserve,
		.batch_shape = mock_batch_shape,
		.stateful = mock_stateful,
		.record_dead = mock_record_dead,
		.record_hold = mock_record_hold,
		.claim_ref = mock_claim_ref,
		.claim_release = mock_claim_release,
		.batch_begin = mock_batch_begin,
		.batch_claim = mock_batch_claim,
		.batch_source = mock_batch_source,
		.batch_emit = mock_batch_emit,
		.memory_charge = mock_memory_charge,
		.output_full = mock_output_full,
		.read_at_once = mock_read_at_once,
	};
	host->read_ns = MOCK_READ_NS;
	for (uint32_t i = 0; i < 8; i++)
		host->timers[i] = WEIR_TIMER_OFF;
	host->source.struct_size = sizeof(host->source);
	host->source.name = weir_slice_of("/var/log/test.log");
	host->source.hex = weir_slice_of("00000000000000000000000000000000");
}

/* Free the batches first, and destroy the plugin's instance. */
static inline void mock_host_destroy(struct mock_host *host)
{
	struct weir_batch *batch;

	while ((batch = mock_take_emitted(host)))
		mock_batch_free(batch);
	mock_shapes_free(&host->shapes);
	free(host->dead);
	while (host->claims) {
		struct mock_claim *claim = host->claims;

		host->claims = claim->next;
		free(claim);
	}
	assert(host->claims_live == 0 || host->claims_may_stay);
}

#endif
