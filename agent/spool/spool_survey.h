// SPDX-License-Identifier: MIT
/*
 * A disk queue looked at from outside: what is in it, what is damaged, and repair.
 *
 * A survey reads only, and may be made while an agent uses the queue.
 */
#ifndef SPOOL_SPOOL_SURVEY_H
#define SPOOL_SPOOL_SURVEY_H

#include "spool/spool_segment.h"

struct spool_segment_survey {
	uint64_t records;    /* whole ones */
	uint64_t waiting;    /* of them, from the given offset on */
	uint64_t missing;    /* known to have been there */
	uint64_t damaged;    /* bytes that are no frame */
	uint64_t unfinished; /* bytes behind the last frame of a segment without a seal */
	int is_sealed;
};

struct spool_survey {
	uint32_t segments;
	uint64_t bytes;
	uint64_t position; /* acknowledged */
	int slots;         /* valid ones of the state, of 2; -1 = there is no state */
	struct spool_segment_survey total;
	uint32_t bad_segments;
};

/* Walks through a segment. `from`: offset from which its records wait. */
int spool_segment_survey(int folder_fd, const struct spool_segment *segment, uint32_t from,
			 struct spool_segment_survey *ret_survey, struct weir_error *error);

/* each(), if not NULL, is told of every segment that is damaged. */
int spool_survey(const char *path, struct spool_survey *ret_survey,
		 void (*each)(void *user, const struct spool_segment *segment,
			      const struct spool_segment_survey *survey),
		 void *user, struct weir_error *error);

/* Writes every damaged segment anew with what of it is whole and still waits. Takes the queue's lock:
 * WEIR_ERR_REFUSED while an agent has it. *ret_survey is that from before. */
int spool_repair(const char *path, struct spool_survey *ret_survey, struct weir_error *error);

/* ---- walking through a file ---- */

/* Calls call() for every whole frame from an offset on, with the bytes of damage before it, and at the
 * end once with a NULL frame and the bytes behind the last. A negative answer ends the walk. */
int spool_segment_walk(int folder_fd, const struct spool_segment *segment, uint32_t from,
		       int (*call)(void *user, const struct spool_frame *frame, uint32_t skipped),
		       void *user, struct weir_error *error);

#endif
