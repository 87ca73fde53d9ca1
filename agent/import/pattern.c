// SPDX-License-Identifier: MIT
#include <ctype.h>

#include "import/import.h"

/* Of PCRE2. */
#define GROUP_NAME_MAX 32

int import_is_group_name(const char *name)
{
	size_t size = strlen(name);

	if (size == 0 || size > GROUP_NAME_MAX || isdigit((unsigned char)name[0]))
		return 0;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return 0;
	return 1;
}

/* What a set in brackets is long, from its bracket; it may begin with a bracket that ends none. */
static size_t set_length(const char *from)
{
	size_t at = 1;

	at += from[at] == '^';
	at += from[at] == ']';
	while (from[at] && from[at] != ']')
		at += from[at] == '\\' && from[at + 1] ? 2 : 1;
	return from[at] ? at + 1 : at;
}

/* \Q...\E is text. */
static size_t quote_length(const char *from)
{
	const char *end = strstr(from, "\\E");

	return end ? (size_t)(end + 2 - from) : strlen(from);
}

static size_t escape_length(const char *from)
{
	if (from[1] == 'Q')
		return quote_length(from);
	return from[1] ? 2 : 1;
}

/* After the parenthesis: what to skip of a group that captures, or -1 for one that doesn't. */
static long group_opening(const char *after)
{
	if (*after == '*')
		return -1;
	if (*after != '?')
		return 0;
	after += after[1] == 'P' ? 2 : 1;
	if (*after != '<' || after[1] == '=' || after[1] == '!')
		return -1;
	return (long)(strcspn(after, ">") + 1 + 1);
}

size_t import_name_groups(const char *pattern, const char *const *names, size_t count,
			  struct buffer *out)
{
	size_t groups = 0;

	for (const char *at = pattern; *at;) {
		size_t length = *at == '\\' ? escape_length(at) : *at == '[' ? set_length(at) : 1;
		long opening = *at == '(' ? group_opening(at + 1) : -1;

		buffer_append(out, at, length);
		at += length;
		if (opening < 0)
			continue;
		if (groups < count) {
			buffer_printf(out, "?<%s>", names[groups]);
			at += (size_t)opening <= strlen(at) ? (size_t)opening : strlen(at);
		}
		groups++;
	}
	return groups;
}
