// SPDX-License-Identifier: MIT
#include "batch/budget.h"

#include <string.h>

/* A starved budget is relieved when this part of `soft` is free. */
#define BUDGET_RELIEF 8

int budget_is_short(struct budget *budget)
{
	int64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
	int64_t estimate = atomic_load_explicit(&budget->estimate, memory_order_relaxed);

	/* An empty pipeline always goes on, however large its batches have become. */
	return used + estimate > atomic_load_explicit(&budget->soft, memory_order_relaxed) &&
	       used > 0;
}

static int budget_has_room(struct budget *budget)
{
	if (atomic_load(&budget->full) > 0 &&
	    atomic_load_explicit(&budget->used, memory_order_relaxed) > 0)
		return 0;
	return !budget_is_short(budget);
}

/* Room for many batches, so that who was refused is not woken for each one that is given back. */
static int budget_has_much_room(struct budget *budget)
{
	int64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
	int64_t soft = atomic_load_explicit(&budget->soft, memory_order_relaxed);

	return used <= soft - soft / BUDGET_RELIEF && budget_has_room(budget);
}

static void budget_wake(struct budget *budget)
{
	if (atomic_load(&budget->starved) && budget_has_much_room(budget) &&
	    atomic_exchange(&budget->starved, 0))
		budget->relieved(budget->user);
}

static void budget_bound(struct budget *budget, int64_t bytes)
{
	atomic_store_explicit(&budget->hard, bytes, memory_order_relaxed);
	atomic_store_explicit(&budget->soft, bytes - bytes / 10 - budget->aside,
			      memory_order_relaxed);
}

void budget_init(struct budget *budget, int64_t bytes, int64_t first_estimate,
		 void (*relieved)(void *user), void *user)
{
	memset(budget, 0, sizeof(*budget));
	budget_bound(budget, bytes);
	budget->estimate = first_estimate;
	budget->relieved = relieved;
	budget->user = user;
}

void budget_resize(struct budget *budget, int64_t bytes)
{
	budget_bound(budget, bytes);
	budget_wake(budget);
}

void budget_set_aside(struct budget *budget, int64_t bytes)
{
	budget->aside = bytes;
	budget_resize(budget, atomic_load_explicit(&budget->hard, memory_order_relaxed));
}

void budget_charge(struct budget *budget, int64_t bytes)
{
	int64_t used =
		atomic_fetch_add_explicit(&budget->used, bytes, memory_order_seq_cst) + bytes;

	if (bytes > 0) {
		int64_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);

		while (used > peak && !atomic_compare_exchange_weak(&budget->peak, &peak, used))
			;
		return;
	}
	budget_wake(budget);
}

void budget_full(struct budget *budget, int change)
{
	/* Ordered with `starved`: who is refused for the sake of `full` sees it change, or is seen. */
	if (atomic_fetch_add(&budget->full, change) + change <= 0)
		budget_wake(budget);
}

int budget_admit(struct budget *budget)
{
	if (budget_has_room(budget))
		return 1;
	atomic_store(&budget->starved, 1);
	/* A release between the two looks would not have seen `starved`. With room it stays set all the same:
	 * others may wait by it, for more room than one batch needs. */
	return budget_has_room(budget);
}

void budget_learn(struct budget *budget, int64_t batch_bytes)
{
	int64_t estimate = atomic_load_explicit(&budget->estimate, memory_order_relaxed);

	/* Up at once, down slowly: an underestimate breaks the bound, an overestimate costs little. */
	if (batch_bytes > estimate)
		estimate = batch_bytes;
	else
		estimate -= (estimate - batch_bytes) / 64;
	atomic_store_explicit(&budget->estimate, estimate, memory_order_relaxed);
}
