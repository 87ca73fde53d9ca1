// SPDX-License-Identifier: MIT
/* The screen of `weir top`: which rows are shown, in which order, and how they look. */
#ifndef CLI_TOP_DRAW_H
#define CLI_TOP_DRAW_H

#include "base/buffer.h"
#include "cli/top_model.h"

#define TOP_SORTS 7 /* columns, from the name on */

struct top_view {
	uint32_t sort; /* the column */
	int reversed;
	char filter[TOP_NAME]; /* part of a pipeline's name */
	int typing;            /* the filter is being typed */
	char open[TOP_NAME];   /* the pipeline whose stages are shown */
	char chosen[TOP_NAME]; /* the pipeline under the cursor */
	char trouble[256];     /* instead of fresh numbers */
	unsigned width, height;
	int ascii; /* no block characters */
};

/* Appends the whole screen, cursor movements included. */
void top_draw(struct buffer *out, const struct top_model *model, struct top_view *view);
/* Moves the cursor by so many pipelines. */
void top_move(const struct top_model *model, struct top_view *view, int by);

#endif
