// SPDX-License-Identifier: MIT
/* A byte buffer that grows. Zeroed memory is an empty buffer. One thread at a time. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <weir/abi.h>

struct buffer {
	char *data;
	size_t size;
	size_t capacity;
};

/* Room for `more` bytes after the end; NULL without memory. The caller adds to buffer->size. */
char *buffer_reserve(struct buffer *buffer, size_t more);
int buffer_append(struct buffer *buffer, const void *data, size_t size);
int buffer_text(struct buffer *buffer, const char *text);
int buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Ends the buffer with a NUL that does not count, and returns its data ("" on failure). */
const char *buffer_cstr(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
void buffer_done(struct buffer *buffer);

#endif
