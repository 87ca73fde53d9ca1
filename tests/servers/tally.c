// SPDX-License-Identifier: MIT
#include "tally.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 10
#define FILLER_MASK 63 /* lines are of that many sizes */
#define OFTEN 255      /* what a count of one byte ends at */

struct count {
	_Atomic uint8_t stored, untold;
};

/* Relaxed atomics: whoever reads does it when all is over. */
static struct count *counts;
static uint64_t count;
static _Atomic uint64_t stored, damaged;

/* The finalizer of splitmix64. */
static uint64_t mixed(uint64_t number)
{
	number += UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
	return number ^ (number >> 31);
}

size_t tally_line(uint64_t number, char *ret_line)
{
	uint64_t mix = mixed(number);
	size_t size = (size_t)snprintf(ret_line, TALLY_LINE_MAX, "%0*" PRIu64 " %016" PRIx64 " ",
				       DIGITS, number, mix);
	size_t filler = mix & FILLER_MASK;

	memset(ret_line + size, 'a' + (int)(mix % 26), filler);
	return size + filler;
}

int tally_create(uint64_t lines)
{
	count = lines;
	counts = calloc(lines, sizeof(*counts));
	return counts ? 0 : -1;
}

static uint64_t number_of(const uint8_t *line, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < DIGITS && i < size; i++) {
		if (line[i] < '0' || line[i] > '9')
			return UINT64_MAX;
		number = 10 * number + (uint64_t)(line[i] - '0');
	}
	return number;
}

static void one_more(_Atomic uint8_t *times)
{
	uint8_t before = atomic_load_explicit(times, memory_order_relaxed);

	while (before < OFTEN &&
	       !atomic_compare_exchange_weak_explicit(times, &before, (uint8_t)(before + 1),
						      memory_order_relaxed, memory_order_relaxed))
		continue;
}

void tally_damage(void)
{
	atomic_fetch_add_explicit(&damaged, 1, memory_order_relaxed);
}

void tally_take(const uint8_t *line, size_t size, int untold)
{
	char wanted[TALLY_LINE_MAX];
	uint64_t number = number_of(line, size);

	if (number >= count || tally_line(number, wanted) != size ||
	    memcmp(wanted, line, size) != 0) {
		tally_damage();
		return;
	}
	atomic_fetch_add_explicit(&stored, 1, memory_order_relaxed);
	one_more(&counts[number].stored);
	if (untold)
		one_more(&counts[number].untold);
}

struct tally_verdict tally_verdict(void)
{
	struct tally_verdict verdict = {.stored = stored, .damaged = damaged};

	for (uint64_t i = 0; i < count; i++) {
		uint64_t again = counts[i].stored > 1 ? counts[i].stored - 1u : 0;

		verdict.missing += counts[i].stored == 0;
		verdict.repeated += again;
		verdict.untold += counts[i].untold;
		verdict.needless += again > counts[i].untold ? again - counts[i].untold : 0;
	}
	return verdict;
}
