// SPDX-License-Identifier: MIT
/* Containers are skipped by counting brackets outside of strings, without recursion. */
#include "expr/json_walk.h"

#include "batch/utf8.h"

/* After the string whose opening quote is at `at`; 0 when it has no end. */
static size_t string_end(struct weir_slice text, size_t at)
{
	for (at++; at < text.size; at++) {
		if (text.data[at] == '\\')
			at++;
		else if (text.data[at] == '"')
			return at + 1;
	}
	return 0;
}

static size_t container_end(struct weir_slice text, size_t at)
{
	size_t depth = 0;

	while (at < text.size) {
		char c = text.data[at];

		if (c == '"') {
			at = string_end(text, at);
			if (at == 0)
				return 0;
			continue;
		}
		at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at;
	}
	return 0;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct weir_slice text, size_t at)
{
	while (at < text.size && is_space(text.data[at]))
		at++;
	return at;
}

static size_t value_end(struct weir_slice text, size_t at)
{
	if (at >= text.size)
		return 0;
	if (text.data[at] == '"')
		return string_end(text, at);
	if (text.data[at] == '{' || text.data[at] == '[')
		return container_end(text, at);
	while (at < text.size && text.data[at] != ',' && text.data[at] != '}' &&
	       text.data[at] != ']' && !is_space(text.data[at]))
		at++;
	return at;
}

struct json_walk json_walk_start(struct weir_slice text)
{
	struct json_walk walk = {text, 1, text.size && text.data[0] == '{'};

	return walk;
}

int json_walk_next(struct json_walk *walk, struct weir_slice *ret_key, struct weir_slice *ret_value)
{
	struct weir_slice text = walk->text;
	size_t at = skip_space(text, walk->at), end;

	if (at < text.size && text.data[at] == ',')
		at = skip_space(text, at + 1);
	*ret_key = (struct weir_slice){NULL, 0};
	if (walk->is_map) {
		end = at < text.size && text.data[at] == '"' ? string_end(text, at) : 0;
		if (end == 0)
			return 0;
		*ret_key = (struct weir_slice){text.data + at, end - at};
		at = skip_space(text, end);
		if (at >= text.size || text.data[at] != ':')
			return 0;
		at = skip_space(text, at + 1);
	}
	end = value_end(text, at);
	if (end <= at)
		return 0;
	*ret_value = (struct weir_slice){text.data + at, end - at};
	walk->at = end;
	return 1;
}

static int hex4(const char *digits, size_t size, uint32_t *ret_code)
{
	uint32_t code = 0;

	if (size < 4)
		return 0;
	for (int i = 0; i < 4; i++) {
		char c = digits[i];

		code <<= 4;
		if (c >= '0' && c <= '9')
			code |= (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			code |= (uint32_t)((c | 32) - 'a' + 10);
		else
			return 0;
	}
	*ret_code = code;
	return 1;
}

/* The code point after a \u at `from`; a lone surrogate is U+FFFD. Returns the bytes taken. */
static size_t unescape_code(const char *from, size_t size, uint32_t *ret_code)
{
	uint32_t low;

	if (!hex4(from, size, ret_code)) {
		*ret_code = 0xFFFD;
		return 0;
	}
	if (*ret_code < 0xD800 || *ret_code > 0xDFFF)
		return 4;
	if (*ret_code < 0xDC00 && size >= 10 && from[4] == '\\' && from[5] == 'u' &&
	    hex4(from + 6, 4, &low) && low >= 0xDC00 && low <= 0xDFFF) {
		*ret_code = 0x10000 + ((*ret_code - 0xD800) << 10) + (low - 0xDC00);
		return 10;
	}
	*ret_code = 0xFFFD;
	return 4;
}

static char unescape_letter(char letter)
{
	switch (letter) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return letter;
	}
}

/* `raw` has no quotes. A \\u without its digits is two bytes and becomes three; all else shrinks. */
static struct weir_slice unescape(struct scratch *scratch, struct weir_slice raw)
{
	char *start = scratch_take(scratch, raw.size + raw.size / 2 + 3);
	char *to = start;
	size_t at = 0;

	if (!start)
		return (struct weir_slice){NULL, 0};
	while (at < raw.size) {
		uint32_t code;

		if (raw.data[at] != '\\' || at + 1 == raw.size) {
			*to++ = raw.data[at++];
		} else if (raw.data[at + 1] != 'u') {
			*to++ = unescape_letter(raw.data[at + 1]);
			at += 2;
		} else {
			at += 2;
			at += unescape_code(raw.data + at, raw.size - at, &code);
			to = utf8_append(to, code);
		}
	}
	return (struct weir_slice){start, (size_t)(to - start)};
}

static struct weir_slice string_of(struct scratch *scratch, struct weir_slice raw)
{
	struct weir_slice inner = {raw.data + 1, raw.size - 2};

	if (!memchr(inner.data, '\\', inner.size))
		return inner;
	return unescape(scratch, inner);
}

int json_walk_member(struct scratch *scratch, struct weir_slice map, struct weir_slice name,
		     struct weir_slice *ret_value)
{
	struct json_walk walk = json_walk_start(map);
	struct weir_slice key, value;
	int found = 0;

	if (!walk.is_map)
		return 0;
	while (json_walk_next(&walk, &key, &value)) {
		struct weir_slice text = string_of(scratch, key);

		if (text.size == name.size && memcmp(text.data, name.data, name.size) == 0) {
			*ret_value = value;
			found = 1;
		}
	}
	return found;
}

struct value json_walk_value(struct scratch *scratch, struct weir_slice raw)
{
	struct value value = value_of_tag(WEIR_NULL);

	switch (raw.data[0]) {
	case '"':
		return value_string(string_of(scratch, raw));
	case '{':
	case '[':
		value.tag = raw.data[0] == '{' ? WEIR_MAP : WEIR_LIST;
		value.text = raw;
		return value;
	case 't':
	case 'f':
		return value_bool(raw.data[0] == 't');
	case 'n':
		return value;
	default:
		value.tag = memchr(raw.data, '.', raw.size) || memchr(raw.data, 'e', raw.size) ||
					    memchr(raw.data, 'E', raw.size)
				    ? WEIR_DOUBLE
				    : WEIR_INT;
		value.is_text = 1;
		value.text = raw;
		return value;
	}
}
