// SPDX-License-Identifier: MIT
/* Always valid JSON, whatever bytes are in the record: one bad action line fails a whole request. */
#include "action.h"

#define HEX_ID_SIZE 32

static const char hex_digits[] = "0123456789abcdef";

static int uses_expressions(const struct action_style *style)
{
	return style->id || style->routing || style->index.has_expr;
}

int action_is_constant(const struct action_style *style)
{
	return style->no_id && style->index_in_url && !style->routing;
}

void action_lock(struct action_style *style)
{
	if (uses_expressions(style))
		pthread_mutex_lock(&style->lock);
}

void action_unlock(struct action_style *style)
{
	if (uses_expressions(style))
		pthread_mutex_unlock(&style->lock);
}

/* ---- pieces of JSON ---- */

static char *put(char *to, const char *text, size_t size)
{
	memcpy(to, text, size);
	return to + size;
}

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

static uint32_t number_size(uint64_t number)
{
	uint32_t size = 1;

	/* Three digits at a time: positions have ten or so. */
	for (; number >= 1000; number /= 1000)
		size += 3;
	return size + (number >= 10) + (number >= 100);
}

static char *put_number(char *to, uint64_t number)
{
	char *end = to + number_size(number), *at = end;

	for (; number >= 100; number /= 100) {
		uint32_t two = (uint32_t)(number % 100);

		*--at = (char)('0' + two % 10);
		*--at = (char)('0' + two / 10);
	}
	if (number >= 10)
		*--at = (char)('0' + number % 10);
	*--at = (char)('0' + (number >= 10 ? number / 10 : number));
	return end;
}

