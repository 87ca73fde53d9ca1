// SPDX-License-Identifier: MIT
/*
 * Structured data of RFC 5424, section 6.3: `[id name="value" ...][id ...]`, to JSON. In a value a
 * backslash stands before `"`, `\` and `]`; before anything else it is itself.
 */
#include "message.h"

/* A byte may become six (\u001f), a backslash of its own two; brackets and quotes fit in that. */
#define JSON_GROWTH 6

struct walk {
	const char *at, *end;
};

static int walk_take(struct walk *walk, char byte)
{
	if (walk->at == walk->end || *walk->at != byte)
		return 0;
	walk->at++;
	return 1;
}

/* An id or a name: printable ASCII but for `=`, space, `]` and `"`. Longer ones than the 32 bytes of
 * the RFC are seen, and do no harm. */
static struct weir_slice walk_name(struct walk *walk)
{
	const char *from = walk->at;

	while (walk->at<walk->end && * walk->at> ' ' && *walk->at < 127 && *walk->at != '=' &&
	       *walk->at != ']' && *walk->at != '"')
		walk->at++;
	return (struct weir_slice){from, (uint64_t)(walk->at - from)};
}

/* What stands between the quotes; data is NULL when there is no end to it. */
static struct weir_slice walk_value(struct walk *walk)
{
	const char *from = walk->at;

	for (; walk->at < walk->end; walk->at++) {
		if (*walk->at == '"') {
			walk->at++;
			return (struct weir_slice){from, (uint64_t)(walk->at - 1 - from)};
		}
		if (*walk->at == ']')
			break;
		if (*walk->at == '\\' && walk->at + 1 < walk->end)
			walk->at++;
	}
	return (struct weir_slice){NULL, 0};
}

static int walk_element(struct walk *walk)
{
	if (!walk_take(walk, '[') || walk_name(walk).size == 0)
		return 0;
	while (walk_take(walk, ' '))
		if (walk_name(walk).size == 0 || !walk_take(walk, '=') || !walk_take(walk, '"') ||
		    !walk_value(walk).data)
			return 0;
	return walk_take(walk, ']');
}

uint64_t structured_data_size(struct weir_slice text)
{
	struct walk walk = {text.data, text.data + text.size};

	do {
		if (!walk_element(&walk))
			return 0;
	} while (walk.at < walk.end && *walk.at == '[');
	return (uint64_t)(walk.at - text.data);
}

uint64_t structured_data_json_max(struct weir_slice data)
{
	return JSON_GROWTH * data.size + 2;
}

/* ---- JSON ---- */

/* Bytes of the valid UTF-8 sequence at `at`, or 0. */
static uint32_t utf8_length(const uint8_t *at, const uint8_t *end)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t length = at[0] < 0x80   ? 1
			  : at[0] < 0xC0 ? 0
			  : at[0] < 0xE0 ? 2
			  : at[0] < 0xF0 ? 3
					 : 4;
	uint32_t code = length == 1 ? at[0] : at[0] & (0x7Fu >> length);

	if (length == 0 || at[0] > 0xF4 || (uint64_t)(end - at) < length)
		return 0;
	for (uint32_t i = 1; i < length; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3F);
	}
	if (length > 1 && (code < least[length] || code > 0x10FFFF || code >> 11 == 0x1B))
		return 0;
	return length;
}

/* One character; bytes that are no UTF-8 become U+FFFD. Returns the bytes that it took. */
static uint32_t put_character(char **out, const uint8_t *at, const uint8_t *end)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t length = utf8_length(at, end);

	if (length == 0) {
		memcpy(*out, "\xef\xbf\xbd", 3);
		*out += 3;
		return 1;
	}
	if (*at == '"' || *at == '\\') {
		*(*out)++ = '\\';
	} else if (*at < 0x20) {
		memcpy(*out, "\\u00", 4);
		(*out)[4] = digits[*at >> 4];
		(*out)[5] = digits[*at & 15];
		*out += 6;
		return 1;
	}
	memcpy(*out, at, length);
	*out += length;
	return length;
}

static char *put_string(char *out, struct weir_slice text, int is_value)
{
	const uint8_t *at = (const uint8_t *)text.data, *end = at + text.size;

	*out++ = '"';
	while (at < end) {
		if (is_value && *at == '\\' && at + 1 < end &&
		    (at[1] == '"' || at[1] == '\\' || at[1] == ']'))
			at++;
		at += put_character(&out, at, end);
	}
	*out++ = '"';
	return out;
}

static char *put_element(char *out, struct walk *walk)
{
	int first = 1;

	walk->at++;
	out = put_string(out, walk_name(walk), 0);
	*out++ = ':';
	*out++ = '{';
	while (walk_take(walk, ' ')) {
		if (!first)
			*out++ = ',';
		first = 0;
		out = put_string(out, walk_name(walk), 0);
		*out++ = ':';
		walk->at += 2;
		out = put_string(out, walk_value(walk), 1);
	}
	walk->at++;
	*out++ = '}';
	return out;
}

uint64_t structured_data_json(struct weir_slice data, char *out)
{
	struct walk walk = {data.data, data.data + data.size};
	char *at = out;

	*at++ = '{';
	while (walk.at < walk.end) {
		if (at > out + 1)
			*at++ = ',';
		at = put_element(at, &walk);
	}
	*at++ = '}';
	return (uint64_t)(at - out);
}
