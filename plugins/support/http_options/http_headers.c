// SPDX-License-Identifier: MIT
/* Lists of headers that every request has, made once. Nothing that could end its line gets in. */
#include <stdlib.h>
#include <strings.h>

#include "support/http_options/http_options.h"

#define NAME_MAX_SIZE 255

static int is_printable(struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size; i++)
		if ((uint8_t)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return 0;
	return 1;
}

static int32_t grow(struct http_headers *headers)
{
	struct weir_slice *items =
		realloc(headers->items, (headers->count + 1) * sizeof(*headers->items));

	if (!items)
		return WEIR_ERR_MEMORY;
	headers->items = items;
	return WEIR_OK;
}

int32_t http_headers_add(struct http_headers *headers, const char *name, const char *before,
			 struct weir_slice value, struct weir_error *error)
{
	size_t size = strlen(name) + 2 + strlen(before) + value.size;
	char *text = malloc(size + 1);

	if (!text || grow(headers)) {
		free(text);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for headers");
	}
	snprintf(text, size + 1, "%s: %s%.*s", name, before, (int)value.size,
		 value.data ? value.data : "");
	headers->items[headers->count++] = (struct weir_slice){text, size};
	return WEIR_OK;
}

int32_t http_headers_add_map(struct http_headers *headers, const struct weir_node *map,
			     struct weir_error *error)
{
	for (uint32_t i = 0; map && i < map->count; i++) {
		const struct weir_node *value = map->items[i];
		struct weir_slice name = map->keys[i];
		char copy[NAME_MAX_SIZE + 1];
		int32_t code;

		if (name.size == 0 || name.size > NAME_MAX_SIZE || !is_printable(name) ||
		    memchr(name.data, ':', name.size) || memchr(name.data, ' ', name.size))
			return http_options_fail_at(value, "not a header name", error);
		if (!is_printable(value->text))
			return http_options_fail_at(value, "a header cannot hold line breaks",
						    error);
		memcpy(copy, name.data, name.size);
		copy[name.size] = '\0';
		code = http_headers_add(headers, copy, "", value->text, error);
		if (code)
			return code;
	}
	return WEIR_OK;
}

static char *base64(const char *text, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = calloc(1, (size + 2) / 3 * 4 + 1), *end = out;

	for (size_t i = 0; out && i < size; i += 3) {
		uint32_t three = (uint32_t)(uint8_t)text[i] << 16;

		three |= i + 1 < size ? (uint32_t)(uint8_t)text[i + 1] << 8 : 0;
		three |= i + 2 < size ? (uint8_t)text[i + 2] : 0;
		*end++ = digits[three >> 18];
		*end++ = digits[three >> 12 & 63];
		*end++ = i + 1 < size ? digits[three >> 6 & 63] : '=';
		*end++ = i + 2 < size ? digits[three & 63] : '=';
	}
	return out;
}

static void wipe(char *text, size_t size)
{
	if (text)
		explicit_bzero(text, size);
	free(text);
}

int32_t http_headers_add_basic(struct http_headers *headers, const struct weir_node *basic,
			       struct weir_error *error)
{
	const char *user = weir_node_text(basic, "user"),
		   *password = weir_node_text(basic, "password");
	int32_t code = WEIR_ERR_MEMORY;
	char *plain = NULL, *encoded = NULL;
	int size;

	if (user && strchr(user, ':'))
		return http_options_fail_at(weir_node_find(basic, "user"),
					    "a user name cannot hold a colon", error);
	size = asprintf(&plain, "%s:%s", user ? user : "", password ? password : "");
	if (size >= 0)
		encoded = base64(plain, (size_t)size);
	if (encoded)
		code = http_headers_add(headers, "Authorization", "Basic ", weir_slice_of(encoded),
					error);
	else
		weir_fail(error, code, "no memory for headers");
	if (size >= 0)
		wipe(plain, (size_t)size);
	wipe(encoded, encoded ? strlen(encoded) : 0);
	return code;
}

int32_t http_headers_add_token(struct http_headers *headers, const char *scheme,
			       const struct weir_node *token, struct weir_error *error)
{
	if (!is_printable(token->text))
		return http_options_fail_at(token, "a token cannot hold line breaks", error);
	return http_headers_add(headers, "Authorization", scheme, token->text, error);
}

int http_headers_have(const struct http_headers *headers, const char *name)
{
	size_t size = strlen(name);

	for (uint32_t i = 0; i < headers->count; i++)
		if (headers->items[i].size > size && headers->items[i].data[size] == ':' &&
		    strncasecmp(headers->items[i].data, name, size) == 0)
			return 1;
	return 0;
}

void http_headers_done(struct http_headers *headers)
{
	for (uint32_t i = 0; i < headers->count; i++)
		wipe((char *)(uintptr_t)headers->items[i].data, headers->items[i].size);
	free(headers->items);
	headers->items = NULL;
	headers->count = 0;
}
