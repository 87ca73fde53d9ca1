// SPDX-License-Identifier: MIT
/*
 * The formats `common` and `combined` of Apache, nginx and many others:
 *
 *     host ident user [time] "METHOD PATH PROTOCOL" status bytes "referer" "agent"
 *
 * Two readers of the same grammar. The quick one takes lines of plain ASCII without a backslash,
 * by the offsets that scan.h found in one pass, and knows that every field is WEIR_VALUE_PLAIN. Any
 * other line, and any line the quick one is not sure of, goes to the careful one, which alone
 * decides that a line doesn't parse.
 *
 * The quick one has no loops, and no branch that depends on what is ordinary in a log: the end of a
 * loop over three digits or four letters is mispredicted as often as not. With AVX-512 in scan.c
 * and values that go straight into the record's row (in_place), that was 104 to 60 ns a line.
 *
 * Quoted fields are slices as written: the backslashes of escaped quotes stay. `-` is null. What is
 * not METHOD PATH PROTOCOL between the first quotes becomes the field `request`.
 */
#include "agent_names.h"
#include "number.h"
#include "parse.h"
#include "word.h"

enum combined_slot {
	SLOT_CLIENTIP,
	SLOT_IDENT,
	SLOT_USER,
	SLOT_METHOD,
	SLOT_PATH,
	SLOT_PROTOCOL,
	SLOT_REQUEST,
	SLOT_STATUS,
	SLOT_BYTES,
	SLOT_REFERER,
	SLOT_AGENT,
	SLOT_COUNT,
	SLOT_DATETIME = SLOT_COUNT /* for the agent's names */
};

static const char *const slot_names[SLOT_COUNT] = {"clientip", "ident",    "user",    "method",
						   "path",     "protocol", "request", "status",
						   "bytes",    "referer",  "agent"};

#define COMMON_SLOTS SLOT_REFERER

#define AGENT_COMMON_NAMES "host", "ident", "authuser", "datetime", "request", "response", "bytes"
#define AGENT_COMMON_SLOTS \
	SLOT_CLIENTIP, SLOT_IDENT, SLOT_USER, SLOT_DATETIME, SLOT_REQUEST, SLOT_STATUS, SLOT_BYTES

static const struct agent_names agent_common = {7, 1, {AGENT_COMMON_NAMES}, {AGENT_COMMON_SLOTS}};
static const struct agent_names agent_combined = {9,
						  1,
						  {AGENT_COMMON_NAMES, "referer", "agent"},
						  {AGENT_COMMON_SLOTS, SLOT_REFERER, SLOT_AGENT}};

/* ---- both readers ---------------------------------------------------------------------------- */

static int is_combined(const struct parse *parse)
{
	return parse->format == &combined_format;
}

static int is_dash(const char *from, const char *to)
{
	return to - from == 1 && *from == '-';
}

/* A field that is null when it is a dash. */
static inline struct weir_value text_or_null(const struct line *line, uint8_t flags,
					     const char *from, const char *to)
{
	return is_dash(from, to) ? weir_value_null()
				 : line_value(line, WEIR_STRING, flags, from, to);
}

