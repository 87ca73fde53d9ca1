// SPDX-License-Identifier: MIT
/*
 * The sources that the state database knows of a pipeline from earlier runs, read once at its
 * creation, with a position for each output of today's configuration.
 *
 * An output that is new to the pipeline starts where the furthest of the others stands: at the
 * pipeline's present position.
 */
#ifndef PIPELINE_KNOWN_H
#define PIPELINE_KNOWN_H

#include <stdint.h>
#include <weir/abi.h>

#include "pipeline/pipeline.h"

struct known_source {
	uint8_t id[16];
	char *input; /* in one piece with the name and the identity; NULL once inputs have started */
	struct weir_slice name, identity;
	int64_t seen_ns;
	uint64_t *positions;   /* per output; of one array of the pipeline's */
	struct ledger *ledger; /* that its last source had in this run, or NULL */
	uint64_t had_until;    /* as that of a source */
	struct hold_positions held;
	int over;   /* read to its end: not to be offered */
	int stored; /* the database has it so, with these positions */
};

int known_load(struct pipeline *pipeline, struct weir_error *error);
void known_free(struct pipeline *pipeline);
/* The inputs have asked: frees what only known_at() shows, which then finds nothing. */
void known_asked(struct pipeline *pipeline);
/* The input's source of this index, or NULL; quick when asked for one after the other. The name of the
 * input stays as long as the pipeline. */
const struct known_source *known_at(struct pipeline *pipeline, const char *input, uint32_t index);
/* True when the database has the source with these positions, this name and this identity, and nothing
 * needs to be written. */
int known_is_stored(const struct known_source *known, struct weir_slice name,
		    struct weir_slice identity);
struct known_source *known_find(const struct pipeline *pipeline, const uint8_t id[16]);
/* Where reading goes on: the least of its positions. */
uint64_t known_position(const struct pipeline *pipeline, const struct known_source *known);

#endif
