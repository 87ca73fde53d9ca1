// SPDX-License-Identifier: MIT
/*
 * The nearest right word for a misspelt one, by edits (a letter more, less, other, or two letters
 * swapped). A word that is too far off is no help and is not offered.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <weir/abi.h>

struct nearest {
	struct weir_slice found; /* what the user wrote */
	struct weir_slice best;  /* the nearest so far; borrowed; empty = none */
	uint32_t edits;
};

struct nearest nearest_to(struct weir_slice found);
void nearest_offer(struct nearest *nearest, struct weir_slice word);

#endif
