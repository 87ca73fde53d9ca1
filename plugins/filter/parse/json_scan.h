// SPDX-License-Identifier: MIT
/*
 * Where the tokens of JSON begin, by the first stage of simdjson; the only file that knows it is
 * json_scan.cpp.
 *
 *     {"a":12,"b":"x y","c":{"d":[]}}
 *     ^^  ^^ ^^  ^^    ^^  ^^^  ^^^^^
 *
 * That is each bracket, colon and comma, the opening quote of each string, and the first byte of
 * anything else, all outside of strings. The text is then valid UTF-8, and every string is closed
 * and without control characters.
 *
 * One call of the first stage serves the lines that follow each other, up to a bound: a call of its
 * own for each line costs twice as much. It gives the same places as calls line by line, because no
 * string goes over a line break, which would be an error of the whole; on an error the line is
 * looked at alone.
 */
#ifndef PARSE_JSON_SCAN_H
#define PARSE_JSON_SCAN_H

#include <weir/batch.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Indexes behind the last one, which point at the end of the text. */
#define JSON_SPARE_INDEXES 3

struct json_scan;

/* A line, and where it lies. WEIR_BLOCK_PADDING bytes after it are readable. */
struct json_line {
	const char *text;
	uint32_t size;
	uint16_t block;     /* for the values */
	const char *origin; /* where that block begins */
	const char *filled; /* where it ends, as far as it is filled: likely with more lines */
	uint64_t batch;     /* while this is the same, text doesn't change where it is */
};

/* What the first stage has gone through; the line is in it. */
struct json_scanned {
	const char *from, *to; /* indexes count from `from` */
	uint64_t batch;
	const uint32_t *next; /* the first place that is not behind the last line; who reads lines
				 moves it on */
	/* The first one that is not behind what was read; `to` without one. Moved on likewise. */
	const char *backslash;
};

struct json_scan *json_scan_create(void); /* NULL without memory */
void json_scan_destroy(struct json_scan *scan);

/* NULL, and where the line's tokens begin, until the next call; or a constant text that says what is
 * wrong. */
const char *json_scan_line(struct json_scan *scan, const struct json_line *line,
			   struct json_scanned **ret_scanned);

/* The first backslash, or `to`. */
static inline const char *json_backslash(const char *from, const char *to)
{
	const void *found = from < to ? memchr(from, '\\', (size_t)(to - from)) : NULL;

	return found ? (const char *)found : to;
}

#ifdef __cplusplus
}
#endif

#endif
