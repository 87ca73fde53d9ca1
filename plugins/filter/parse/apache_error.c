// SPDX-License-Identifier: MIT
/*
 * The format `apache_error`, as versions 2.2 and 2.4 write it by default:
 *
 *     [Wed Oct 11 14:32:52.123456 2023] [core:error] [pid 12:tid 34] [client 203.0.113.7:5678]
 *     AH00123: message, referer: http://example.com/
 *     [Wed Oct 11 14:32:52 2023] [error] [client 203.0.113.7] message
 *
 * The time is in the zone of the `time` option.
 */
#include "agent_names.h"
#include "number.h"
#include "parse.h"
#include "support/timeparse/calendar.h"
#include "support/timeparse/digits.h"
#include "text.h"

enum apache_slot {
	SLOT_MODULE,
	SLOT_LEVEL,
	SLOT_PID,
	SLOT_TID,
	SLOT_CLIENT,
	SLOT_MESSAGE,
	SLOT_REFERER,
	SLOT_COUNT,
	SLOT_TIMESTAMP = SLOT_COUNT /* for the agent's names */
};

static const char *const slot_names[SLOT_COUNT] = {"module", "level",   "pid",    "tid",
						   "client", "message", "referer"};

static const struct agent_names agent = {
	7,
	1,
	{"timestamp", "module", "severity", "processid", "threadid", "client", "message"},
	{SLOT_TIMESTAMP, SLOT_MODULE, SLOT_LEVEL, SLOT_PID, SLOT_TID, SLOT_CLIENT, SLOT_MESSAGE}};

/* `Wed Oct 11 14:32:52.123456 2023` */
static int read_time(struct parse *parse, const char *from, const char *to)
{
	struct reader r = {from, to};
	struct calendar when = {.second = 0};
	int64_t fraction = 0;

	if (to - from < 24 || from[3] != ' ' || from[7] != ' ')
		return -1;
	when.month = calendar_month_named(from + 4);
	r.at = from + 8;
	(void)take_byte(&r, ' ');
	if (when.month == 0 || take_up_to(&r, 2, &when.day) != 0 || !take_byte(&r, ' ') ||
	    take_digits(&r, 2, &when.hour) != 0 || !take_byte(&r, ':') ||
	    take_digits(&r, 2, &when.minute) != 0 || !take_byte(&r, ':') ||
	    take_digits(&r, 2, &when.second) != 0 ||
	    (take_byte(&r, '.') && take_fraction(&r, &fraction) != 0) || !take_byte(&r, ' ') ||
	    take_digits(&r, 4, &when.year) != 0 || r.at != to || !calendar_valid(&when))
		return -1;
	return calendar_ns(time_zone_to_utc(parse->zone, calendar_seconds(&when)), fraction,
			   &parse->time_ns);
}

static int is_level(const char *from, const char *to)
{
	static const char *const levels[] = {
		"emerg",  "alert",  "crit",   "error",  "warn",   "notice", "info",   "debug",
		"trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8"};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if ((size_t)(to - from) == strlen(levels[i]) &&
		    memcmp(from, levels[i], (size_t)(to - from)) == 0)
			return 1;
	return 0;
}

/* `core:error` or `error` */
static int read_level(const struct line *line, struct weir_value *values, const char *from,
		      const char *to)
{
	const char *colon = memchr(from, ':', (size_t)(to - from));
	const char *level = colon ? colon + 1 : from;

	if (values[SLOT_LEVEL].tag != WEIR_ABSENT || !is_level(level, to))
		return 0;
	if (colon && colon > from) /* `:error` is written for the server itself */
		values[SLOT_MODULE] = line_value(line, WEIR_STRING, 0, from, colon);
	values[SLOT_LEVEL] = line_value(line, WEIR_STRING, WEIR_VALUE_PLAIN, level, to);
	return 1;
}

