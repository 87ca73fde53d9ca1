// SPDX-License-Identifier: MIT
/*
 * The ledger of one source: which ranges of it are on their way, and how far each output is.
 *
 *   claims, in order of position:   [0..900) [900..1800) [1800..2500) ...
 *   output "a" has taken            ────────▶ committed = 1800
 *   output "b" has taken            ──▶ committed = 900
 *
 * A claim is open at an output as long as something holds it there: the batch that was read, records
 * that a filter keeps back, a batch on its way, a dead letter that is not written yet. An output's
 * committed position is the end of the contiguous prefix of claims that are not open at it.
 *
 * Invariants
 *   1. Claims are added in order and without gaps; committed positions never go back.
 *   2. A claim is freed when it and all before it are open at no output.
 *   3. `lock` guards everything here; it is taken once per batch and output, never per record.
 */
#ifndef PIPELINE_LEDGER_H
#define PIPELINE_LEDGER_H

#include <pthread.h>
#include <stdint.h>

struct source;

struct claim {
	struct source *source;
	uint64_t end;       /* position after its range */
	uint32_t pending[]; /* holds per output */
};

struct ledger {
	pthread_mutex_t lock;
	uint32_t output_count;
	struct claim **ring; /* claim with sequence s is ring[s % capacity] */
	uint32_t capacity;   /* a power of two */
	uint64_t head, tail; /* sequences: the oldest, and one past the newest */
	uint64_t *cursor;    /* per output: the first sequence that is open at it */
	uint64_t *committed; /* per output: position */
};

int ledger_init(struct ledger *ledger, uint32_t output_count, const uint64_t *positions);
void ledger_done(struct ledger *ledger);
/* A new claim for the range that ends at `end`, held once at every output. NULL without memory. */
struct claim *ledger_add(struct ledger *ledger, struct source *source, uint64_t end);
/* One more hold at one output, or at all (-1). */
void ledger_hold(struct ledger *ledger, struct claim *claim, int32_t output);
/* One hold less, at one output or at all; the claim may be gone after it. Returns by how many bytes
 * committed positions moved; *ret_empty is 1 when no claim is left. */
uint64_t ledger_release(struct ledger *ledger, struct claim *claim, int32_t output, int *ret_empty);
/* The least committed position. */
uint64_t ledger_acked(struct ledger *ledger);
int ledger_is_empty(struct ledger *ledger);

#endif
