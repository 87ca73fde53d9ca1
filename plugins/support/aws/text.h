// SPDX-License-Identifier: MIT
/*
 * Text that grows. A lack of memory is remembered, so that a whole text is put together first and
 * checked once: text.failed, or NULL from text_take().
 */
#ifndef AWS_TEXT_H
#define AWS_TEXT_H

#include <weir/plugin.h>

struct text {
	char *data; /* ended by a NUL when not NULL */
	size_t size, capacity;
	int failed;
};

void text_add(struct text *text, const char *data, size_t size);
void text_add_slice(struct text *text, struct weir_slice slice);
void text_add_string(struct text *text, const char *string);
/* Every byte but A-Z a-z 0-9 - . _ ~ and those in `keep` as %XX. */
void text_add_encoded(struct text *text, struct weir_slice slice, const char *keep);
struct weir_slice text_slice(const struct text *text);
/* The text, to be freed by the caller; NULL when memory was short. */
char *text_take(struct text *text);
/* Wipes and frees: there may be a secret in it. */
void text_done(struct text *text);

#endif
