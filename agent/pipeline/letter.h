// SPDX-License-Identifier: MIT
/*
 * A dead letter as JSON, one a line: what dead_letter.c writes and `weir dead` reads back.
 *
 *   time         when it died             kind       of the stage: input, filter, output
 *   pipeline, stage, reason, error        who gave it up, and why
 *   source, source_id, position, ordinal  the record's id: its file, and where it began there
 *   line         the original text, or line_base64, its bytes
 *   record       the fields, where there was no line
 *   @timestamp   of the record; not a field, but as the output adds it
 */
#ifndef PIPELINE_LETTER_H
#define PIPELINE_LETTER_H

#include "expr/scratch.h"

enum letter_key {
	LETTER_TIME,
	LETTER_PIPELINE,
	LETTER_STAGE,
	LETTER_KIND,
	LETTER_REASON,
	LETTER_ERROR,
	LETTER_SOURCE,
	LETTER_SOURCE_ID,
	LETTER_POSITION,
	LETTER_ORDINAL,
	LETTER_TIMESTAMP,
	LETTER_LINE,
	LETTER_RECORD,
	LETTER_KEYS
};

extern const char *const letter_keys[LETTER_KEYS];
#define LETTER_LINE_BASE64 "line_base64"

struct letter {
	/* Borrowed from the text or the scratch memory; empty where the letter does not have it. */
	struct weir_slice pipeline, stage, kind, reason, error, source;
	struct weir_slice line;
	struct weir_slice record; /* JSON text of an object */
	int has_line;
	int has_id;     /* source_id, position and ordinal are those of the record */
	uint8_t id[16]; /* of the source */
	uint64_t position;
	uint32_t ordinal;
	int64_t time_ns;      /* 0 = unknown */
	int64_t timestamp_ns; /* 0 = unknown */
};

/* 0, or WEIR_ERR_INVALID when the text, a line without its newline, is no whole letter. Memory comes
 * from the scratch and is good until it is reset. */
int letter_read(struct scratch *scratch, struct weir_slice text, struct letter *ret_letter);

#endif