static int is_method(const char *from, const char *to)
{
	if (to - from <= WORD_BYTES && word_is_letters(from, (uint32_t)(to - from)))
		return 1;
	for (const char *at = from; at < to; at++)
		if (!((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || *at == '-' ||
		      *at == '_'))
			return 0;
	return 1;
}

/* 1 when the request is METHOD PATH PROTOCOL; its parts are between the two spaces. */
static int request_has_parts(const char *from, const char *first, const char *second,
			     const char *to)
{
	return first > from && second > first + 1 && to - second >= 6 &&
	       memcmp(second + 1, "HTTP/", 5) == 0 && is_method(from, first);
}

static void request_set(struct weir_value *values, const struct line *line, uint8_t flags,
			const char *from, const char *first, const char *second, const char *to)
{
	if (first && second && request_has_parts(from, first, second, to)) {
		values[SLOT_METHOD] = line_value(line, WEIR_STRING, flags, from, first);
		values[SLOT_PATH] = line_value(line, WEIR_STRING, flags, first + 1, second);
		values[SLOT_PROTOCOL] = line_value(line, WEIR_STRING, flags, second + 1, to);
		values[SLOT_REQUEST] = absent_value();
		return;
	}
	values[SLOT_METHOD] = absent_value();
	values[SLOT_PATH] = absent_value();
	values[SLOT_PROTOCOL] = absent_value();
	values[SLOT_REQUEST] = text_or_null(line, flags, from, to);
}

/* Digits, or a dash; 0 when it is neither. */
static int number_set_any(const struct parse *parse, struct weir_value *value,
			  const struct line *line, const char *from, const char *to)
{
	uint32_t size = (uint32_t)(to - from);
	uint8_t tag;
	int64_t number;

	if (is_dash(from, to)) {
		*value = weir_value_null();
		return 1;
	}
	for (const char *at = from; at < to; at++)
		if (*at < '0' || *at > '9')
			return 0;
	tag = number_tag(from, size);
	if (tag != WEIR_STRING)
		*value = line_value(line, tag, WEIR_VALUE_TEXT, from, to);
	else if (size > 0 && parse->agent_names)
		*value = line_value(line, WEIR_STRING, WEIR_VALUE_PLAIN, from, to);
	else if (number_int(from, size, &number) == 0) /* leading zeros */
		*value = weir_value_int(number);
	else
		return 0;
	return 1;
}

static inline int number_set(const struct parse *parse, struct weir_value *value,
			     const struct line *line, const char *from, const char *to)
{
	if (!number_is_short(from, (uint32_t)(to - from)))
		return number_set_any(parse, value, line, from, to);
	*value = line_value(line, WEIR_INT, WEIR_VALUE_TEXT, from, to);
	return 1;
}

/* ---- the careful reader ---------------------------------------------------------------------- */

/* The quote that ends a field: the first one without an odd number of backslashes before it. */
static const char *closing_quote(const char *from, const char *end)
{
	const char *quote, *at;

	for (at = from; at < end; at = quote + 1) {
		quote = memchr(at, '"', (size_t)(end - at));
		if (!quote)
			return NULL;
		for (at = quote; at > from && at[-1] == '\\';)
			at--;
		if ((quote - at) % 2 == 0)
			return quote;
	}
	return NULL;
}

static const char *find(const char *from, const char *end, char byte)
{
	return from < end ? memchr(from, byte, (size_t)(end - from)) : NULL;
}

/* The " [" before the time. A user may have spaces in its name, and brackets. */
static const char *before_time(struct parse *parse, const char *from, const char *end)
{
	const char *at = from;

	while ((at = find(at, end, '[')) != NULL) {
		if (at > from && at[-1] == ' ' && end - at > CLF_TIME_SIZE + 1 &&
		    at[CLF_TIME_SIZE + 1] == ']' &&
		    clf_time_parse(&parse->clf, at + 1, &parse->time_ns) == 0) {
			parse->time_from = at + 1;
			return at - 1;
		}
		at++;
	}
	return NULL;
}

static const char *read_origin(struct parse *parse, const struct line *line, const char **at,
			       const char *end)
{
	struct weir_value *values = parse->values;
	const char *ident = find(*at, end, ' '), *user, *time;

	if (!ident || ident == *at)
		return "no client address";
	user = find(ident + 1, end, ' ');
	if (!user)
		return "no user";
	time = before_time(parse, user + 1, end);
	if (!time)
		return "no [time] where it belongs";
	values[SLOT_CLIENTIP] = line_value(line, WEIR_STRING, 0, *at, ident);
	values[SLOT_IDENT] = text_or_null(line, 0, ident + 1, user);
	values[SLOT_USER] = text_or_null(line, 0, user + 1, time);
	*at = time + 1 + CLF_TIME_SIZE + 2;
	return NULL;
}

static const char *read_request(struct parse *parse, const struct line *line, const char **at,
				const char *end)
{
	const char *from = *at + 2, *to, *first, *second = NULL;

	if (end - *at < 3 || (*at)[0] != ' ' || (*at)[1] != '"')
		return "no quoted request after the time";
	to = closing_quote(from, end);
	if (!to)
		return "the request has no closing quote";
	first = find(from, to, ' ');
	if (first)
		second = find(first + 1, to, ' ');
	if (second && find(second + 1, to, ' '))
		second = NULL;
	request_set(parse->values, line, 0, from, first, second, to);
	*at = to + 1;
	return NULL;
}

static const char *read_numbers(struct parse *parse, const struct line *line, const char **at,
				const char *end)
{
	const char *from = *at + 1, *middle, *to;

	if (*at == end || **at != ' ')
		return "no status after the request";
	middle = find(from, end, ' ');
	if (!number_set(parse, &parse->values[SLOT_STATUS], line, from, middle ? middle : end))
		return "no status after the request";
	to = middle ? find(middle + 1, end, ' ') : NULL;
	if (!to)
		to = end;
	if (!middle || !number_set(parse, &parse->values[SLOT_BYTES], line, middle + 1, to))
		return "no byte count after the status";
	*at = to;
	return NULL;
}

static const char *read_quoted(struct parse *parse, const struct line *line, uint32_t slot,
			       const char **at, const char *end)
{
	const char *to;

	if (end - *at < 3 || (*at)[0] != ' ' || (*at)[1] != '"')
		return slot == SLOT_REFERER ? "no quoted referer" : "no quoted agent";
	to = closing_quote(*at + 2, end);
	if (!to)
		return slot == SLOT_REFERER ? "the referer has no closing quote"
					    : "the agent has no closing quote";
	parse->values[slot] = text_or_null(line, 0, *at + 2, to);
	*at = to + 1;
	return NULL;
}

static const char *read_carefully(struct parse *parse, const struct line *line)
{
	const char *at = line->text, *end = line->text + line->size;
	const char *wrong;

	while (end > at && (end[-1] == ' ' || end[-1] == '\r'))
		end--;
	wrong = read_origin(parse, line, &at, end);
	if (!wrong)
		wrong = read_request(parse, line, &at, end);
	if (!wrong)
		wrong = read_numbers(parse, line, &at, end);
	if (!wrong && is_combined(parse))
		wrong = read_quoted(parse, line, SLOT_REFERER, &at, end);
	if (!wrong && is_combined(parse))
		wrong = read_quoted(parse, line, SLOT_AGENT, &at, end);
	/* The agent's patterns end in .* */
	if (!wrong && at != end && !parse->agent_names)
		wrong = "text after the last field";
	return wrong;
}

/* ---- the quick reader ------------------------------------------------------------------------ */

/* text_or_null() without a branch: referers are dashes in no order, so that a branch would be
 * mispredicted for a third of the lines. */
static inline void plain_or_null(struct weir_value *ret_value, const struct line *line,
				 const char *from, const char *to)
{
	const struct weir_value null = weir_value_null();
	struct weir_value text = line_value(line, WEIR_STRING, WEIR_VALUE_PLAIN, from, to);
	uint64_t words[2], nulls[2], is_null = -(uint64_t)((to - from == 1) & (*from == '-'));

	memcpy(words, &text, sizeof(words));
	memcpy(nulls, &null, sizeof(nulls));
	for (int i = 0; i < 2; i++)
		words[i] = (words[i] & ~is_null) | (nulls[i] & is_null);
	memcpy(ret_value, words, sizeof(words));
}

static int quick_origin(struct parse *parse, const struct line *line, const struct scan *scan)
{
	uint64_t spaces = scan->spaces[0];
	const char *text = line->text;
	uint32_t ident, user, time;

	ident = (uint32_t)__builtin_ctzll(spaces | UINT64_C(1) << 63);
	spaces &= spaces - 1;
	user = (uint32_t)__builtin_ctzll(spaces | UINT64_C(1) << 63);
	spaces &= spaces - 1;
	time = (uint32_t)__builtin_ctzll(spaces | UINT64_C(1) << 63);
	if (time == 63 || ident == 0 || time + CLF_TIME_SIZE + 4 != scan->quotes[0] ||
	    text[time + 1] != '[' || text[time + CLF_TIME_SIZE + 2] != ']' ||
	    text[time + CLF_TIME_SIZE + 3] != ' ' ||
	    clf_time_parse(&parse->clf, text + time + 2, &parse->time_ns) != 0)
		return 0;
	parse->time_from = text + time + 2;
	parse->values[SLOT_CLIENTIP] =
		line_value(line, WEIR_STRING, WEIR_VALUE_PLAIN, text, text + ident);
	plain_or_null(&parse->values[SLOT_IDENT], line, text + ident + 1, text + user);
	plain_or_null(&parse->values[SLOT_USER], line, text + user + 1, text + time);
	return 1;
}

static void quick_request(struct parse *parse, const struct line *line, const struct scan *scan)
{
	const char *text = line->text;
	uint32_t from = scan->quotes[0] + 1, to = scan->quotes[1];
	uint32_t first = scan_space(scan, text, from, to), second = to, third;

	if (first < to)
		second = scan_space(scan, text, first + 1, to);
	third = second < to ? scan_space(scan, text, second + 1, to) : 0;
	request_set(parse->values, line, WEIR_VALUE_PLAIN, text + from,
		    first < to ? text + first : NULL, third >= to ? text + second : NULL,
		    text + to);
}

/* The numbers between the request and `end`. */
static int quick_numbers(struct parse *parse, const struct line *line, const struct scan *scan,
			 uint32_t end)
{
	const char *text = line->text;
	uint32_t from = scan->quotes[1] + 2, middle;

	if (from >= end || text[from - 1] != ' ')
		return 0;
	middle = scan_space(scan, text, from, end);
	return middle < end &&
	       number_set(parse, &parse->values[SLOT_STATUS], line, text + from, text + middle) &&
	       number_set(parse, &parse->values[SLOT_BYTES], line, text + middle + 1, text + end);
}

/* 0 when it is not sure. */
static int read_quickly(struct parse *parse, const struct line *line)
{
	struct scan scan;
	const uint32_t *quotes = scan.quotes;
	int combined = is_combined(parse);
	const char *text = line->text;
	uint32_t end = line->size;

	if (line->size == 0)
		return 0;
	parse->scan(text, line->size, &scan);
	if (scan.special || scan.quote_count != (combined ? 6 : 2))
		return 0;
	if (combined) {
		if (quotes[5] != end - 1 || quotes[4] != quotes[3] + 2 ||
		    text[quotes[4] - 1] != ' ' || text[quotes[2] - 1] != ' ')
			return 0;
		end = quotes[2] - 1;
		plain_or_null(&parse->values[SLOT_REFERER], line, text + quotes[2] + 1,
			      text + quotes[3]);
		plain_or_null(&parse->values[SLOT_AGENT], line, text + quotes[4] + 1,
			      text + quotes[5]);
	}
	if (!quick_origin(parse, line, &scan) || !quick_numbers(parse, line, &scan, end))
		return 0;
	quick_request(parse, line, &scan);
	return 1;
}

/* ---- as Kinesis Agent has it ----------------------------------------------------------------- */

/* The whole request and the time, which the format's own fields have in pieces. */
static void agent_finish(struct parse *parse, const struct line *line)
{
	struct weir_value *values = parse->values;

	if (values[SLOT_METHOD].tag != WEIR_ABSENT) {
		values[SLOT_REQUEST] = values[SLOT_METHOD];
		values[SLOT_REQUEST].length = (uint32_t)(values[SLOT_PROTOCOL].as.offset -
							 values[SLOT_METHOD].as.offset) +
					      values[SLOT_PROTOCOL].length;
	}
	parse->time_to = parse->time_from + CLF_TIME_SIZE;
	values[SLOT_DATETIME] = agent_time(parse, line);
	agent_names_apply(parse, is_combined(parse) ? &agent_combined : &agent_common);
}

/* ---- the formats ----------------------------------------------------------------------------- */

static const char *combined_parse(struct parse *parse, const struct line *line)
{
	const char *wrong = read_quickly(parse, line) ? NULL : read_carefully(parse, line);

	if (!wrong && parse->agent_names)
		agent_finish(parse, line);
	return wrong;
}

static int combined_create(struct parse *parse, const struct weir_node *options,
			   struct weir_error *error)
{
	(void)options;
	return parse->agent_names ? agent_names_declare(parse, &agent_combined, error)
				  : parse_keys(parse, slot_names, SLOT_COUNT, error);
}

static int common_create(struct parse *parse, const struct weir_node *options,
			 struct weir_error *error)
{
	(void)options;
	return parse->agent_names ? agent_names_declare(parse, &agent_common, error)
				  : parse_keys(parse, slot_names, COMMON_SLOTS, error);
}

const struct parse_format combined_format = {.name = "combined",
					     .create = combined_create,
					     .parse = combined_parse,
					     .has_agent_names = 1,
					     .in_place = 1};
const struct parse_format common_format = {.name = "common",
					   .create = common_create,
					   .parse = combined_parse,
					   .has_agent_names = 1,
					   .in_place = 1};
