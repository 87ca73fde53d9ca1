// SPDX-License-Identifier: MIT
#include "pipeline/state_gate.h"

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/pipeline.h"

#define LOOK_NS (500 * NS_PER_MS)

/* At high speed the next commit must not wait for its time: what is uncommitted would be repeated. */
void state_gate_count(struct pipeline *pipeline, uint64_t bytes)
{
	struct pipeline_host *host = pipeline->host;
	uint64_t before =
		atomic_fetch_add_explicit(&host->uncommitted, bytes, memory_order_relaxed);

	if (before + bytes < STATE_COMMIT_BYTES || state_is_stalled(host->state))
		return;
	atomic_store_explicit(&host->uncommitted, 0, memory_order_relaxed);
	state_hurry(host->state);
}

int state_gate_is_closed(struct pipeline *pipeline)
{
	struct pipeline_host *host = pipeline->host;

	return host->state &&
	       atomic_load_explicit(&host->uncommitted, memory_order_relaxed) >=
		       STATE_COMMIT_BYTES &&
	       state_is_stalled(host->state);
}

static void look(void *user)
{
	struct pipeline *pipeline = user;

	if (state_gate_is_closed(pipeline)) {
		loop_timer_set(pipeline->host->loop, &pipeline->state_timer, LOOK_NS);
		return;
	}
	atomic_store(&pipeline->gate_closed, 0);
	log_line(WEIR_LOG_INFO, pipeline->config->name, "reading_resumed",
		 "positions are saved again; reading goes on");
	source_unpark(pipeline);
}

void state_gate_init(struct pipeline *pipeline)
{
	pipeline->state_timer.call = look;
	pipeline->state_timer.user = pipeline;
}

void state_gate_wait(struct pipeline *pipeline)
{
	if (atomic_exchange(&pipeline->gate_closed, 1))
		return;
	log_line(WEIR_LOG_ERROR, pipeline->config->name, "reading_paused",
		 "positions can't be saved, and what was delivered since then would be sent again "
		 "after a crash: reading stops until they can");
	loop_timer_set(pipeline->host->loop, &pipeline->state_timer, LOOK_NS);
}

void state_gate_stop(struct pipeline *pipeline)
{
	if (pipeline->host->loop)
		loop_timer_stop(pipeline->host->loop, &pipeline->state_timer);
}
