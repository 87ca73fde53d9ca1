// SPDX-License-Identifier: MIT
/*
 * One syslog message taken apart: RFC 5424, or RFC 3164 as it is seen.
 *
 *     <PRI>1 2023-10-11T22:14:15.003Z host app procid msgid [id name="value"] message
 *     <PRI>Oct 11 22:14:15 host app[procid]: message
 *     <PRI>2023-10-11T22:14:15.003+02:00 host app: message
 *     <PRI>message
 *
 * RFC 3164 only describes what was found, and so does this: of what follows `<PRI>` nothing must be
 * there. A message without `<PRI>`, or one that says it is of version 1 and is not, can't be parsed.
 */
#ifndef SYSLOG_MESSAGE_H
#define SYSLOG_MESSAGE_H

#include "support/timeparse/zone.h"

#define MESSAGE_NO_TIME INT64_MIN

/* Slices point into the text; those without data were not there. */
struct message {
	uint32_t facility, severity;
	int64_t time_ns; /* or MESSAGE_NO_TIME */
	struct weir_slice hostname, app_name, procid, msgid;
	struct weir_slice data; /* `[id name="value"]...`, checked */
	struct weir_slice text;
};

/* The zone is of times that don't name one; the reference gives a year to those without. NULL, or what
 * is wrong. */
const char *message_parse(struct weir_slice text, const struct time_zone *zone,
			  int64_t reference_ns, struct message *ret_message);

/* ---- structured data (structured_data.c) ---- */

/* Bytes of the structured data that the text begins with; 0 when it is none. */
uint64_t structured_data_size(struct weir_slice text);
/* Bytes that its JSON takes at most. */
uint64_t structured_data_json_max(struct weir_slice data);
/* Writes it as a JSON object of objects; returns its size. The data was checked. */
uint64_t structured_data_json(struct weir_slice data, char *out);

#endif
