// SPDX-License-Identifier: MIT
/*
 * Brings text of a file into a batch's block, whatever it comes from: a plain file, UTF-16, or a
 * compressed one; and takes the result of marking it back into offsets of the file.
 */
#ifndef TAIL_FILL_H
#define TAIL_FILL_H

#include "mark.h"

#define FILL_TEXT 0      /* there is text, perhaps none */
#define FILL_TRUNCATED 1 /* the bytes before the offset are no longer what was read */

struct fill {
	struct mark mark;      /* base, size, position, block are set by fill_text() */
	uint64_t size;         /* of a plain file: beyond it nothing is read */
	uint32_t want;         /* bytes of text asked for */
	uint32_t first_record; /* of the batch when this began */
	uint32_t raw_size;     /* bytes of the file that the text came from, with a skipped mark */
	uint32_t skipped;      /* byte order mark at the start */
	uint32_t guard;        /* bytes of guard before the text in the block */
	int at_end;            /* there was no more */
};

/* Returns FILL_* or an error. */
int fill_text(struct fill *fill, struct weir_error *error);
/* After mark_text(): the file's offset and guard move behind what was consumed, and positions are
 * made those of the file. */
void fill_settle(struct fill *fill);

#endif
