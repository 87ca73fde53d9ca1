// SPDX-License-Identifier: MIT
/*
 * Lines that container runtimes write in parts: held per source and stream until the last part.
 *
 * What is held is a copy; the records stay unacknowledged by their claims, so a crash reads them
 * again. The record of the last part becomes the whole line: its text is made in the batch, as a
 * line of the same format, and the batch takes the claims. What is too long, waits too long for its
 * end, or must make room goes on as it is, marked WEIR_RECORD_CUT. Nothing is sent on at
 * stop: destroy gives the claims back, which then acknowledges nothing, and the next run reads the
 * parts again.
 *
 *     a line:  | before the part | the part | after it |
 *     held:    | before | part 1 part 2 ... | after |      before and after of the latest line
 */
#ifndef PARSE_PARTIAL_H
#define PARSE_PARTIAL_H

#include "parse.h"

struct partials;

int partials_create(struct parse *parse, const struct weir_node *options,
		    struct partials **ret_partials, struct weir_error *error);
void partials_destroy(struct parse *parse, struct partials *partials);

/*
 * The record at hand is one part of a line, [from, to) of its text. With `more`, more is to come:
 * it is held, parse->held is set. Otherwise, or when it grew too long, the whole line replaces
 * *line, or *line stays when there is nothing to join. Returns NULL or what is wrong.
 */
const char *partials_join(struct parse *parse, struct partials *partials, struct weir_slice stream,
			  const char *from, const char *to, int more, struct line *line);
/* Sends on what waits since before `limit_ns` of the monotonic clock. */
void partials_release(struct parse *parse, struct partials *partials, uint64_t limit_ns);
/* The timer of those that wait. */
void partials_timer(struct parse *parse, struct partials *partials);

#endif
