// SPDX-License-Identifier: MIT
/*
 * Memory that is freed all at once. A failed allocation is remembered in `failed`, so that a reader
 * may go on with NULL checks where it must and look once at the end.
 */
#ifndef CONFIG_MEMORY_H
#define CONFIG_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

struct config_memory_chunk;

/* Zeroed memory is an empty one. One thread at a time. */
struct config_memory {
	struct config_memory_chunk *chunks;
	int failed;
};

/* Zeroed and aligned for every type; NULL without memory. */
void *config_alloc(struct config_memory *memory, size_t size);
/* The bytes with a NUL after them. */
char *config_copy(struct config_memory *memory, const void *bytes, size_t size);
char *config_print(struct config_memory *memory, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
char *config_vprint(struct config_memory *memory, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
void config_memory_done(struct config_memory *memory);

#endif
