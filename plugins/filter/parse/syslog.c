// SPDX-License-Identifier: MIT
/*
 * The format `syslog`: RFC 5424, RFC 3164, and what is found in files under /var/log, told apart
 * line by line:
 *
 *     <PRI>1 2023-10-11T22:14:15.003Z host program pid msgid [sd] message
 *     <PRI>Oct 11 22:14:15 host program[pid]: message
 *     Oct 11 22:14:15 host program[pid]: message
 *     2023-10-11T22:14:15.003+02:00 host program[pid]: message
 *
 * Times without a year get one from the time of reading; without a zone, that of the `time` option.
 * Facility and severity are words. RFC 3164 is not strict and neither is this: what has no program
 * is all message; only a line without a time doesn't parse.
 */
#include "syslog.h"

#include <stdlib.h>

#include "agent_names.h"
#include "number.h"
#include "support/timeparse/digits.h"
#include "support/timeparse/format.h"

#define FACILITIES 24
#define SEVERITIES 8
#define PRI_MAX (FACILITIES * SEVERITIES - 1)
/* RFC 3164 allows 32; programs with paths and long unit names are seen. */
#define PROGRAM_MAX 128
#define MINUTE_NS INT64_C(60000000000)

static const char *const words[FACILITIES + SEVERITIES] = {
	"kern",   "user",   "mail",     "daemon", "auth",    "syslog", "lpr",    "news",
	"uucp",   "cron",   "authpriv", "ftp",    "ntp",     "audit",  "alert",  "clock",
	"local0", "local1", "local2",   "local3", "local4",  "local5", "local6", "local7",
	"emerg",  "alert",  "crit",     "err",    "warning", "notice", "info",   "debug"};

static const char *const slot_names[SYSLOG_SLOTS] = {"facility", "severity", "host", "program",
						     "pid",      "msgid",    "sd",   "message"};

#define SLOT_TIMESTAMP SYSLOG_SLOTS /* for the agent's names */

static const struct agent_names agent = {
	5,
	0,
	{"timestamp", "hostname", "program", "processid", "message"},
	{SLOT_TIMESTAMP, SYSLOG_HOST, SYSLOG_PROGRAM, SYSLOG_PID, SYSLOG_MESSAGE}};

struct syslog {
	uint64_t batch; /* the one that word_values lie in */
	struct weir_value word_values[FACILITIES + SEVERITIES];
	/* The minute of the last time without a year: `Oct 11 22:14:` */
	char minute[13];
	int32_t minute_valid;
	int64_t minute_seconds;
	int64_t minute_reference_ns;
};

/* ---- facility and severity ------------------------------------------------------------------- */

/* Copies the words into the batch, once. */
static int words_ready(struct parse *parse, struct syslog *syslog)
{
	uint32_t size = 0;
	struct weir_value all;
	char *text;

	if (syslog->batch == parse->batches)
		return 0;
	for (uint32_t i = 0; i < FACILITIES + SEVERITIES; i++)
		size += (uint32_t)strlen(words[i]);
	text = parse_text(parse, size, &all);
	if (!text)
		return -1;
	for (uint32_t i = 0; i < FACILITIES + SEVERITIES; i++) {
		uint32_t length = (uint32_t)strlen(words[i]);

		memcpy(text, words[i], length);
		syslog->word_values[i] = weir_value_text(WEIR_STRING, WEIR_VALUE_PLAIN, all.block,
							 all.as.offset, length);
		text += length;
		all.as.offset += length;
	}
	syslog->batch = parse->batches;
	return 0;
}

/* `<PRI>`; 0 when there is none, -1 when it is no such number. */
static int read_pri(struct cursor *c, int32_t *ret_pri)
{
	struct reader r = {c->at, c->end};

	if (!take_byte(&r, '<'))
		return 0;
	if (take_up_to(&r, 3, ret_pri) != 0 || *ret_pri > PRI_MAX || !take_byte(&r, '>'))
		return -1;
	c->at = r.at;
	return 1;
}

