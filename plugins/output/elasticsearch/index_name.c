// SPDX-License-Identifier: MIT
#include "index_name.h"

#include "support/timeparse/calendar.h"

#define NS_PER_HOUR INT64_C(3600000000000)
#define HOURS_PER_DAY 24
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

static uint32_t date_width(char letter)
{
	return letter == 'Y' ? 4 : 2;
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
	name->size += date_width((*at)[1]);
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
	name->size += (uint32_t)(*at - from);
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
	ret_name->written = node;
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
	if (!code && !ret_name->has_expr && ret_name->size > INDEX_NAME_MAX)
		code = fail_at(node, error, "index: %.*s: a name has at most 255 bytes",
			       node->text.data, 40);
	if (code)
		index_name_done(ret_name);
	return code;
}

void index_name_fields(const struct index_name *name, struct weir_fields *fields)
{
	for (uint32_t i = 0; i < name->count; i++) {
		const struct index_part *part = &name->parts[i];

		if (part->expr)
			fields->reads_expr(
				fields, part->expr, name->written,
				(uint64_t)(part->source.data - name->written->text.data));
	}
}

void index_name_done(struct index_name *name)
{
	for (uint32_t i = 0; i < name->count; i++)
		if (name->parts[i].expr)
			name->host->expr_free(name->parts[i].expr);
	name->count = 0;
}

/* ---- making names ---- */

static void put_digits(char *to, int32_t number, uint32_t digits)
{
	for (uint32_t i = digits; i > 0; i--, number /= 10)
		to[i - 1] = (char)('0' + number % 10);
}

static void put_date(char *to, char letter, int64_t hour)
{
	int64_t days = hour / HOURS_PER_DAY - (hour % HOURS_PER_DAY < 0);
	struct calendar when = {0};

	calendar_from_days(days, &when);
	put_digits(to,
		   letter == 'Y'   ? when.year
		   : letter == 'm' ? when.month
		   : letter == 'd' ? when.day
				   : (int32_t)(hour - days * HOURS_PER_DAY),
		   date_width(letter));
}

static char tamed(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return (char)(letter - 'A' + 'a');
	return is_allowed(letter) ? letter : '_';
}

/* Adds a part to the memo's text; negative and why when it cannot be. */
static int32_t put_part(const struct index_name *name, const struct index_part *part,
			const struct weir_batch *batch, uint32_t record, struct index_memo *memo,
			char *ret_why, size_t why_size)
{
	struct weir_slice text = part->text;
	char *to = memo->text + memo->size;

	if (part->expr &&
	    (name->host->expr_text(part->expr, batch, record, &text) || text.size == 0)) {
		snprintf(ret_why, why_size, "no index: the record has no %.*s",
			 (int)part->source.size, part->source.data);
		return WEIR_ERR_INVALID;
	}
	if (part->date)
		text.size = date_width(part->date);
	if (text.size > INDEX_NAME_MAX - memo->size) {
		snprintf(ret_why, why_size, "no index: its name would have more than %d bytes",
			 INDEX_NAME_MAX);
		return WEIR_ERR_INVALID;
	}
	if (part->date)
		put_date(to, part->date, memo->hour);
	else if (!part->expr)
		memcpy(to, text.data, text.size);
	else
		for (uint64_t i = 0; i < text.size; i++)
			to[i] = tamed(text.data[i]);
	memo->size += (uint32_t)text.size;
	return WEIR_OK;
}

uint32_t index_name_render(const struct index_name *name, const struct weir_batch *batch,
			   uint32_t record, struct index_memo *memo, char *ret_why, size_t why_size)
{
	int64_t ns = batch->records[record].timestamp_ns;
	int64_t hour = ns / NS_PER_HOUR - (ns % NS_PER_HOUR < 0);
	int32_t code = WEIR_OK;

	if (memo->size && memo->hour == hour && !name->has_expr)
		return memo->size;
	memo->size = 0;
	memo->hour = hour;
	for (uint32_t i = 0; i < name->count && !code; i++)
		code = put_part(name, &name->parts[i], batch, record, memo, ret_why, why_size);
	/* System indices begin with a dot: a value from a log is not to name one. */
	if (!code && name->parts[0].expr && strchr("-_+.", memo->text[0])) {
		snprintf(ret_why, why_size, "no index: %.*s begins with -, _, + or .",
			 (int)memo->size, memo->text);
		code = WEIR_ERR_INVALID;
	}
	if (code)
		memo->size = 0;
	return memo->size;
}