/* Bytes of the UTF-8 sequence at `at`; 0 when it is none (RFC 3629, table 3-7 of Unicode). */
static uint32_t sequence(const uint8_t *at, uint64_t left)
{
	uint32_t size = at[0] < 0xc2   ? 0
			: at[0] < 0xe0 ? 2
			: at[0] < 0xf0 ? 3
			: at[0] < 0xf5 ? 4
				       : 0;

	if (size == 0 || size > left)
		return 0;
	for (uint32_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

static char *put_escaped(char *to, char letter)
{
	if (letter == '"' || letter == '\\') {
		*to++ = '\\';
		*to++ = letter;
		return to;
	}
	to = PUT(to, "\\u00");
	*to++ = hex_digits[(uint8_t)letter >> 4];
	*to++ = hex_digits[letter & 15];
	return to;
}

/* Without quotes; at most six bytes for one. What is no UTF-8 becomes U+FFFD. */
static char *put_text(char *to, struct weir_slice text)
{
	const uint8_t *at = (const uint8_t *)text.data, *end = at + text.size;

	while (at < end) {
		uint32_t size = *at < 0x80 ? 1 : sequence(at, (uint64_t)(end - at));

		if (size == 0) {
			to = PUT(to, "\xef\xbf\xbd");
			size = 1;
		} else if (size > 1) {
			to = put(to, (const char *)at, size);
		} else if (*at < 0x20 || *at == '"' || *at == '\\') {
			to = put_escaped(to, (char)*at);
		} else {
			*to++ = (char)*at;
		}
		at += size;
	}
	return to;
}

/* ---- sizes ---- */

static uint32_t record_id_size(const struct weir_record *record)
{
	return HEX_ID_SIZE + 1 + number_size(record->position) +
	       (record->ordinal ? 1 + number_size(record->ordinal) : 0);
}

#define LENGTH(literal) ((uint32_t)sizeof(literal) - 1)

/* Of one without expressions, without making it: each record is measured before it is sent. */
static uint32_t plain_size(const struct action_style *style, const struct weir_record *record)
{
	uint32_t size = LENGTH("{\"create\":{}}\n");

	if (!style->index_in_url)
		size += LENGTH("\"_index\":\"\"") + style->index.size;
	if (!style->no_id)
		size += LENGTH("\"_id\":\"\"") + record_id_size(record);
	return size + (!style->index_in_url && !style->no_id); /* the comma */
}

/* ---- members ---- */

/* A comma, but for the first. */
static char *put_name(char *to, const char *name)
{
	if (to[-1] != '{')
		*to++ = ',';
	*to++ = '"';
	to = put(to, name, strlen(name));
	return put(to, "\":\"", 3);
}

static char *put_record_id(char *to, const struct weir_batch *batch,
			   const struct weir_record *record)
{
	to = put(to, batch->sources[record->source]->hex.data, HEX_ID_SIZE);
	*to++ = '-';
	to = put_number(to, record->position);
	if (record->ordinal == 0)
		return to;
	*to++ = '-';
	return put_number(to, record->ordinal);
}

uint32_t action_record_id(const struct weir_batch *batch, uint32_t record,
			  char ret_id[ACTION_RECORD_ID_MAX])
{
	return (uint32_t)(put_record_id(ret_id, batch, &batch->records[record]) - ret_id);
}

/* NULL and the problem where the text is longer than the server takes. */
static char *put_value(char *to, const char *name, struct weir_slice text,
		       struct action_problem *problem)
{
	if (text.size > ACTION_ID_MAX) {
		problem->reason = "id_too_long";
		snprintf(problem->text, sizeof(problem->text),
			 "%s has %llu bytes, and at most %d are taken", name,
			 (unsigned long long)text.size, ACTION_ID_MAX);
		return NULL;
	}
	to = put_text(put_name(to, name), text);
	*to++ = '"';
	return to;
}

static char *put_index(const struct action_style *style, const struct weir_batch *batch,
		       uint32_t record, struct index_memo *memo, char *to,
		       struct action_problem *problem)
{
	if (!index_name_render(&style->index, batch, record, memo, problem->text,
			       sizeof(problem->text))) {
		problem->reason = "no_index";
		return NULL;
	}
	to = put(put_name(to, "_index"), memo->text, memo->size);
	*to++ = '"';
	return to;
}

/* Where the user's expression gives nothing, the record's own id does. */
static char *put_id(const struct action_style *style, const struct weir_batch *batch,
		    uint32_t record, char *to, struct action_problem *problem)
{
	struct weir_slice text;

	if (style->id && style->host->expr_text(style->id, batch, record, &text) == WEIR_OK &&
	    text.size > 0)
		return put_value(to, "_id", text, problem);
	to = put_record_id(put_name(to, "_id"), batch, &batch->records[record]);
	*to++ = '"';
	return to;
}

static char *put_routing(const struct action_style *style, const struct weir_batch *batch,
			 uint32_t record, char *to, struct action_problem *problem)
{
	struct weir_slice text;

	if (style->host->expr_text(style->routing, batch, record, &text) || text.size == 0)
		return to;
	return put_value(to, "routing", text, problem);
}

uint32_t action_write(const struct action_style *style, const struct weir_batch *batch,
		      uint32_t record, struct index_memo *memo, char ret_text[ACTION_SIZE_MAX],
		      struct action_problem *ret_problem)
{
	char *to = PUT(ret_text, "{\"create\":{");

	if (!style->index_in_url)
		to = put_index(style, batch, record, memo, to, ret_problem);
	if (to && !style->no_id)
		to = put_id(style, batch, record, to, ret_problem);
	if (to && style->routing)
		to = put_routing(style, batch, record, to, ret_problem);
	if (!to)
		return 0;
	to = PUT(to, "}}\n");
	return (uint32_t)(to - ret_text);
}

static uint32_t written_size(struct action_style *style, const struct weir_batch *batch,
			     uint32_t record, struct action_problem *ret_problem)
{
	struct index_memo memo = {.size = 0};
	char text[ACTION_SIZE_MAX];
	uint32_t size;

	action_lock(style);
	size = action_write(style, batch, record, &memo, text, ret_problem);
	action_unlock(style);
	return size;
}

uint32_t action_size(struct action_style *style, const struct weir_batch *batch, uint32_t record,
		     struct action_problem *ret_problem)
{
	return uses_expressions(style) ? written_size(style, batch, record, ret_problem)
				       : plain_size(style, &batch->records[record]);
}
