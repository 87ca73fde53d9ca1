// SPDX-License-Identifier: MIT
/*
 * What the parts of the parse filter share: the instance, and the table by which it knows formats.
 *
 *   plugin.c   options and instances
 *   parse.c    the walk over a batch
 *   layout.c   which shape the parsed records get, remembered per shape that comes in
 *   convert.c  the `types` and `time` options
 *   failure.c  what becomes of a line that doesn't parse
 *   the rest   one file per format
 *
 * A format turns one line into values in instance->values; it never touches the batch's arrays,
 * except that it takes text through parse_text(). So rows are reserved once a batch, and a line
 * that fails half-way leaves nothing behind.
 *
 * Threads: an instance is called by one worker at a time; nothing is shared between instances.
 */
#ifndef PARSE_H
#define PARSE_H

#include <weir/plugin.h>

#include "scan.h"
#include "support/timeparse/clf.h"
#include "support/timeparse/zone.h"

/* Free slots after the parsed fields, for the filters that follow. */
#define PARSE_SPARE 4
/* A field that a format did not give a time for. */
#define PARSE_NO_TIME INT64_MIN

#define PARSE_ON_ERROR_PASS 0
#define PARSE_ON_ERROR_DEAD 1
#define PARSE_ON_ERROR_DROP 2

struct parse;
struct layout;
struct layouts;
struct partials;
struct converter;

/* The text to parse, and where it lies in the batch. */
struct line {
	const char *text;
	uint32_t size;
	uint16_t block;
	uint64_t offset;
};

struct parse_format {
	const char *name;
	/* Optional. Reads the format's own options and fills keys, for formats that know theirs. */
	int (*create)(struct parse *parse, const struct weir_node *options,
		      struct weir_error *error);
	void (*destroy)(struct parse *parse);
	/* Fills parse->values, and keys when the format doesn't know them beforehand. Returns NULL,
	 * or a constant text that says what is wrong with the line. */
	const char *(*parse)(struct parse *parse, const struct line *line);
	/* The format knows the option `names: kinesis_agent`, parse->agent_names. */
	uint32_t has_agent_names;
	/* The format knows its keys, fills only its own slots, and takes no text: so its values may
	 * go straight into the record's row, instead of through a copy. */
	uint32_t in_place;
};

struct parse {
	const struct weir_services *host;
	struct weir_context *context;
	const struct parse_format *format;
	void *format_state;        /* the format's own */
	struct partials *partials; /* of formats that join lines; NULL otherwise */

	const struct weir_node *options;
	struct weir_slice field; /* which one is parsed */
	int32_t keep;
	int32_t on_error;
	int32_t agent_names;    /* fields are named as Kinesis Agent names them */
	int32_t in_place;       /* the format's word, and nothing changes its values after it */
	struct time_zone *zone; /* of times that don't name one */
	struct converter *converter; /* NULL without `types` and `time` */

	/* What the format found in the line at hand. */
	struct weir_value *values; /* of the instance, or those of the record's new row */
	struct weir_value *own_values;
	struct weir_slice *keys;
	uint32_t count;
	uint32_t capacity;     /* of own_values and keys */
	uint32_t keys_hash;    /* of keys; 0 when they never change */
	int64_t time_ns;       /* @timestamp, or PARSE_NO_TIME */
	int64_t reference_ns;  /* when the line was read: gives a time without a year its year */
	const char *time_from; /* where the time is written, for agent_names.h; NULL without one */
	const char *time_to;
	/* The layout of the record before, whose keys a format may compare with what it finds; it
	 * sets `same` to it when they are equal. */
	const struct layout *last;
	const struct layout *same;
	uint32_t *table; /* of keys.c */
	uint32_t table_size;

	/* The batch at hand. */
	struct weir_batch *batch;
	uint32_t record;  /* index of the record at hand */
	uint64_t batches; /* how many so far: tells old from new in caches */
	uint32_t carried; /* fields that the record at hand has now */
	uint32_t width;   /* values that the widest row so far took */
	struct layouts *layouts;
	int held;                      /* the format keeps the record at hand back */
	int releasing;                 /* what is parsed was held: it must not be held again */
	const struct weir_shape *from; /* shape of the last record, and its slot of `field` */
	int32_t from_slot;

	const char *reason_text; /* of the last failure, and where its text lies in this batch */
	struct weir_value reason_value;
	const struct weir_shape
		*marked_from; /* the last shape that got a parse_error, and to what */
	uint16_t marked_shape;

	scan_function scan;
	struct clf_cache clf;

	struct weir_metric *unparsed_metric, *type_metric, *time_metric;
	uint32_t unparsed, type_errors, time_errors; /* of this batch */
};

/* A slice of the line as a value. */
static inline struct weir_value line_value(const struct line *line, uint8_t tag, uint8_t flags,
					   const char *from, const char *to)
{
	return weir_value_text(tag, flags, line->block,
			       line->offset + (uint64_t)(from - line->text), (uint32_t)(to - from));
}

static inline struct weir_value absent_value(void)
{
	return (struct weir_value){.tag = WEIR_ABSENT};
}

/* Room for text that lives with the batch; NULL when there is no memory. */
char *parse_text(struct parse *parse, uint32_t size, struct weir_value *ret_value);
/* Gives back what a text did not need. It must be the last that was taken. */
void parse_text_cut(struct parse *parse, struct weir_value *value, uint32_t size);
/* A new row for the record at hand: `count` slots to fill, and PARSE_SPARE free ones. May move the
 * batch's arrays. */
int parse_row(struct parse *parse, uint32_t count, struct weir_value **ret_row);
/* Gives back the row that was made last. */
void parse_row_undo(struct parse *parse, uint32_t count);
/* Makes it the record's. */
void parse_row_set(struct parse *parse, struct weir_value *row, uint32_t count, uint16_t shape);
/* Declares the fields of a format that knows them; names must outlive the instance. */
int parse_keys(struct parse *parse, const char *const *names, uint32_t count,
	       struct weir_error *error);
/* Room for `capacity` values and keys. */
int parse_grow(struct parse *parse, uint32_t capacity);

/* Parses every record of the batch. */
int parse_batch(struct parse *parse, struct weir_batch *batch, struct weir_error *error);

extern const struct parse_format apache_error_format, combined_format, common_format, cri_format,
	csv_format, docker_format, grok_format, json_format, key_value_format, logfmt_format,
	ltsv_format, nginx_error_format, regex_format, syslog_format, tsv_format;

#endif
