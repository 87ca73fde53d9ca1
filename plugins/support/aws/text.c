// SPDX-License-Identifier: MIT
/* Growing copies by hand, not by realloc(), so that no copy of a secret is left behind. */
#include "support/aws/text.h"

#include <stdlib.h>

#define TEXT_FIRST 256

static int text_reserve(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : TEXT_FIRST;
	char *data;

	if (text->failed)
		return -1;
	while (capacity - text->size <= more)
		capacity *= 2;
	if (capacity == text->capacity)
		return 0;
	data = malloc(capacity);
	if (!data) {
		text->failed = 1;
		return -1;
	}
	if (text->size)
		memcpy(data, text->data, text->size);
	if (text->data)
		explicit_bzero(text->data, text->capacity);
	free(text->data);
	text->data = data;
	text->capacity = capacity;
	return 0;
}

void text_add(struct text *text, const char *data, size_t size)
{
	if (text_reserve(text, size))
		return;
	if (size)
		memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = '\0';
}

void text_add_slice(struct text *text, struct weir_slice slice)
{
	text_add(text, slice.data, slice.size);
}

void text_add_string(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

static int is_unreserved(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void text_add_encoded(struct text *text, struct weir_slice slice, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";

	for (uint64_t i = 0; i < slice.size; i++) {
		uint8_t c = (uint8_t)slice.data[i];
		char coded[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (is_unreserved(c) || (c && strchr(keep, c)))
			text_add(text, &slice.data[i], 1);
		else
			text_add(text, coded, 3);
	}
}

struct weir_slice text_slice(const struct text *text)
{
	return (struct weir_slice){text->data, text->size};
}

char *text_take(struct text *text)
{
	char *data;

	text_add(text, "", 0);
	if (text->failed) {
		text_done(text);
		return NULL;
	}
	data = text->data;
	memset(text, 0, sizeof(*text));
	return data;
}

void text_done(struct text *text)
{
	if (text->data)
		explicit_bzero(text->data, text->capacity);
	free(text->data);
	memset(text, 0, sizeof(*text));
}
