// SPDX-License-Identifier: MIT
/* Nodes come from YAML, so their text is valid UTF-8 and their depth is bounded. */
#include "json_text.h"

#include <math.h>
#include <stdlib.h>

static int32_t append(struct json_text *text, const char *data, size_t size)
{
	if (text->capacity - text->size < size) {
		size_t capacity = 2 * (text->size + size);
		char *grown = realloc(text->data, capacity);

		if (!grown)
			return WEIR_ERR_MEMORY;
		text->data = grown;
		text->capacity = capacity;
	}
	memcpy(text->data + text->size, data, size);
	text->size += size;
	return WEIR_OK;
}

static int32_t append_text(struct json_text *text, const char *data)
{
	return append(text, data, strlen(data));
}

static int32_t append_string(struct json_text *text, struct weir_slice string)
{
	int32_t result = append_text(text, "\"");
	char escape[8];

	for (uint64_t i = 0; i < string.size && result == WEIR_OK; i++) {
		unsigned char c = (unsigned char)string.data[i];

		if (c == '"' || c == '\\') {
			(void)snprintf(escape, sizeof(escape), "\\%c", c);
			result = append_text(text, escape);
		} else if (c < 0x20) {
			(void)snprintf(escape, sizeof(escape), "\\u%04x", c);
			result = append_text(text, escape);
		} else {
			result = append(text, string.data + i, 1);
		}
	}
	return result == WEIR_OK ? append_text(text, "\"") : result;
}

static int32_t append_items(struct json_text *text, const struct weir_node *node)
{
	int is_map = node->type == WEIR_TYPE_MAP;
	int32_t result = append_text(text, is_map ? "{" : "[");

	for (uint32_t i = 0; i < node->count && result == WEIR_OK; i++) {
		if (i > 0)
			result = append_text(text, ",");
		if (result == WEIR_OK && is_map)
			result = append_string(text, node->keys[i]);
		if (result == WEIR_OK && is_map)
			result = append_text(text, ":");
		if (result == WEIR_OK)
			result = json_text_append(text, node->items[i]);
	}
	return result == WEIR_OK ? append_text(text, is_map ? "}" : "]") : result;
}

int32_t json_text_append(struct json_text *text, const struct weir_node *node)
{
	char number[40];

	switch (node->type) {
	case WEIR_TYPE_NULL:
		return append_text(text, "null");
	case WEIR_TYPE_BOOL:
		return append_text(text, node->i64 ? "true" : "false");
	case WEIR_TYPE_INT:
		(void)snprintf(number, sizeof(number), "%lld", (long long)node->i64);
		return append_text(text, number);
	case WEIR_TYPE_DOUBLE:
		(void)snprintf(number, sizeof(number), "%.17g", node->f64);
		return append_text(text, isfinite(node->f64) ? number : "null");
	case WEIR_TYPE_MAP:
	case WEIR_TYPE_LIST:
		return append_items(text, node);
	default:
		return append_string(text, node->text);
	}
}
