// SPDX-License-Identifier: MIT
/*
 * Numbered lines, and how often each has been stored.
 *
 * A line has its number and what only that number's line has, so that a damaged one is known for such.
 * Of each number two counts are kept: how often its line was stored, and how often it was without its
 * sender being told. A line that was stored more often than that and once was repeated without need.
 *
 * tally_take() is for any thread.
 */
#ifndef SERVERS_TALLY_H
#define SERVERS_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define TALLY_LINE_MAX 128

struct tally_verdict {
	uint64_t stored;   /* lines, those that came again counted again */
	uint64_t missing;  /* numbers that were never stored */
	uint64_t repeated; /* stored, beyond once each */
	uint64_t needless; /* of these, more than the sender can't have known of */
	uint64_t untold;   /* times that a line was stored without its sender being told */
	uint64_t damaged;  /* lines that are none of ours */
};

/* The line of that number, without a newline; returns its size, at most TALLY_LINE_MAX. */
size_t tally_line(uint64_t number, char *ret_line);
/* Of lines 0 to count - 1, none stored yet. 0, or -1 without memory. Before all below. */
int tally_create(uint64_t count);
/* A line was stored. */
void tally_take(const uint8_t *line, size_t size, int untold);
/* Something came that has no lines. */
void tally_damage(void);
struct tally_verdict tally_verdict(void);

#endif
