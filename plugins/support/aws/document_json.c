// SPDX-License-Identifier: MIT
/* JSON, RFC 8259; lenient about what no reader of answers cares for, such as leading zeros. */
#include <stdlib.h>

#include "support/aws/document.h"
#include "support/aws/text.h"

struct json {
	const char *at, *end;
	document_visit *visit;
	void *user;
	uint32_t depth;
	struct text string; /* the last one that had escapes, without them */
};

static int json_value(struct json *j);

static void emit(struct json *j, uint32_t kind, struct weir_slice text, int64_t number)
{
	const struct document_event event = {kind, j->depth, text, number};

	j->visit(j->user, &event);
}

static void skip_blanks(struct json *j)
{
	while (j->at < j->end &&
	       (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
		j->at++;
}

static int take(struct json *j, char wanted)
{
	skip_blanks(j);
	if (j->at == j->end || *j->at != wanted)
		return 0;
	j->at++;
	return 1;
}

static int hex4(struct json *j, uint32_t *ret_code)
{
	*ret_code = 0;
	if (j->end - j->at < 4)
		return -1;
	for (int i = 0; i < 4; i++, j->at++) {
		char c = *j->at;
		uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
				 : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
				 : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
							: 16;

		if (digit == 16)
			return -1;
		*ret_code = *ret_code << 4 | digit;
	}
	return 0;
}

static void add_utf8(struct text *text, uint32_t c)
{
	char bytes[4];
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (size == 1) {
		bytes[0] = (char)c;
	} else {
		for (size_t i = size - 1; i > 0; i--, c >>= 6)
			bytes[i] = (char)(0x80 | (c & 0x3f));
		bytes[0] = (char)((0xf00 >> size) | c);
	}
	text_add(text, bytes, size);
}

static int add_unicode(struct json *j)
{
	uint32_t c, low;

	if (hex4(j, &c))
		return -1;
	if (c >= 0xd800 && c < 0xdc00 && j->end - j->at >= 6 && j->at[0] == '\\' &&
	    j->at[1] == 'u') {
		j->at += 2;
		if (hex4(j, &low))
			return -1;
		c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00)
						  : 0xfffd;
	}
	add_utf8(&j->string, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return 0;
}

static int add_escape(struct json *j)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (j->at == j->end)
		return -1;
	if (*j->at == 'u') {
		j->at++;
		return add_unicode(j);
	}
	found = *j->at ? strchr(letters, *j->at) : NULL;
	if (!found)
		return -1;
	text_add(&j->string, &bytes[found - letters], 1);
	j->at++;
	return 0;
}

static int read_escaped(struct json *j)
{
	j->string.size = 0;
	text_add(&j->string, "", 0);
	while (j->at < j->end) {
		const char *from = j->at;

		while (j->at < j->end && *j->at != '"' && *j->at != '\\')
			j->at++;
		text_add(&j->string, from, (size_t)(j->at - from));
		if (j->at == j->end)
			return -1;
		if (*j->at++ == '"')
			return j->string.failed ? -1 : 0;
		if (add_escape(j))
			return -1;
	}
	return -1;
}

/* Behind the opening quote. Most strings are as they stand. */
static int read_string(struct json *j, struct weir_slice *ret_text)
{
	const char *from = j->at;
	const char *quote = from < j->end ? memchr(from, '"', (size_t)(j->end - from)) : NULL;

	if (!quote)
		return -1;
	if (!memchr(from, '\\', (size_t)(quote - from))) {
		*ret_text = (struct weir_slice){from, (uint64_t)(quote - from)};
		j->at = quote + 1;
		return 0;
	}
	if (read_escaped(j))
		return -1;
	*ret_text = text_slice(&j->string);
	return 0;
}

static int read_map(struct json *j)
{
	struct weir_slice key;

	if (take(j, '}'))
		return 0;
	do {
		if (!take(j, '"') || read_string(j, &key))
			return -1;
		emit(j, DOCUMENT_KEY, key, 0);
		if (!take(j, ':') || json_value(j))
			return -1;
	} while (take(j, ','));
	return take(j, '}') ? 0 : -1;
}

static int read_list(struct json *j)
{
	if (take(j, ']'))
		return 0;
	do {
		if (json_value(j))
			return -1;
	} while (take(j, ','));
	return take(j, ']') ? 0 : -1;
}

static int read_nested(struct json *j, uint32_t kind)
{
	const struct weir_slice none = {NULL, 0};
	int failed;

	if (++j->depth > DOCUMENT_DEPTH_MAX)
		return -1;
	emit(j, kind, none, 0);
	failed = kind == DOCUMENT_MAP ? read_map(j) : read_list(j);
	if (!failed)
		emit(j, DOCUMENT_END, none, 0);
	j->depth--;
	return failed;
}

static int read_word(struct json *j)
{
	const char *from = j->at;
	char copy[32], *stop;
	struct weir_slice word;
	int64_t number;

	while (j->at < j->end && *j->at &&
	       strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *j->at))
		j->at++;
	word = (struct weir_slice){from, (uint64_t)(j->at - from)};
	if (word.size == 0)
		return -1;
	if (word.size < sizeof(copy)) {
		memcpy(copy, from, word.size);
		copy[word.size] = '\0';
		number = strtoll(copy, &stop, 10);
		if (*stop == '\0') {
			emit(j, DOCUMENT_NUMBER, word, number);
			return 0;
		}
	}
	emit(j, DOCUMENT_OTHER, word, 0);
	return 0;
}

static int json_value(struct json *j)
{
	struct weir_slice text;

	if (take(j, '{'))
		return read_nested(j, DOCUMENT_MAP);
	if (take(j, '['))
		return read_nested(j, DOCUMENT_LIST);
	if (!take(j, '"'))
		return read_word(j);
	if (read_string(j, &text))
		return -1;
	emit(j, DOCUMENT_TEXT, text, 0);
	return 0;
}

int32_t document_walk_json(struct weir_slice text, document_visit *visit, void *user)
{
	struct json j = {text.data, text.data + text.size, visit, user, 0, {0}};
	int failed = json_value(&j);

	skip_blanks(&j);
	text_done(&j.string);
	return failed || j.at != j.end ? WEIR_ERR_INVALID : 0;
}
