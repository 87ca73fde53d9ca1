// SPDX-License-Identifier: MIT
/* Grows by doubling; a failed growth leaves the buffer as it was. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER_FIRST 256

char *buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t need = buffer->size + more;
	size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST;
	char *data;

	if (need < more)
		return NULL;
	if (need <= buffer->capacity && buffer->data)
		return buffer->data + buffer->size;
	while (capacity < need)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (!data)
		return NULL;
	buffer->data = data;
	buffer->capacity = capacity;
	return data + buffer->size;
}

int buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	char *end = buffer_reserve(buffer, size);

	if (!end)
		return WEIR_ERR_MEMORY;
	if (size)
		memcpy(end, data, size);
	buffer->size += size;
	return 0;
}

int buffer_text(struct buffer *buffer, const char *text)
{
	return buffer_append(buffer, text, strlen(text));
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0 || !buffer_reserve(buffer, (size_t)size + 1))
		return WEIR_ERR_MEMORY;
	va_start(args, format);
	vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format, args);
	va_end(args);
	buffer->size += (size_t)size;
	return 0;
}

const char *buffer_cstr(struct buffer *buffer)
{
	if (!buffer_reserve(buffer, 1))
		return "";
	buffer->data[buffer->size] = '\0';
	return buffer->data;
}

void buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
