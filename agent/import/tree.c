// SPDX-License-Identifier: MIT
/*
 * JSON as Jackson and others read it, brought into the YAML that the project's own reader takes: comments
 * become blanks, surrogate pairs their character. Every other byte stays in its place, so that lines and
 * columns in messages are those of the file.
 */
#include <errno.h>
#include <stdlib.h>

#include "import/import.h"

static unsigned hex4(const char *at, const char *end)
{
	unsigned value = 0;

	if (end - at < 4)
		return 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
				 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
							: 16;

		if (digit > 15)
			return 0;
		value = value << 4 | digit;
	}
	return value;
}

/* \uD83D\uDE00 is one character; YAML writes it \U0001F600. Returns the bytes read, 0 for no pair. */
static size_t copy_pair(struct buffer *out, const char *at, const char *end)
{
	unsigned high, low;

	if (end - at < 12 || at[1] != 'u' || at[6] != '\\' || at[7] != 'u')
		return 0;
	high = hex4(at + 2, end);
	low = hex4(at + 8, end);
	if (high < 0xD800 || high > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
		return 0;
	buffer_printf(out, "\\U%08X", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
	return 12;
}

/* A string with its quotes. */
static const char *copy_string(struct buffer *out, const char *at, const char *end)
{
	const char *from = at++;

	while (at < end && *at != '"' && *at != '\n') {
		size_t pair = 0;

		if (*at == '\\') {
			buffer_append(out, from, (size_t)(at - from));
			from = at;
			pair = copy_pair(out, at, end);
		}
		if (pair) {
			at += pair;
			from = at;
		} else {
			at += *at == '\\' && at + 1 < end ? 2 : 1;
		}
	}
	at += at < end;
	buffer_append(out, from, (size_t)(at - from));
	return at;
}

static const char *blank_until(struct buffer *out, const char *at, const char *until)
{
	for (; at < until; at++)
		buffer_append(out, *at == '\n' ? "\n" : " ", 1);
	return at;
}

static const char *copy_comment(struct buffer *out, const char *at, const char *end)
{
	const char *close = at + 2;

	if (at[1] == '/') {
		while (close < end && *close != '\n')
			close++;
		return blank_until(out, at, close);
	}
	while (close + 1 < end && !(close[0] == '*' && close[1] == '/'))
		close++;
	return blank_until(out, at, close + 1 < end ? close + 2 : end);
}

static void clean(struct buffer *out, const char *at, const char *end)
{
	while (at < end) {
		if (*at == '"')
			at = copy_string(out, at, end);
		else if (*at == '/' && end - at > 1 && (at[1] == '/' || at[1] == '*'))
			at = copy_comment(out, at, end);
		else {
			buffer_append(out, *at == '\t' ? " " : at, 1);
			at++;
		}
	}
}

int import_parse_json(struct config_file *file, struct config *config, const char *path,
		      struct weir_slice text, struct tree_node **ret_root)
{
	struct buffer cleaned = {0};
	char *kept;

	*ret_root = NULL;
	clean(&cleaned, text.data, text.data + text.size);
	kept = config_copy(config->memory, cleaned.data ? cleaned.data : "", cleaned.size);
	config_file_of(file, config, path, (struct weir_slice){kept, kept ? cleaned.size : 0});
	buffer_done(&cleaned);
	return kept ? tree_read(file, ret_root) : WEIR_ERR_MEMORY;
}

int import_read_json(struct config_file *file, struct config *config, const char *path,
		     struct tree_node **ret_root)
{
	struct config_file raw;
	int status = config_file_open(&raw, config, path);

	*ret_root = NULL;
	if (status == 0)
		status = import_parse_json(file, config, path,
					   (struct weir_slice){raw.text, raw.size}, ret_root);
	else
		config_file_of(file, config, path, (struct weir_slice){NULL, 0});
	config_file_done(&raw);
	return status;
}

const struct tree_node *import_find(const struct tree_node *map, const char *name)
{
	for (uint32_t i = 0; map && map->kind == TREE_MAP && i < map->count; i++)
		if (weir_slice_equals(map->keys[i]->text, name))
			return map->items[i];
	return NULL;
}

const char *import_find_text(const struct tree_node *map, const char *name)
{
	const struct tree_node *node = import_find(map, name);

	return node && node->kind == TREE_SCALAR && !tree_is_null(node) ? node->text.data : NULL;
}

int64_t import_find_int(const struct tree_node *map, const char *name, int64_t missing)
{
	const char *text = import_find_text(map, name);
	char *end;
	long long number;

	if (!text || !*text)
		return missing;
	errno = 0;
	number = strtoll(text, &end, 10);
	return *end || errno ? missing : number;
}
