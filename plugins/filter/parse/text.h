// SPDX-License-Identifier: MIT
/* Going through a line from left to right. Every function leaves the cursor alone on failure. */
#ifndef PARSE_TEXT_H
#define PARSE_TEXT_H

#include <string.h>

struct cursor {
	const char *at, *end;
};

static inline int cursor_take(struct cursor *c, char byte)
{
	if (c->at == c->end || *c->at != byte)
		return 0;
	c->at++;
	return 1;
}

/* The given text, which is not empty; most often its first byte decides. */
static inline int cursor_take_text(struct cursor *c, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(c->end - c->at) < size || *c->at != *text || memcmp(c->at, text, size) != 0)
		return 0;
	c->at += size;
	return 1;
}

/* Up to the byte, which is skipped; where the text before it ends, or NULL when it isn't there. */
static inline const char *cursor_take_until(struct cursor *c, char byte)
{
	const char *found = c->at < c->end ? memchr(c->at, byte, (size_t)(c->end - c->at)) : NULL;

	if (found)
		c->at = found + 1;
	return found;
}

/* The first place of the text, or NULL. */
static inline const char *cursor_find(const struct cursor *c, const char *text)
{
	return c->at < c->end ? memmem(c->at, (size_t)(c->end - c->at), text, strlen(text)) : NULL;
}

/* Where the digits end that the cursor is at. */
static inline const char *cursor_digits(const struct cursor *c)
{
	const char *at = c->at;

	while (at < c->end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

#endif
