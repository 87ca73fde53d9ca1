// SPDX-License-Identifier: MIT
/* What the two syslog formats share: the fields, and a state that remembers times and words. */
#ifndef PARSE_SYSLOG_H
#define PARSE_SYSLOG_H

#include "parse.h"
#include "text.h"

enum syslog_slot {
	SYSLOG_FACILITY,
	SYSLOG_SEVERITY,
	SYSLOG_HOST,
	SYSLOG_PROGRAM,
	SYSLOG_PID,
	SYSLOG_MSGID,
	SYSLOG_SD,
	SYSLOG_MESSAGE,
	SYSLOG_SLOTS
};

/* After `<PRI>1 `: the rest of an RFC 5424 line. */
const char *syslog_5424_parse(struct parse *parse, const struct line *line, struct cursor c);
/* A process id: an INT when it is one. */
struct weir_value syslog_pid(const struct line *line, const char *from, const char *to);

#endif
