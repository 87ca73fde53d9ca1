// SPDX-License-Identifier: MIT
#include "pipeline/letter.h"

#include "expr/instant.h"
#include "expr/json_walk.h"

const char *const letter_keys[LETTER_KEYS] = {[LETTER_TIME] = "time",
					      [LETTER_PIPELINE] = "pipeline",
					      [LETTER_STAGE] = "stage",
					      [LETTER_KIND] = "kind",
					      [LETTER_REASON] = "reason",
					      [LETTER_ERROR] = "error",
					      [LETTER_SOURCE] = "source",
					      [LETTER_SOURCE_ID] = "source_id",
					      [LETTER_POSITION] = "position",
					      [LETTER_ORDINAL] = "ordinal",
					      [LETTER_TIMESTAMP] = "@timestamp",
					      [LETTER_LINE] = "line",
					      [LETTER_RECORD] = "record"};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int read_id(struct weir_slice text, uint8_t ret_id[16])
{
	if (text.size != 32)
		return 0;
	for (int i = 0; i < 16; i++) {
		int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		ret_id[i] = (uint8_t)(high << 4 | low);
	}
	return 1;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padded base64 as json_append_base64() writes it. */
static int read_base64(struct scratch *scratch, struct weir_slice text,
		       struct weir_slice *ret_bytes)
{
	uint8_t *start = scratch_take(scratch, text.size / 4 * 3 + 1);
	uint8_t *to = start;
	size_t padding = 0;

	if (!start || text.size % 4)
		return 0;
	while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=')
		padding++;
	for (size_t at = 0; at < text.size; at += 4) {
		size_t digits = at + 4 == text.size ? 4 - padding : 4;
		uint32_t bits = 0;

		for (size_t i = 0; i < 4; i++) {
			int digit = i < digits ? base64_digit(text.data[at + i]) : 0;

			if (digit < 0)
				return 0;
			bits = bits << 6 | (uint32_t)digit;
		}
		for (size_t i = 0; i + 1 < digits; i++)
			*to++ = (uint8_t)(bits >> (16 - 8 * i));
	}
	*ret_bytes = (struct weir_slice){(const char *)start, (size_t)(to - start)};
	return 1;
}

static int64_t whole(const struct value *value)
{
	int64_t number = 0;

	if (!value->is_text || !number_digits(value->text.data, value->text.size, &number))
		return 0;
	return number;
}

static int64_t instant(const struct value *value)
{
	int64_t ns;

	return value->tag == WEIR_STRING && instant_parse(value->text, &ns) ? ns : 0;
}

static void take_text(const struct value *value, struct weir_slice *ret_text)
{
	if (value->tag == WEIR_STRING)
		*ret_text = value->text;
}

static void take_number(struct letter *letter, enum letter_key key, const struct value *value)
{
	switch (key) {
	case LETTER_TIME:
		letter->time_ns = instant(value);
		break;
	case LETTER_TIMESTAMP:
		letter->timestamp_ns = instant(value);
		break;
	case LETTER_POSITION:
		letter->position = (uint64_t)whole(value);
		break;
	case LETTER_ORDINAL:
		letter->ordinal = (uint32_t)whole(value);
		break;
	case LETTER_SOURCE_ID:
		letter->has_id = value->tag == WEIR_STRING && read_id(value->text, letter->id);
		break;
	case LETTER_LINE:
		letter->has_line = value->tag == WEIR_STRING;
		take_text(value, &letter->line);
		break;
	case LETTER_RECORD:
		if (value->tag == WEIR_MAP)
			letter->record = value->text;
		break;
	default:
		break;
	}
}

static void take(struct letter *letter, enum letter_key key, const struct value *value)
{
	struct weir_slice *const texts[LETTER_KEYS] = {
		[LETTER_PIPELINE] = &letter->pipeline, [LETTER_STAGE] = &letter->stage,
		[LETTER_KIND] = &letter->kind,         [LETTER_REASON] = &letter->reason,
		[LETTER_ERROR] = &letter->error,       [LETTER_SOURCE] = &letter->source};

	if (texts[key])
		take_text(value, texts[key]);
	else
		take_number(letter, key, value);
}

/* `raw` with its quotes; the keys of a letter need no escapes. */
static enum letter_key key_of(struct weir_slice raw)
{
	struct weir_slice name = {raw.data + 1, raw.size - 2};
	int key = 0;

	while (key < LETTER_KEYS && !weir_slice_equals(name, letter_keys[key]))
		key++;
	return (enum letter_key)key;
}

/* Whether the walk came to the brace that ends the text. */
static int came_to_end(const struct json_walk *walk)
{
	return walk->at + 1 == walk->text.size && walk->text.data[walk->at] == '}';
}

int letter_read(struct scratch *scratch, struct weir_slice text, struct letter *ret_letter)
{
	struct letter letter = {0};
	struct json_walk walk = json_walk_start(text);
	struct weir_slice key, raw;

	if (!walk.is_map)
		return WEIR_ERR_INVALID;
	while (json_walk_next(&walk, &key, &raw)) {
		struct value value = json_walk_value(scratch, raw);
		enum letter_key found = key_of(key);

		if (found < LETTER_KEYS)
			take(&letter, found, &value);
		else if (weir_slice_equals(key, "\"" LETTER_LINE_BASE64 "\""))
			letter.has_line = value.tag == WEIR_STRING &&
					  read_base64(scratch, value.text, &letter.line);
	}
	if (!came_to_end(&walk) || !letter.pipeline.size || !letter.stage.size ||
	    (!letter.has_line && !letter.record.size))
		return WEIR_ERR_INVALID;
	*ret_letter = letter;
	return 0;
}
