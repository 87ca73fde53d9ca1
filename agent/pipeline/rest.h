// SPDX-License-Identifier: MIT
/*
 * A source that has more to read again and again is read at a steady pace, not at each event: every
 * turn wakes threads and makes a batch, which for a single line costs ten times the line. The first
 * event after a pause is acted on at once.
 *
 * The pace is a fifth of the least `linger` of the pipeline's outputs, which say by it how long a
 * record may wait for company; with `linger: 0s` no source rests. Nor do sources that cannot be read
 * again: a pipe or a peer holds little, and waits for its reader.
 *
 * Any thread. One timer per pipeline ends the rest of all its sources.
 */
#ifndef PIPELINE_REST_H
#define PIPELINE_REST_H

#include <stdint.h>

struct pipeline;
struct source;
struct weir_context;

/* Once the outputs are there. */
void rest_init(struct pipeline *pipeline);
/* At the end of a turn that has read all there is. True when the source rests: the turn leaves it
 * alone then, and what becomes ready meanwhile is read at the end of the rest. */
int rest_begin(struct source *source);
/* No source of the input rests for so long. */
void rest_forgo(struct weir_context *input, uint64_t ns);
/* When nothing is read any more. */
void rest_stop(struct pipeline *pipeline);

#endif
