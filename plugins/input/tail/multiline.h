// SPDX-License-Identifier: MIT
/*
 * Which lines belong together. Presets are small state machines over line patterns; own patterns
 * (start, continue, end) are the same with one state. Immutable after creation, so that all workers
 * may use it; what changes with a group is a state that the caller keeps.
 *
 * A pattern that is anchored knows by which bytes a line must begin, so that most lines are
 * rejected without running it.
 */
#ifndef TAIL_MULTILINE_H
#define TAIL_MULTILINE_H

#include <weir/plugin.h>

#define MULTILINE_DONE 255 /* state of a group that no further line can join */

struct multiline;
/* What one thread needs while it matches. */
struct multiline_scratch;

/* From the option's node. */
int multiline_create(const struct weir_node *node, struct multiline **ret_multiline,
		     struct weir_error *error);
void multiline_destroy(struct multiline *multiline);
uint64_t multiline_timeout_ns(const struct multiline *multiline);
uint32_t multiline_max_bytes(const struct multiline *multiline);

struct multiline_scratch *multiline_scratch_new(void);
void multiline_scratch_free(struct multiline_scratch *scratch);

/* The state of a group that begins with this line. */
uint8_t multiline_begin(const struct multiline *multiline, struct multiline_scratch *scratch,
			const uint8_t *line, uint32_t size);
/* 1 when the line joins the group, whose state is then changed; 0 when it begins a new one. */
int multiline_join(const struct multiline *multiline, struct multiline_scratch *scratch,
		   uint8_t *state, const uint8_t *line, uint32_t size);

#endif