static int take_number(const struct line *line, struct cursor *c, struct weir_value *ret_value)
{
	const char *to = cursor_digits(c);
	uint8_t tag = number_tag(c->at, (uint32_t)(to - c->at));

	if (tag == WEIR_STRING)
		return 0;
	*ret_value = line_value(line, tag, WEIR_VALUE_TEXT, c->at, to);
	c->at = to;
	return 1;
}

/* `pid 12` or `pid 12:tid 34` */
static int read_process(const struct line *line, struct weir_value *values, const char *from,
			const char *to)
{
	struct cursor c = {from, to};
	struct weir_value pid, tid = {.tag = WEIR_ABSENT};

	if (values[SLOT_PID].tag != WEIR_ABSENT || !cursor_take_text(&c, "pid ") ||
	    !take_number(line, &c, &pid))
		return 0;
	if (cursor_take_text(&c, ":tid ") && !take_number(line, &c, &tid))
		return 0;
	if (c.at != to)
		return 0;
	values[SLOT_PID] = pid;
	values[SLOT_TID] = tid;
	return 1;
}

static int read_client(const struct line *line, struct weir_value *values, const char *from,
		       const char *to)
{
	struct cursor c = {from, to};

	if (values[SLOT_CLIENT].tag != WEIR_ABSENT || !cursor_take_text(&c, "client "))
		return 0;
	values[SLOT_CLIENT] = line_value(line, WEIR_STRING, 0, c.at, to);
	return 1;
}

/* The last ", referer: " ends the message. */
static void read_message(const struct line *line, struct weir_value *values, struct cursor c)
{
	static const char key[] = ", referer: ";
	const char *to = c.end, *found;
	struct cursor rest = c;

	while ((found = cursor_find(&rest, key)) != NULL) {
		to = found;
		rest.at = found + sizeof(key) - 1;
	}
	values[SLOT_MESSAGE] = line_value(line, WEIR_STRING, 0, c.at, to);
	if (to != c.end)
		values[SLOT_REFERER] = line_value(line, WEIR_STRING, 0, rest.at, c.end);
}

static const char *apache_parse(struct parse *parse, const struct line *line)
{
	struct cursor c = {line->text, line->text + line->size};
	struct weir_value *values = parse->values;
	const char *from = c.at + 1, *to;

	if (c.at < c.end && c.end[-1] == '\r')
		c.end--;
	memset(values, 0, SLOT_COUNT * sizeof(*values));
	if (!cursor_take(&c, '['))
		return "no [time] at the beginning";
	to = cursor_take_until(&c, ']');
	if (!to || read_time(parse, from, to) != 0)
		return "no [time] at the beginning";
	parse->time_from = from;
	parse->time_to = to;
	for (;;) {
		struct cursor next = c;

		if (!cursor_take_text(&next, " ["))
			break;
		from = next.at;
		to = cursor_take_until(&next, ']');
		if (!to ||
		    (!read_level(line, values, from, to) && !read_process(line, values, from, to) &&
		     !read_client(line, values, from, to)))
			break;
		c = next;
	}
	if (values[SLOT_LEVEL].tag == WEIR_ABSENT)
		return "no [level] after the time";
	(void)cursor_take(&c, ' ');
	if (!parse->agent_names) {
		read_message(line, values, c);
		return NULL;
	}
	values[SLOT_MESSAGE] = line_value(line, WEIR_STRING, 0, c.at, c.end);
	values[SLOT_TIMESTAMP] = agent_time(parse, line);
	agent_names_apply(parse, &agent);
	return NULL;
}

static int apache_create(struct parse *parse, const struct weir_node *options,
			 struct weir_error *error)
{
	(void)options;
	return parse->agent_names ? agent_names_declare(parse, &agent, error)
				  : parse_keys(parse, slot_names, SLOT_COUNT, error);
}

const struct parse_format apache_error_format = {.name = "apache_error",
						 .create = apache_create,
						 .parse = apache_parse,
						 .has_agent_names = 1};
