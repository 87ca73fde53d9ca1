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
 * It outlives a generation of its pipeline: each takes it up with its own outputs, which find the
 * columns of the same names again. So what the old generation still has on its way holds back the
 * positions of the new one, and no record is committed by one that the other has not delivered.
 *
 * Invariants
 *   1. Claims are added in order and without gaps; committed positions never go back.
 *   2. A claim is freed when it and all before it are open at no output.
 *   3. `lock` guards everything here; it is taken once per batch and output, never per record.
 */
#ifndef PIPELINE_LEDGER_H
#define PIPELINE_LEDGER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct source;

/* The outputs of one generation: output i has column columns[i]. */
struct ledger_outputs {
	uint32_t count;
	uint32_t columns[];
};

struct claim {
	struct source *source;
	const struct ledger_outputs *outputs; /* the source's; not looked at once nothing is open */
	uint64_t start, end;                  /* positions of its range */
	uint32_t width;                       /* columns that there were */
	uint32_t pending[];                   /* holds per column */
};

/* The name of an output, shared by the ledgers of all its sources. */
struct ledger_name {
	_Atomic uint32_t refs;
	char text[];
};

struct ledger_column {
	struct ledger_name *name; /* NULL = free to be taken */
	uint64_t cursor;          /* the first sequence that is open at it */
	uint64_t committed;       /* position */
	int current;              /* the newest generation has it */
};

struct ledger {
	_Atomic uint32_t refs;
	uint32_t capacity; /* of the ring: a power of two, or 0 */
	pthread_mutex_t lock;
	struct claim *
		*ring; /* claim with sequence s is ring[s % capacity]; NULL while there is none */
	uint64_t head, tail; /* sequences: the oldest, and one past the newest */
	uint64_t read_end;   /* position after the newest claim */
	/* Of the newest generation; NULL once that is gone. A source that finds itself here needs no lock:
	 * only itself and its successor, under the lock, change that. */
	struct source *_Atomic reader;
	uint32_t column_count, column_room;
	struct ledger_column *columns; /* first[], until there are more */
	struct ledger_column first[];
};

/* At one reference; NULL without memory. */
struct ledger_name *ledger_name_create(const char *text);
void ledger_name_unref(struct ledger_name *name);

/* At one reference, with room for so many outputs; more take memory of their own. There may be 100,000
 * ledgers. NULL without memory. */
struct ledger *ledger_create(uint32_t outputs);
void ledger_ref(struct ledger *ledger);
void ledger_unref(struct ledger *ledger);
/* The outputs of a generation, the newest from now on: those without a column get one, committed up
 * to positions[i]. The caller frees it when nothing of this generation is open. NULL without memory. */
struct ledger_outputs *ledger_take_up(struct ledger *ledger, struct ledger_name *const *names,
				      uint32_t count, const uint64_t *positions);
/* A new claim for the range, held once at every one of the outputs. NULL without memory. */
struct claim *ledger_add(struct ledger *ledger, struct source *source,
			 const struct ledger_outputs *outputs, uint64_t start, uint64_t end);
/* One more hold at one output, or at all (-1) of the claim's generation. */
void ledger_hold(struct ledger *ledger, struct claim *claim, int32_t output);
/* One hold less, at one output or at all; the claim may be gone after it. Returns by how many bytes
 * committed positions moved; *ret_settled is 1 when the claim is open nowhere any more, *ret_empty when no
 * claim is left. */
uint64_t ledger_release(struct ledger *ledger, struct claim *claim, int32_t output,
			int *ret_settled, int *ret_empty);
/* The least committed position of these outputs. */
uint64_t ledger_acked(struct ledger *ledger, const struct ledger_outputs *outputs);
/* The committed position of each output, those of earlier generations included while they have
 * something on its way. Under the lock: `call` takes none. */
void ledger_each(struct ledger *ledger,
		 void (*call)(void *user, const char *output, uint64_t position), void *user);
int ledger_is_empty(struct ledger *ledger);
/* Claims that are not dealt with, or come after one that is not. */
uint64_t ledger_claims(struct ledger *ledger);

#endif
