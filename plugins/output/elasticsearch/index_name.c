// SPDX-License-Identifier: MIT
#include "index_name.h"

#include "support/timeparse/calendar.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define DATE_LETTERS "YmdH"

static int32_t fail_at(const struct weir_node *node, struct weir_error *error, const char *format,
		       const char *what, int size)
{
	if (error) {
		error->line = node->line;
		error->column = node->column;
	}
	return weir_fail(error, WEIR_ERR_INVALID, format, size, what);
}

/* What a name can hold, dates and expressions aside. */
static int is_allowed(char letter)
{
	return letter > 0x20 && letter < 0x7f && !(letter >= 'A' && letter <= 'Z') &&
	       !strchr("\\/*?\"<>|,#:", letter);
}

/* ---- reading the template ---- */

/* The '}' that ends an expression: quoted ones don't. NULL when there is none. */
static const char *expr_end(const char *at, const char *end)
{
	char quote = '\0';

	for (; at < end; at++) {
		if (quote && *at == '\\')
			at++;
		else if (quote)
			quote = *at == quote ? '\0' : quote;
		else if (*at == '"' || *at == '\'' || *at == '`')
			quote = *at;
		else if (*at == '}')
			return at;
	}
	return NULL;
}

static int32_t take_expr(struct index_name *name, const struct weir_node *node, const char **at,
			 const char *end, struct weir_error *error)
{
	struct index_part *part = &name->parts[name->count];
	const char *close = expr_end(*at + 1, end);
	int32_t code;

	if (!close)
		return fail_at(node, error, "index: %.*s: the { is not closed", *at,
			       (int)(end - *at));
	part->source = (struct weir_slice){*at + 1, (uint64_t)(close - *at - 1)};
	code = name->host->expr_compile(part->source, &part->expr, error);
	if (code) {
		if (error) {
			error->line = node->line;
			error->column = node->column;
		}
		return code;
	}
	name->count++;
	name->has_expr = 1;
	*at = close + 1;
	return WEIR_OK;
}

static int32_t take_date(struct index_name *name, const struct weir_node *node, const char **at,
			 const char *end, struct weir_error *error)
{
	if (*at + 1 == end || !strchr(DATE_LETTERS, (*at)[1]))
		return fail_at(node, error,
			       "index: %.*s: only %%Y, %%m, %%d and %%H stand for parts of the "
			       "record's time",
			       *at, *at + 1 == end ? 1 : 2);
	name->parts[name->count++].date = (*at)[1];
	name->has_date = 1;
	*at += 2;
	return WEIR_OK;
}

static int32_t take_literal(struct index_name *name, const struct weir_node *node, const char **at,
			    const char *end, struct weir_error *error)
{
	const char *from = *at;

	for (; *at < end && **at != '%' && **at != '{'; (*at)++) {
		if (**at >= 'A' && **at <= 'Z')
			return fail_at(node, error,
				       "index: %.*s: names of indices have no capital letters",
				       from, (int)(end - from));
		if (!is_allowed(**at))
			return fail_at(
				node, error,
				"index: %.*s: names of indices have no spaces and none of \\ / "
				"* ? \" < > | , # : or letters beyond ASCII",
				from, (int)(end - from));
	}
	name->parts[name->count++].text = (struct weir_slice){from, (uint64_t)(*at - from)};
	return WEIR_OK;
}

static int32_t check_start(const struct index_name *name, const struct weir_node *node,
			   struct weir_error *error)
{
	struct weir_slice first = name->parts[0].text;

	if (first.size && strchr("-_+", first.data[0]))
		return fail_at(node, error, "index: %.*s: no name begins with -, _ or +",
			       node->text.data, (int)node->text.size);
	if (weir_slice_equals(node->text, ".") || weir_slice_equals(node->text, ".."))
		return fail_at(node, error, "index: %.*s is no name", node->text.data,
			       (int)node->text.size);
	return WEIR_OK;
}

int32_t index_name_compile(const struct weir_services *host, const struct weir_node *node,
			   struct index_name *ret_name, struct weir_error *error)
{
	const char *at = node->text.data, *end = at + node->text.size;
	int32_t code = WEIR_OK;

