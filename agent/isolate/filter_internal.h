// SPDX-License-Identifier: MIT
/* The inside of an isolated filter, for filter.c and filter_result.c. */
#ifndef ISOLATE_FILTER_INTERNAL_H
#define ISOLATE_FILTER_INTERNAL_H

#include "isolate/image.h"
#include "isolate/kept.h"
#include "isolate/link.h"

/* Words by which records die, of one plugin; those beyond are called by the last. */
#define REASONS_MAX 32

struct isolated_filter {
	struct link link;
	pthread_mutex_t lock; /* held over every call */
	struct kept_list kept;
	struct batch *again; /* what a lost process held, not yet in the next */
	uint32_t again_losses;
	uint32_t timer_losses; /* in a row */
	int is_started, is_stopped;
	struct image_merge merge;
	uint64_t *aside; /* that merge.aside points at */
	struct buffer scratch;
	char *reasons[REASONS_MAX];
	const char *doing;
};

/* What a call has brought about: all of it, or (negative) nothing. `batch`: that it was about, or NULL. */
int filter_take_result(struct isolated_filter *filter, struct batch *batch, struct answer *answer,
		       struct weir_error *error);

#endif
