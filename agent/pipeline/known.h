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
	char *input;
	char *name;
	struct weir_slice identity; /* owned */
	int64_t seen_ns;
	uint64_t *positions;   /* per output */
	struct ledger *ledger; /* that its last source had in this run, or NULL */
	uint64_t had_until;    /* as that of a source */
	struct hold_positions held;
	int over; /* read to its end: not to be offered */
};

int known_load(struct pipeline *pipeline, struct weir_error *error);
void known_free(struct pipeline *pipeline);
const struct known_source *known_at(const struct pipeline *pipeline, const char *input,
				    uint32_t index);
struct known_source *known_find(const struct pipeline *pipeline, const uint8_t id[16]);
/* Where reading goes on: the least of its positions. */
uint64_t known_position(const struct pipeline *pipeline, const struct known_source *known);

#endif
