// SPDX-License-Identifier: MIT
/* What a mock host is made of; see mock_host.h. */
#ifndef MOCK_MODEL_H
#define MOCK_MODEL_H

#include "mock_shapes.h"

#define MOCK_LIST_MAX 64                          /* metrics */
#define MOCK_BLOCK_MIN 65536                      /* bytes of a block when `roomy` */
#define MOCK_READ_NS INT64_C(1700000000000000000) /* 2023-11-14T22:13:20Z: read_ns of batches */

struct mock_metric {
	char name[64];
	int64_t value;
	uint32_t kind;
};

/* A record that was sent to the dead letter. */
struct mock_dead {
	uint32_t record;
	char reason[64];
	char text[256];
};

struct mock_host;

struct mock_claim {
	struct mock_host *host;
	struct mock_claim *next;
	uint32_t refs; /* 0: given up; freed with the host */
	struct weir_source_view source;
	uint64_t position;
};

struct mock_batch {
	struct weir_batch batch; /* first, so that the plugin's pointer is ours */
	struct mock_host *host;
	struct mock_batch *next;
	struct mock_claim **claims; /* that it took by batch_claim() */
	uint32_t claim_count;
};

struct mock_host {
	struct weir_services services;
	int roomy;
	int stateful;        /* stateful() was called */
	int reserve_fails;   /* batch_reserve() answers WEIR_ERR_MEMORY */
	int64_t now_ns;      /* wall clock, when not 0 */
	int64_t read_ns;     /* of new batches */
	int64_t memory;      /* sum of memory_charge() */
	uint32_t full;       /* as output_full() said last */
	uint64_t at_once_ns; /* as read_at_once() said last */
	int64_t claims_live;
	int claims_may_stay;
	struct mock_claim *claims; /* all there ever were */
	uint64_t timers[8];        /* delay last set; WEIR_TIMER_OFF at first */
	uint32_t reserve_calls, shape_calls, hold_calls, log_lines;
	char log_last[1024];
	struct mock_metric metrics[MOCK_LIST_MAX];
	uint32_t metric_count;
	struct mock_shapes shapes;
	struct mock_dead *dead;
	uint32_t dead_count;
	struct mock_batch *emitted; /* by batch_emit(), oldest first */
	uint32_t emitted_count;
	struct weir_source_view source; /* of the batches that mock_batch_lines() makes */
};

static inline struct weir_context *mock_context(struct mock_host *host)
{
	return (struct weir_context *)(void *)host;
}

static inline struct mock_host *mock_of_context(struct weir_context *context)
{
	return (struct mock_host *)(void *)context;
}

static inline struct mock_batch *mock_of_batch(struct weir_batch *batch)
{
	return (struct mock_batch *)(void *)batch;
}

#endif