/* ---- RFC 3164 and files ---------------------------------------------------------------------- */

/* `Oct 11 22:14:15`, the day perhaps padded with a space or not at all. */
static int read_bsd_time(struct parse *parse, struct cursor *c)
{
	struct reader r = {c->at, c->end};
	struct calendar when = {.second = 0};
	int64_t seconds;

	if (r.end - r.at < 14)
		return -1;
	when.month = calendar_month_named(r.at);
	r.at += 3;
	if (when.month == 0 || !take_byte(&r, ' '))
		return -1;
	(void)take_byte(&r, ' ');
	if (take_up_to(&r, 2, &when.day) != 0 || !take_byte(&r, ' ') ||
	    take_digits(&r, 2, &when.hour) != 0 || !take_byte(&r, ':') ||
	    take_digits(&r, 2, &when.minute) != 0 || !take_byte(&r, ':') ||
	    take_digits(&r, 2, &when.second) != 0 ||
	    time_without_year(&when, parse->zone, parse->reference_ns, &seconds) != 0)
		return -1;
	c->at = r.at;
	return calendar_ns(seconds, 0, &parse->time_ns);
}

/* The same by the last line's minute, which is what a busy log has. */
static int read_minute(struct parse *parse, struct syslog *syslog, struct cursor *c)
{
	struct reader r = {c->at + sizeof(syslog->minute), c->end};
	const char *from = c->at;
	int64_t latest_ns;
	int32_t second;

	if (c->end - c->at < 15)
		return read_bsd_time(parse, c);
	if (syslog->minute_valid && syslog->minute_reference_ns == parse->reference_ns &&
	    memcmp(syslog->minute, from, sizeof(syslog->minute)) == 0 &&
	    take_digits(&r, 2, &second) == 0 && second <= 60) {
		c->at = r.at;
		parse->time_ns = syslog->minute_seconds * 1000000000 + second * INT64_C(1000000000);
		return 0;
	}
	syslog->minute_valid = 0;
	if (read_bsd_time(parse, c) != 0)
		return -1;
	/* Near the moment from which on a time belongs to the year before, seconds matter. */
	latest_ns = parse->reference_ns + CALENDAR_DAY_S * INT64_C(1000000000);
	if (c->at - from != 15 || parse->time_ns > latest_ns - MINUTE_NS ||
	    parse->time_ns < latest_ns - 364 * CALENDAR_DAY_S * INT64_C(1000000000))
		return 0;
	memcpy(syslog->minute, from, sizeof(syslog->minute));
	syslog->minute_seconds =
		parse->time_ns / 1000000000 - (from[13] - '0') * 10 - (from[14] - '0');
	syslog->minute_reference_ns = parse->reference_ns;
	syslog->minute_valid = 1;
	return 0;
}

/* A time in ISO 8601, up to the next space. */
static int read_iso_time(struct parse *parse, struct cursor *c)
{
	struct cursor next = *c;
	const char *from = c->at, *to = cursor_take_until(&next, ' ');

	if (!to)
		to = next.at = c->end;
	if (iso_time_parse(from, (uint64_t)(to - from), parse->zone, 0, &parse->time_ns) != 0)
		return -1;
	c->at = to;
	return 0;
}

struct weir_value syslog_pid(const struct line *line, const char *from, const char *to)
{
	uint8_t tag = number_tag(from, (uint32_t)(to - from));

	return tag == WEIR_INT ? line_value(line, WEIR_INT, WEIR_VALUE_TEXT, from, to)
			       : line_value(line, WEIR_STRING, 0, from, to);
}

