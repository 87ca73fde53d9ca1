// SPDX-License-Identifier: MIT
#include "pipeline/call.h"

#include "base/clock.h"
#include "pipeline/crash.h"
#include "pipeline/pipeline.h"

static _Thread_local struct weir_context *current;
static _Thread_local uint64_t inside_ns; /* of calls within the current one */
static _Thread_local int is_ready;       /* for a crash */

struct call call_begin(struct weir_context *stage)
{
	struct call call = {current, clock_monotonic_ns(), inside_ns};

	if (!is_ready) {
		is_ready = 1;
		crash_thread();
	}
	current = stage;
	inside_ns = 0;
	return call;
}

void call_end(struct weir_context *stage, struct call call)
{
	uint64_t whole_ns = clock_monotonic_ns() - call.began_ns;

	metric_observe_ns(stage->call_time, whole_ns > inside_ns ? whole_ns - inside_ns : 0);
	current = call.outer;
	inside_ns = call.outer_inside_ns + whole_ns;
}

const struct weir_context *call_current(void)
{
	return current;
}
