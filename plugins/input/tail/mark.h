// SPDX-License-Identifier: MIT
/*
 * Turns text that lies in a block into records: one per line, or per group of lines. Nothing is
 * copied. Lines that are not finished are left; the caller reads them again when there is more.
 */
#ifndef TAIL_MARK_H
#define TAIL_MARK_H

#include "catalog.h"

/* Records in one batch, at most: bounds its memory when lines are very short. */
#define MARK_RECORDS_MAX 16384

/* NUL bytes at the start of a line from which on they are taken for a hole, not for data. */
#define MARK_NUL_RUN 512

struct mark {
	const struct catalog *catalog;
	struct file *file; /* cut and header_left are read and changed */
	struct weir_batch *batch;
	uint32_t base; /* of the text in the block */
	uint32_t size;
	uint64_t position; /* of the text in the source */
	uint16_t block;
	uint16_t shape;
	uint8_t take_group; /* the last group is finished */
	uint8_t take_rest;  /* the last line is finished without its newline */
	/* Results. */
	uint8_t full;      /* stopped at MARK_RECORDS_MAX */
	uint8_t pending;   /* a group waits for more lines */
	uint32_t consumed; /* bytes that are dealt with */
	uint64_t skipped_nul;
	uint64_t long_lines;
};

int mark_text(struct mark *mark);

#endif