/* `program[pid]: ` or `program: `; 0 when what follows is no such tag. */
static int read_tag(const struct line *line, struct cursor *c, struct weir_value *values)
{
	const char *at = c->at, *program_end, *pid = NULL, *pid_end = NULL;

	while (at < c->end && at - c->at < PROGRAM_MAX && *at != ' ' && *at != ':' && *at != '[')
		at++;
	program_end = at;
	if (at == c->at || at == c->end)
		return 0;
	if (*at == '[') {
		pid = at + 1;
		pid_end = memchr(pid, ']', (size_t)(c->end - pid));
		if (!pid_end || pid_end - pid > PROGRAM_MAX)
			return 0;
		at = pid_end + 1;
	}
	if (at == c->end || *at != ':')
		return 0;
	values[SYSLOG_PROGRAM] = line_value(line, WEIR_STRING, 0, c->at, program_end);
	if (pid && pid < pid_end)
		values[SYSLOG_PID] = syslog_pid(line, pid, pid_end);
	c->at = at + 1;
	(void)cursor_take(c, ' ');
	return 1;
}

/* After the time. A first word that is a tag itself means that there is no host. */
static void read_rest(const struct line *line, struct cursor c, struct weir_value *values)
{
	const char *from, *to;

	(void)cursor_take(&c, ' ');
	from = c.at;
	to = cursor_take_until(&c, ' ');
	if (to && to > from && to[-1] != ':') {
		values[SYSLOG_HOST] = line_value(line, WEIR_STRING, 0, from, to);
	} else {
		c.at = from;
	}
	(void)read_tag(line, &c, values);
	values[SYSLOG_MESSAGE] = line_value(line, WEIR_STRING, 0, c.at, c.end);
}

/* ---- either ---------------------------------------------------------------------------------- */

static const char *read_line(struct parse *parse, const struct line *line)
{
	struct syslog *syslog = parse->format_state;
	struct weir_value *values = parse->values;
	struct cursor c = {line->text, line->text + line->size};
	int32_t pri = 0;
	int has_pri;

	if (c.at < c.end && c.end[-1] == '\r')
		c.end--;
	has_pri = read_pri(&c, &pri);
	if (has_pri < 0)
		return "no priority between < and >";
	memset(values, 0, SYSLOG_SLOTS * sizeof(*values));
	if (has_pri) {
		if (words_ready(parse, syslog) != 0)
			return "no memory for the fields";
		values[SYSLOG_FACILITY] = syslog->word_values[pri / SEVERITIES];
		values[SYSLOG_SEVERITY] = syslog->word_values[FACILITIES + pri % SEVERITIES];
		if (cursor_take_text(&c, "1 "))
			return syslog_5424_parse(parse, line, c);
	}
	parse->time_from = c.at;
	if (read_minute(parse, syslog, &c) != 0 && read_iso_time(parse, &c) != 0)
		return "no time where it belongs";
	parse->time_to = c.at;
	if (c.at < c.end && *c.at != ' ' && *c.at != ':')
		return "no space after the time";
	read_rest(line, c, values);
	return NULL;
}

static const char *syslog_parse(struct parse *parse, const struct line *line)
{
	const char *wrong = read_line(parse, line);

	if (wrong || !parse->agent_names)
		return wrong;
	parse->values[SLOT_TIMESTAMP] = agent_time(parse, line);
	agent_names_apply(parse, &agent);
	return NULL;
}

static int syslog_create(struct parse *parse, const struct weir_node *options,
			 struct weir_error *error)
{
	(void)options;
	parse->format_state = calloc(1, sizeof(struct syslog));
	if (!parse->format_state)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	return parse->agent_names ? agent_names_declare(parse, &agent, error)
				  : parse_keys(parse, slot_names, SYSLOG_SLOTS, error);
}

static void syslog_destroy(struct parse *parse)
{
	free(parse->format_state);
}

const struct parse_format syslog_format = {.name = "syslog",
					   .create = syslog_create,
					   .destroy = syslog_destroy,
					   .parse = syslog_parse,
					   .has_agent_names = 1};
