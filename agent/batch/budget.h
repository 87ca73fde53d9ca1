// SPDX-License-Identifier: MIT
/*
 * The memory of one pipeline: what its batches, encodings and filters hold, against a bound.
 *
 * Inputs are admitted below `soft` (nine tenths); the rest is for filters, retries and dead letters,
 * so that a full pipeline can always drain. Every charge is exact and is given back; the bound holds
 * because an admission counts what a batch has lately grown to on its way, not what it starts with.
 *
 * Any thread; relaxed atomics, because nothing is read on the strength of the counter but the
 * decision to go on or wait, and a stale answer is corrected by the next release.
 */
#ifndef BATCH_BUDGET_H
#define BATCH_BUDGET_H

#include <stdatomic.h>
#include <stdint.h>

struct budget {
	_Atomic int64_t used;     /* bytes */
	_Atomic int64_t peak;     /* most ever used */
	int64_t aside;            /* main thread */
	_Atomic int64_t estimate; /* what a batch grows to, with everything made from it */
	_Atomic int starved;      /* someone may wait for relieved() */
	_Atomic int full;         /* outputs that can use no more */
	_Atomic int64_t soft, hard;
	void (*relieved)(void *user); /* on any thread, when a starved budget has much room again */
	void *user;
};

void budget_init(struct budget *budget, int64_t bytes, int64_t first_estimate,
		 void (*relieved)(void *user), void *user);
/* Another bound. What is used beyond it stays until it is given back. */
void budget_resize(struct budget *budget, int64_t bytes);
/* Keeps that much of the memory from inputs, for what does not ask budget_admit(). */
void budget_set_aside(struct budget *budget, int64_t bytes);
/* Adds to (or with a negative amount gives back from) what is used. */
void budget_charge(struct budget *budget, int64_t bytes);
/* True when one more batch fits. On false the budget counts as starved until relieved() is called,
 * which is when an eighth of `soft` is free: each waking of a reader costs more than a batch. */
int budget_admit(struct budget *budget);
/* An output can use no more (1), or more again (-1): while any can't, nothing is admitted unless all
 * memory has come back. */
void budget_full(struct budget *budget, int change);
/* Whether it is for memory that nothing is admitted. */
int budget_is_short(struct budget *budget);
/* Tells what a batch had grown to when it was given back. */
void budget_learn(struct budget *budget, int64_t batch_bytes);

#endif
