// SPDX-License-Identifier: MIT
/*
 * RFC 5424 after its version: `TIMESTAMP HOST PROGRAM PID MSGID STRUCTURED-DATA [MESSAGE]`.
 *
 * `-` is null. Structured data becomes the map `sd`, {"id": {"name": "value"}}, of JSON text made
 * in the batch; a byte order mark before the message is left out.
 */
#include "json_text.h"
#include "support/timeparse/format.h"
#include "syslog.h"

/* The JSON of a byte takes six at most (\u00xx), of a name with its punctuation four more. */
#define JSON_PER_BYTE 6
#define JSON_FIXED 16

/* The next word, which ends with a space or the line. */
static int take_word(struct cursor *c, const char **ret_from, const char **ret_to)
{
	const char *to;

	*ret_from = c->at;
	to = cursor_take_until(c, ' ');
	if (!to)
		to = c->at = c->end;
	*ret_to = to;
	return to > *ret_from;
}

static int take_field(const struct line *line, struct cursor *c, struct weir_value *ret_value)
{
	const char *from, *to;

	if (!take_word(c, &from, &to))
		return 0;
	*ret_value = to - from == 1 && *from == '-' ? weir_value_null()
						    : line_value(line, WEIR_STRING, 0, from, to);
	return 1;
}

static char *put(char *out, const char *text)
{
	size_t size = strlen(text);

	memcpy(out, text, size);
	return out + size;
}

/* An SD-NAME and the byte after it. */
static const char *take_name(struct cursor *c, const char *stops)
{
	const char *from = c->at;

	while (c->at<c->end && * c->at> ' ' && *c->at < 0x7f && *c->at != '"' && *c->at != '=' &&
	       *c->at != ']')
		c->at++;
	return c->at > from && c->at < c->end && strchr(stops, *c->at) ? from : NULL;
}

/* Past a value's closing quote; where the value ends, or NULL. */
static const char *value_end(struct cursor *c)
{
	for (const char *at = c->at; at < c->end; at++) {
		if (*at == '"') {
			c->at = at + 1;
			return at;
		}
		if (*at == ']')
			return NULL;
		if (*at == '\\' && at + 1 < c->end)
			at++;
	}
	return NULL;
}

/* A value's text without the backslashes that RFC 5424 asks for, as a JSON string. */
static char *put_value(char *out, const char *from, const char *to)
{
	*out++ = '"';
	while (from < to) {
		const char *escape = memchr(from, '\\', (size_t)(to - from));
		const char *end = escape ? escape : to;
		int skips = escape && escape + 1 < to && strchr("\"\\]", escape[1]) != NULL;

		out += json_escape(from, (uint32_t)(end - from), out);
		from = end;
		if (!escape)
			break;
		from += skips;
		out += json_escape(from, 1, out);
		from++;
	}
	*out++ = '"';
	return out;
}

/* ` name="value"` ... up to the closing bracket. */
static char *put_pairs(struct cursor *c, char *out)
{
	const char *separator = "";

	while (cursor_take(c, ' ')) {
		const char *name = take_name(c, "="), *name_end = c->at, *from, *to;

		if (!name || !cursor_take_text(c, "=\""))
			return NULL;
		from = c->at;
		to = value_end(c);
		if (!to)
			return NULL;
		out = put(out, separator);
		separator = ",";
		*out++ = '"';
		out += json_escape(name, (uint32_t)(name_end - name), out);
		out = put(out, "\":");
		out = put_value(out, from, to);
	}
	return cursor_take(c, ']') ? out : NULL;
}

/* `[id name="value"][id]`, at least one; the end of its JSON, or NULL when it is malformed. */
static char *put_elements(struct cursor *c, char *out)
{
	const char *separator = "{";

	while (out && cursor_take(c, '[')) {
		const char *id = take_name(c, " ]");

		if (!id)
			return NULL;
		out = put(out, separator);
		separator = ",";
		*out++ = '"';
		out += json_escape(id, (uint32_t)(c->at - id), out);
		out = put(out, "\":{");
		out = put_pairs(c, out);
		if (out)
			*out++ = '}';
	}
	if (out)
		*out++ = '}';
	return out;
}

/* Bytes up to the bracket that closes the last element, or to the end of the line. */
static uint32_t data_size(const struct cursor *c)
{
	int quoted = 0;

	for (const char *at = c->at; at < c->end; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '\\' && quoted)
			at++;
		else if (*at == ']' && !quoted && (at + 1 == c->end || at[1] != '['))
			return (uint32_t)(at + 1 - c->at);
	}
	return (uint32_t)(c->end - c->at);
}

static const char *read_data(struct parse *parse, struct cursor *c, struct weir_value *ret_value)
{
	char *text, *end;

	if (cursor_take(c, '-')) {
		*ret_value = weir_value_null();
		return NULL;
	}
	if (c->at == c->end || *c->at != '[')
		return "no structured data after the message id";
	text = parse_text(parse, data_size(c) * JSON_PER_BYTE + JSON_FIXED, ret_value);
	if (!text)
		return "no memory for the structured data";
	end = put_elements(c, text);
	parse_text_cut(parse, ret_value, end ? (uint32_t)(end - text) : 0);
	ret_value->tag = WEIR_MAP;
	return end ? NULL : "malformed structured data";
}

static int read_time(struct parse *parse, struct cursor *c)
{
	const char *from, *to;

	if (!take_word(c, &from, &to))
		return -1;
	if (to - from == 1 && *from == '-')
		return 0;
	parse->time_from = from;
	parse->time_to = to;
	return iso_time_parse(from, (uint64_t)(to - from), NULL, 1, &parse->time_ns);
}

const char *syslog_5424_parse(struct parse *parse, const struct line *line, struct cursor c)
{
	struct weir_value *values = parse->values;
	const char *from, *to, *wrong;

	if (read_time(parse, &c) != 0)
		return "no RFC 3339 time after the version";
	if (!take_field(line, &c, &values[SYSLOG_HOST]) ||
	    !take_field(line, &c, &values[SYSLOG_PROGRAM]) || !take_word(&c, &from, &to))
		return "no host, program and process id after the time";
	values[SYSLOG_PID] =
		to - from == 1 && *from == '-' ? weir_value_null() : syslog_pid(line, from, to);
	if (!take_field(line, &c, &values[SYSLOG_MSGID]))
		return "no message id after the process id";
	wrong = read_data(parse, &c, &values[SYSLOG_SD]);
	if (wrong)
		return wrong;
	if (c.at < c.end && !cursor_take(&c, ' '))
		return "no space after the structured data";
	(void)cursor_take_text(&c, "\xef\xbb\xbf");
	values[SYSLOG_MESSAGE] = line_value(line, WEIR_STRING, 0, c.at, c.end);
	return NULL;
}
