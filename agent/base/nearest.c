// SPDX-License-Identifier: MIT
/* Optimal string alignment over three rows; both words are bounded, so the rows are too. */
#include "base/nearest.h"

#include <ctype.h>

#define WORD_MAX 64

/* A third of the letters wrong is the most that still looks like the same word. */
static uint32_t edits_max(struct weir_slice found)
{
	return (uint32_t)((found.size + 2) / 3);
}

struct nearest nearest_to(struct weir_slice found)
{
	struct nearest nearest = {found, {NULL, 0}, edits_max(found) + 1};

	return nearest;
}

static int same_letter(char a, char b)
{
	if ((a == '-' || a == '_') && (b == '-' || b == '_'))
		return 1;
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t edits_between(struct weir_slice a, struct weir_slice b)
{
	uint32_t rows[3][WORD_MAX + 1];

	for (uint32_t j = 0; j <= b.size; j++)
		rows[0][j] = j;
	for (uint32_t i = 1; i <= a.size; i++) {
		uint32_t *row = rows[i % 3];
		const uint32_t *above = rows[(i - 1) % 3];
		const uint32_t *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (uint32_t j = 1; j <= b.size; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				       above[j - 1] + !same_letter(a.data[i - 1], b.data[j - 1]));
			if (i > 1 && j > 1 && same_letter(a.data[i - 1], b.data[j - 2]) &&
			    same_letter(a.data[i - 2], b.data[j - 1]))
				row[j] = least(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[a.size % 3][b.size];
}

/* "timeout" is near to "connect_timeout" for people, though many edits away. */
static int begins_or_ends_with(struct weir_slice word, struct weir_slice part)
{
	if (part.size < 4 || word.size <= part.size)
		return 0;
	return memcmp(word.data, part.data, part.size) == 0 ||
	       memcmp(word.data + word.size - part.size, part.data, part.size) == 0;
}

void nearest_offer(struct nearest *nearest, struct weir_slice word)
{
	struct weir_slice found = nearest->found;
	uint32_t edits, worst = (uint32_t)(found.size > word.size ? found.size : word.size);

	if (found.size == 0 || found.size > WORD_MAX || word.size == 0 || word.size > WORD_MAX)
		return;
	edits = edits_between(found, word);
	if (edits >= nearest->edits && begins_or_ends_with(word, found))
		edits = edits_max(found);
	if (edits < nearest->edits && edits < worst) {
		nearest->edits = edits;
		nearest->best = word;
	}
}