	memset(ret_name, 0, sizeof(*ret_name));
	ret_name->host = host;
	if (at == end || node->text.size > INDEX_NAME_MAX * 4)
		code = fail_at(node, error, "index: %.*sthe name is empty, or much too long", "",
			       0);
	while (!code && at < end) {
		if (ret_name->count == INDEX_PARTS_MAX)
			code = fail_at(node, error, "index: %.*s has too many parts",
				       node->text.data, (int)node->text.size);
		else if (*at == '{')
			code = take_expr(ret_name, node, &at, end, error);
		else if (*at == '%')
			code = take_date(ret_name, node, &at, end, error);
		else
			code = take_literal(ret_name, node, &at, end, error);
	}
	if (!code)
		code = check_start(ret_name, node, error);
	if (!code && !ret_name->has_expr &&
	    node->text.size + ret_name->has_date * 2 > INDEX_NAME_MAX)
		code = fail_at(node, error, "index: %.*s: a name has at most 255 bytes",
			       node->text.data, 40);
	if (code)
		index_name_done(ret_name);
	return code;
}

void index_name_done(struct index_name *name)
{
	for (uint32_t i = 0; i < name->count; i++)
		if (name->parts[i].expr)
			name->host->expr_free(name->parts[i].expr);
	name->count = 0;
}

/* ---- making names ---- */

static uint32_t put_digits(char *to, int32_t number, uint32_t digits)
{
	for (uint32_t i = digits; i > 0; i--, number /= 10)
		to[i - 1] = (char)('0' + number % 10);
	return digits;
}

static uint32_t put_date(char *to, char letter, int64_t ns)
{
	int64_t seconds = ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
	int64_t days = seconds / CALENDAR_DAY_S - (seconds % CALENDAR_DAY_S < 0);
	struct calendar when = {0};

	if (letter == 'H')
		return put_digits(to, (int32_t)((seconds - days * CALENDAR_DAY_S) / 3600), 2);
	calendar_from_days(days, &when);
	if (letter == 'Y')
		return put_digits(to, when.year, 4);
	return put_digits(to, letter == 'm' ? when.month : when.day, 2);
}

static char tamed(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return (char)(letter - 'A' + 'a');
	return is_allowed(letter) ? letter : '_';
}

/* Bytes of the part put at `to`, which has `room`; 0 and why when it cannot be. */
static uint32_t put_part(const struct index_name *name, const struct index_part *part,
			 const struct weir_batch *batch, uint32_t record, char *to, uint32_t room,
			 char *ret_why, size_t why_size)
{
	struct weir_slice text = part->text;

	if (part->expr &&
	    (name->host->expr_text(part->expr, batch, record, &text) || text.size == 0)) {
		snprintf(ret_why, why_size, "no index: the record has no %.*s",
			 (int)part->source.size, part->source.data);
		return 0;
	}
	if ((part->date ? 4 : text.size) > room) {
		snprintf(ret_why, why_size, "no index: its name would have more than %d bytes",
			 INDEX_NAME_MAX);
		return 0;
	}
	if (part->date)
		return put_date(to, part->date, batch->records[record].timestamp_ns);
	for (uint64_t i = 0; i < text.size; i++)
		to[i] = part->expr ? tamed(text.data[i]) : text.data[i];
	return (uint32_t)text.size;
}

uint32_t index_name_render(const struct index_name *name, const struct weir_batch *batch,
			   uint32_t record, char ret_text[INDEX_NAME_MAX], char *ret_why,
			   size_t why_size)
{
	uint32_t size = 0;

	for (uint32_t i = 0; i < name->count; i++) {
		uint32_t made = put_part(name, &name->parts[i], batch, record, ret_text + size,
					 INDEX_NAME_MAX - size, ret_why, why_size);

		if (!made)
			return 0;
		size += made;
	}
	/* System indices begin with a dot: a value from a log is not to name one. */
	if (name->parts[0].expr && strchr("-_+.", ret_text[0])) {
		snprintf(ret_why, why_size, "no index: %.*s begins with -, _, + or .", (int)size,
			 ret_text);
		return 0;
	}
	return size;
}
