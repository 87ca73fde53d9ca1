// SPDX-License-Identifier: MIT
/*
 * Dead letters of a pipeline counted by stage and reason, with the last of each, for the status page.
 * Reasons are few: they are words of plugins. Those beyond the table are counted as "others".
 */
#ifndef PIPELINE_DEAD_TALLY_H
#define PIPELINE_DEAD_TALLY_H

#include <pthread.h>
#include <weir/abi.h>

#include "base/buffer.h"

#define DEAD_TALLY_MAX 16

struct dead_tally {
	pthread_mutex_t lock;
	uint32_t count;
	struct dead_tally_entry {
		uint64_t records;
		char stage[64], reason[40], error[200];
		char sample[300]; /* the beginning of the line */
		uint16_t sample_size;
	} entries[DEAD_TALLY_MAX];
};

void dead_tally_init(struct dead_tally *tally);
void dead_tally_done(struct dead_tally *tally);
void dead_tally_add(struct dead_tally *tally, const char *stage, const char *reason,
		    const char *error, struct weir_slice line);
/* As a JSON list of {stage, reason, count, error, sample}; samples are null without `records`. */
void dead_tally_put(struct dead_tally *tally, int records, struct buffer *out);

#endif
