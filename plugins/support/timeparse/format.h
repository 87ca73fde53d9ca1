// SPDX-License-Identifier: MIT
/*
 * Times by a format, as strptime() knows them, with fractions and zones added, and without the
 * process's locale and time zone.
 *
 *   %Y %y %m %d %e %j %b %B %h %a %A   %H %I %p %M %S %T %R %F %D   %z %Z %s %f   %% %n %t
 *
 * %f is a fraction of a second of any number of digits (nine count). %z takes +0200, +02:00, +02
 * and Z; %Z takes UTC, GMT and Z. White space in the format takes any white space, or none.
 * Instead of a format there are the words: iso8601, rfc3339, epoch, epoch_ms, epoch_us, epoch_ns.
 *
 * A text without a zone is read by the zone given. One without a year gets that of the reference
 * time (when it was read), except that a time more than a day after the reference belongs to the
 * year before.
 */
#ifndef TIMEPARSE_FORMAT_H
#define TIMEPARSE_FORMAT_H

#include <weir/abi.h>

#include "calendar.h"
#include "zone.h"

struct time_format;

/* error->offset points to what is wrong in the text. The zone is borrowed. */
int time_format_create(const char *text, const struct time_zone *zone,
		       struct time_format **ret_format, struct weir_error *error);
void time_format_destroy(struct time_format *format);
/* 0, or -1 when the text is not wholly of the format. */
int time_format_parse(const struct time_format *format, const char *text, uint64_t size,
		      int64_t reference_ns, int64_t *ret_ns);

/* The moment of a wall time without a year; -1 when there is no such day. */
int time_without_year(struct calendar *when, const struct time_zone *zone, int64_t reference_ns,
		      int64_t *ret_utc_seconds);
/* 2024-02-29T12:00:00.123Z and its relatives: the date alone, minutes alone, a space for the T, a
 * comma for the point, the basic form without separators. `strict` is RFC 3339: seconds and a zone
 * must be there. */
int iso_time_parse(const char *text, uint64_t size, const struct time_zone *zone, int strict,
		   int64_t *ret_ns);
/* Digits, with a sign and a fraction, in units of `unit_ns`. */
int epoch_time_parse(const char *text, uint64_t size, int64_t unit_ns, int64_t *ret_ns);

#endif
