// SPDX-License-Identifier: MIT
/*
 * The format `nginx_error`:
 *
 *     2023/10/10 13:55:36 [error] 12#34: *56 message, client: 203.0.113.7, server: _, request:
 *     "GET / HTTP/1.1", host: "example.com"
 *
 * The pairs at the end become fields when all of them are understood; otherwise they stay where
 * they are, in the message. The time is in the zone of the `time` option.
 */
#include "number.h"
#include "parse.h"
#include "support/timeparse/calendar.h"
#include "support/timeparse/digits.h"
#include "text.h"

enum nginx_slot {
	SLOT_LEVEL,
	SLOT_PID,
	SLOT_TID,
	SLOT_CONNECTION,
	SLOT_MESSAGE,
	SLOT_CLIENT,
	SLOT_SERVER,
	SLOT_REQUEST,
	SLOT_SUBREQUEST,
	SLOT_UPSTREAM,
	SLOT_HOST,
	SLOT_REFERRER,
	SLOT_COUNT
};

static const char *const slot_names[SLOT_COUNT] = {"level",      "pid",      "tid",    "connection",
						   "message",    "client",   "server", "request",
						   "subrequest", "upstream", "host",   "referrer"};

static int read_time(struct parse *parse, struct cursor *c)
{
	struct reader r = {c->at, c->end};
	struct calendar when = {.second = 0};

	if (take_digits(&r, 4, &when.year) != 0 || !take_byte(&r, '/') ||
	    take_digits(&r, 2, &when.month) != 0 || !take_byte(&r, '/') ||
	    take_digits(&r, 2, &when.day) != 0 || !take_byte(&r, ' ') ||
	    take_digits(&r, 2, &when.hour) != 0 || !take_byte(&r, ':') ||
	    take_digits(&r, 2, &when.minute) != 0 || !take_byte(&r, ':') ||
	    take_digits(&r, 2, &when.second) != 0 || !calendar_valid(&when))
		return -1;
	c->at = r.at;
	return calendar_ns(time_zone_to_utc(parse->zone, calendar_seconds(&when)), 0,
			   &parse->time_ns);
}

/* Digits followed by `after`. */
static int read_number(const struct line *line, struct cursor *c, const char *after,
		       struct weir_value *ret_value)
{
	const char *from = c->at, *to = cursor_digits(c);
	uint8_t tag = number_tag(from, (uint32_t)(to - from));
	struct cursor rest = {to, c->end};

	if (tag == WEIR_STRING || !cursor_take_text(&rest, after))
		return -1;
	*ret_value = line_value(line, tag, WEIR_VALUE_TEXT, from, to);
	c->at = rest.at;
	return 0;
}

/* The slot of the key that the text after a comma begins with, which is skipped. */
static uint32_t take_key(struct cursor *c)
{
	for (uint32_t slot = SLOT_CLIENT; slot < SLOT_COUNT; slot++) {
		struct cursor key = *c;

		if (!cursor_take_text(&key, slot_names[slot]) || !cursor_take_text(&key, ": "))
			continue;
		c->at = key.at;
		return slot;
	}
	return SLOT_COUNT;
}

/* Where the value at the cursor ends: before the next pair, or with the line. */
static const char *value_end(const struct cursor *c)
{
	struct cursor next = *c;
	const char *comma;

	while ((comma = cursor_find(&next, ", ")) != NULL) {
		next.at = comma + 2;
		if (take_key(&next) != SLOT_COUNT)
			return comma;
	}
	return c->end;
}

/* 1 when all pairs were understood. */
static int read_pairs(const struct line *line, struct cursor c, struct weir_value *values)
{
	while (c.at < c.end) {
		const char *from, *to;
		uint32_t slot;

		if (!cursor_take_text(&c, ", "))
			return 0;
		slot = take_key(&c);
		if (slot == SLOT_COUNT || values[slot].tag != WEIR_ABSENT)
			return 0;
		from = c.at;
		to = value_end(&c);
		c.at = to;
		if (to - from >= 2 && *from == '"' && to[-1] == '"') {
			from++;
			to--;
		}
		values[slot] = line_value(line, WEIR_STRING, 0, from, to);
	}
	return 1;
}

static void pairs_clear(struct weir_value *values)
{
	memset(values + SLOT_CLIENT, 0, (SLOT_COUNT - SLOT_CLIENT) * sizeof(*values));
}

static const char *nginx_parse(struct parse *parse, const struct line *line)
{
	struct cursor c = {line->text, line->text + line->size}, pairs;
	struct weir_value *values = parse->values;
	const char *level, *to;

	if (c.at < c.end && c.end[-1] == '\r')
		c.end--;
	if (read_time(parse, &c) != 0)
		return "no time at the beginning";
	if (!cursor_take_text(&c, " ["))
		return "no [level] after the time";
	level = c.at;
	to = cursor_take_until(&c, ']');
	if (!to || !cursor_take(&c, ' '))
		return "no [level] after the time";
	values[SLOT_LEVEL] = line_value(line, WEIR_STRING, 0, level, to);
	if (read_number(line, &c, "#", &values[SLOT_PID]) != 0 ||
	    read_number(line, &c, ": ", &values[SLOT_TID]) != 0)
		return "no process#thread after the level";
	values[SLOT_CONNECTION] = absent_value();
	if (c.at < c.end && *c.at == '*') {
		pairs = (struct cursor){c.at + 1, c.end};
		if (read_number(line, &pairs, " ", &values[SLOT_CONNECTION]) == 0)
			c.at = pairs.at;
	}
	pairs_clear(values);
	to = cursor_find(&c, ", client: ");
	if (!to || !read_pairs(line, (struct cursor){to, c.end}, values)) {
		pairs_clear(values);
		to = c.end;
	}
	values[SLOT_MESSAGE] = line_value(line, WEIR_STRING, 0, c.at, to);
	return NULL;
}

static int nginx_create(struct parse *parse, const struct weir_node *options,
			struct weir_error *error)
{
	(void)options;
	return parse_keys(parse, slot_names, SLOT_COUNT, error);
}

const struct parse_format nginx_error_format = {
	.name = "nginx_error", .create = nginx_create, .parse = nginx_parse};
