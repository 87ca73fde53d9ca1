// SPDX-License-Identifier: MIT
/* What `weir top` knows: a row per pipeline and per stage, with rates from one /status to the next. */
#ifndef CLI_TOP_MODEL_H
#define CLI_TOP_MODEL_H

#include <stdint.h>

#include "cli/document.h"

#define TOP_HISTORY 16
#define TOP_NAME 72
#define TOP_WHY 256

struct top_row {
	char pipeline[TOP_NAME];
	char name[TOP_NAME]; /* "input tail"; empty: the pipeline as a whole */
	char note
		[TOP_NAME]; /* its state, "stalled" or "refused", where that is not as it should be */
	char why[TOP_WHY]; /* the reason, as others have worded it */
	int is_down;       /* it does not run: there are no figures */
	int64_t records, bytes, lag, retries, errors, memory;
	double records_s, bytes_s;
	double history[TOP_HISTORY]; /* records_s, the newest last */
	uint32_t order;              /* in the document */
	int samples, seen;
};

struct top_model {
	struct top_row *rows;
	size_t count;
	uint64_t taken_ns;
	char title[128]; /* version, host, memory */
};

/* Takes up a document of /status at that time. */
void top_model_take(struct top_model *model, struct weir_slice document, uint64_t now_ns);
void top_model_done(struct top_model *model);

#endif
