// SPDX-License-Identifier: MIT
/*
 * From one generation of a pipeline to the next, while both are there.
 *
 *   old   running ─stop reading─▶ draining ──────────────▶ retired ──batches gone──▶ destroyed
 *                      │              │ drain_timeout:         ▲
 *                      │              └ hands over what is ────┘
 *                      │                unconfirmed
 *   new   created ─────┴─▶ started: reads on from where the old one stopped
 *
 * A retired generation has no plugins any more: it is what the batches that it read stand on until
 * the outputs of the new one have dealt with them. Main thread.
 */
#ifndef PIPELINE_SUCCESSION_H
#define PIPELINE_SUCCESSION_H

#include "pipeline/pipeline.h"

/* Before the inputs of `next` start: the sources that it may take up, each from where `old`, which has
 * stopped reading, leaves off. When filters hold records back, `old` must be drained. */
int succession_begin(struct pipeline *next, struct pipeline *old, struct weir_error *error);
/* Before the outputs of `next` start: their queues on disk take those of the same names for their own. */
void succession_queues(struct pipeline *next, const struct pipeline *old);
/* Makes the account (pipeline.h) hold for outputs that `old` did not have: what went past before they came
 * was not routed to them. Of a pipeline that failed, and reads again what it counted already, all
 * counters begin anew; `old` must be retired then. */
void succession_account(struct pipeline *next, const struct pipeline *old);
/* Stops those outputs of a generation that nothing is on its way to: its successor has them open. */
void succession_stop_idle(struct pipeline *old);
/* Ends a generation: what has no outcome yet goes to the outputs of the same names in `next`, or comes
 * again some day when there is none. Returns the records handed over. */
uint64_t succession_retire(struct pipeline *old, struct pipeline *next);
/* Nothing of a generation that has stopped reading is on its way, nor of those before it that went on to
 * its outputs; or it has failed, and waiting is in vain. */
int succession_is_drained(struct pipeline *old);
/* A retired generation of which nothing is on its way any more: it may be destroyed. */
int succession_is_over(struct pipeline *old);

#endif
