// SPDX-License-Identifier: MIT
/*
 * What container runtimes write around a line, and lines that they write in parts.
 *
 *     cri:     2016-10-06T00:17:09.669794202Z stdout F message      (P: more of the line follows)
 *     docker:  {"log":"message\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}
 *              (without \n at the end: more of the line follows)
 *
 * @timestamp is the time of the (last part of the) line. Docker's `log` is without its line break.
 */
#include "json.h"
#include "partial.h"
#include "support/timeparse/format.h"
#include "text.h"

/* ---- cri ------------------------------------------------------------------------------------- */

enum cri_slot { SLOT_TIME, SLOT_STREAM, SLOT_LOGTAG, SLOT_MESSAGE, SLOT_COUNT };

static const char *const cri_names[SLOT_COUNT] = {"time", "stream", "logtag", "message"};

/* The words of a line, and where its message begins. */
struct cri_line {
	const char *from[SLOT_COUNT], *to[SLOT_COUNT];
};

static const char *cri_split(struct parse *parse, const struct line *line, struct cri_line *ret)
{
	struct cursor c = {line->text, line->text + line->size};

	for (int slot = SLOT_TIME; slot < SLOT_MESSAGE; slot++) {
		ret->from[slot] = c.at;
		ret->to[slot] = cursor_take_until(&c, ' ');
		if (!ret->to[slot]) /* an empty message may come without its space */
			ret->to[slot] = c.at = c.end;
		if (ret->to[slot] == ret->from[slot])
			return "no time, stream and tag at the beginning";
	}
	ret->from[SLOT_MESSAGE] = c.at;
	ret->to[SLOT_MESSAGE] = c.end;
	if (iso_time_parse(ret->from[SLOT_TIME],
			   (uint64_t)(ret->to[SLOT_TIME] - ret->from[SLOT_TIME]), NULL, 1,
			   &parse->time_ns) != 0)
		return "no RFC 3339 time at the beginning";
	if (*ret->from[SLOT_LOGTAG] != 'P' && *ret->from[SLOT_LOGTAG] != 'F')
		return "the tag after the stream is neither P nor F";
	return NULL;
}

static const char *cri_parse(struct parse *parse, const struct line *line)
{
	struct line whole = *line;
	struct cri_line parts;
	struct weir_slice stream;
	const char *wrong = cri_split(parse, line, &parts);

	if (wrong)
		return wrong;
	stream = (struct weir_slice){parts.from[SLOT_STREAM],
				     (uint64_t)(parts.to[SLOT_STREAM] - parts.from[SLOT_STREAM])};
	wrong = partials_join(parse, parse->format_state, stream, parts.from[SLOT_MESSAGE],
			      parts.to[SLOT_MESSAGE], *parts.from[SLOT_LOGTAG] == 'P', &whole);
	if (wrong || parse->held)
		return wrong;
	if (whole.text != line->text)
		wrong = cri_split(parse, &whole, &parts);
	for (int slot = 0; slot < SLOT_COUNT; slot++)
		parse->values[slot] =
			line_value(&whole, WEIR_STRING, 0, parts.from[slot], parts.to[slot]);
	return wrong;
}

static int cri_create(struct parse *parse, const struct weir_node *options,
		      struct weir_error *error)
{
	struct partials *partials = NULL;
	int result = partials_create(parse, options, &partials, error);

	parse->format_state = parse->partials = partials;
	return result == WEIR_OK ? parse_keys(parse, cri_names, SLOT_COUNT, error) : result;
}

const struct parse_format cri_format = {.name = "cri", .create = cri_create, .parse = cri_parse};

/* ---- docker ---------------------------------------------------------------------------------- */

/* Bytes of the escaped line break at the end of a log's raw text: `\n` or `\r\n`; 0 without. */
static uint32_t line_break(struct weir_slice log)
{
	uint64_t size = log.size, backslashes = 0;

	if (size < 2 || log.data[size - 1] != 'n')
		return 0;
	while (backslashes < size - 1 && log.data[size - 2 - backslashes] == '\\')
		backslashes++;
	if (backslashes % 2 == 0) /* an n after backslashes that escape each other */
		return 0;
	if (backslashes == 1 && size >= 4 && memcmp(log.data + size - 4, "\\r", 2) == 0 &&
	    (size == 4 || log.data[size - 5] != '\\'))
		return 4;
	return 2;
}

/* The value of the member, or NULL when it is no string or not there. */
static struct weir_value *string_named(const struct json_members *members, const char *name)
{
	for (uint32_t i = 0; i < members->count; i++)
		if (weir_slice_equals(members->keys[i], name))
			return members->values[i].tag == WEIR_STRING ? &members->values[i] : NULL;
	return NULL;
}

/* The members, the value of `log`, and the raw texts of those that must be there. */
struct docker_line {
	struct json_members members;
	struct weir_value *log_value;
	struct weir_slice log, stream;
};

static const char *docker_read(struct parse *parse, const struct line *line,
			       struct docker_line *ret)
{
	const char *wrong = json_members(parse, line, &ret->members);
	const struct weir_value *stream, *time;
	struct weir_slice text;

	if (wrong)
		return wrong;
	ret->log_value = string_named(&ret->members, "log");
	stream = string_named(&ret->members, "stream");
	time = string_named(&ret->members, "time");
	if (!ret->log_value || !stream || !time)
		return "no log, stream and time in the object";
	ret->log = weir_value_slice(parse->batch, ret->log_value);
	ret->stream = weir_value_slice(parse->batch, stream);
	text = weir_value_slice(parse->batch, time);
	if (iso_time_parse(text.data, text.size, NULL, 1, &parse->time_ns) != 0)
		return "the time is not RFC 3339";
	return NULL;
}

static const char *docker_parse(struct parse *parse, const struct line *line)
{
	struct line whole = *line;
	struct docker_line parts;
	const char *wrong = docker_read(parse, line, &parts);

	if (wrong)
		return wrong;
	wrong = partials_join(parse, parse->partials, parts.stream, parts.log.data,
			      parts.log.data + parts.log.size, line_break(parts.log) == 0, &whole);
	if (!wrong && !parse->held && whole.text != line->text)
		wrong = docker_read(parse, &whole, &parts);
	if (wrong || parse->held)
		return wrong;
	parts.log_value->length -= line_break(parts.log);
	return json_fields(parse, &parts.members);
}

static int docker_create(struct parse *parse, const struct weir_node *options,
			 struct weir_error *error)
{
	int result = partials_create(parse, options, &parse->partials, error);

	return result == WEIR_OK ? json_format.create(parse, options, error) : result;
}

static void docker_destroy(struct parse *parse)
{
	json_format.destroy(parse);
}

const struct parse_format docker_format = {.name = "docker",
					   .create = docker_create,
					   .destroy = docker_destroy,
					   .parse = docker_parse};
