// SPDX-License-Identifier: MIT
/*
 * A call into a plugin: whose code this thread is in, for those who must know when it ends the process,
 * and how long that took, for the metrics.
 *
 *     struct call call = call_begin(stage);
 *     status = ops->process(...);
 *     call_end(stage, call);
 *
 * Calls nest, as a filter sends a batch on from within; the time of the inner one is not the outer's.
 */
#ifndef PIPELINE_CALL_H
#define PIPELINE_CALL_H

#include <weir/services.h>

struct call {
	struct weir_context *outer;
	uint64_t began_ns, outer_inside_ns;
};

struct call call_begin(struct weir_context *stage);
void call_end(struct weir_context *stage, struct call call);
/* The stage whose plugin this thread is in, or NULL. Async-signal-safe. */
const struct weir_context *call_current(void);

#endif
