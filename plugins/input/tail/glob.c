// SPDX-License-Identifier: MIT
/*
 * Matching is iterative with one point of return for the last star, so a hostile pattern costs
 * O(pattern x name), not more; ** is matched the same way, a component at a time.
 */
#include "glob.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/plugin.h>

#define PATH_BYTES 4096

/* Matches one byte against the set at `set` (after '['); *ret_end is after its ']', or NULL when the
 * set is not closed and '[' stands for itself. */
static int set_match(const char *set, char byte, const char **ret_end)
{
	const char *at = set;
	int negated = *at == '!' || *at == '^';
	int found = 0;

	at += negated;
	do {
		unsigned char low, high;

		if (*at == '\\' && at[1])
			at++;
		if (!*at) {
			*ret_end = NULL;
			return 0;
		}
		low = high = (unsigned char)*at++;
		if (*at == '-' && at[1] && at[1] != ']') {
			at += at[1] == '\\' && at[2] ? 2 : 1;
			high = (unsigned char)*at++;
		}
		found |= (unsigned char)byte >= low && (unsigned char)byte <= high;
	} while (*at != ']');
	*ret_end = at + 1;
	return found != negated;
}

/* Matches one pattern element against a byte; *ret_next is the element after it. */
static int element_match(const char *part, char byte, const char **ret_next)
{
	const char *end = NULL;
	int found;

	*ret_next = part + 1;
	if (*part == '?')
		return 1;
	if (*part == '[') {
		found = set_match(part + 1, byte, &end);
		if (end) {
			*ret_next = end;
			return found;
		}
	}
	if (*part == '\\' && part[1]) {
		*ret_next = part + 2;
		return part[1] == byte;
	}
	return *part == byte;
}

int glob_part_match(const char *part, const char *name)
{
	const char *star = NULL;
	const char *retry = NULL;
	const char *next;

	if (*name == '.' && *part != '.' && !(*part == '\\' && part[1] == '.'))
		return 0;
	while (*name) {
		if (*part == '*') {
			star = ++part;
			retry = name;
		} else if (*part && element_match(part, *name, &next)) {
			part = next;
			name++;
		} else if (star) {
			part = star;
			name = ++retry;
		} else {
			return 0;
		}
	}
	while (*part == '*')
		part++;
	return *part == 0;
}

int glob_part_literal(const char *part)
{
	return strpbrk(part, "*?[\\") == NULL;
}

int glob_part_any(const char *part)
{
	return strcmp(part, "**") == 0;
}

/* The component of a path at *path, copied; *path moves behind it. 0 at the end. */
static int path_part(const char **path, char *ret_part, size_t size)
{
	size_t length;

	while (**path == '/')
		(*path)++;
	length = strcspn(*path, "/");
	if (length == 0 || length >= size)
		return 0;
	memcpy(ret_part, *path, length);
	ret_part[length] = 0;
	*path += length;
	return 1;
}

int glob_match(const struct glob *glob, const char *path)
{
	uint32_t part = 0, star = UINT32_MAX;
	const char *retry = NULL;
	char name[256];

	if (glob->text[0] != '/') {
		const char *slash = strrchr(path, '/');

		return glob_part_match(glob->parts[0], slash ? slash + 1 : path);
	}
	for (;;) {
		if (part < glob->count && glob_part_any(glob->parts[part])) {
			star = ++part;
			retry = path;
		} else if (!path_part(&path, name, sizeof(name))) {
			return part == glob->count && strspn(path, "/") == strlen(path);
		} else if (part < glob->count && glob_part_match(glob->parts[part], name)) {
			part++;
		} else if (star != UINT32_MAX && path_part(&retry, name, sizeof(name)) &&
			   name[0] != '.') {
			part = star;
			path = retry;
		} else {
			return 0;
		}
	}
}

int glob_list_match(const struct glob_list *list, const char *path)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (glob_match(&list->globs[i], path))
			return 1;
	return 0;
}

/* Splits the text in place. A final ** means every file below. */
static int glob_split(struct glob *glob)
{
	uint32_t count = 2;
	char *rest = NULL;

	for (const char *at = glob->text; *at; at++)
		count += *at == '/';
	glob->parts = calloc(count + 1, sizeof(*glob->parts));
	if (!glob->parts)
		return WEIR_ERR_MEMORY;
	/* The first byte stays, so that text[0] tells paths from names. */
	for (char *at = strtok_r(glob->text + (glob->text[0] == '/'), "/", &rest); at;
	     at = strtok_r(NULL, "/", &rest))
		if (strcmp(at, ".") != 0 && !(glob_part_any(at) && glob->count &&
					      glob_part_any(glob->parts[glob->count - 1])))
			glob->parts[glob->count++] = at;
	if (glob->count && glob_part_any(glob->parts[glob->count - 1]))
		glob->parts[glob->count++] = "*";
	return 0;
}

static int glob_add_one(struct glob_list *list, const char *pattern, int names,
			struct weir_error *error)
{
	struct glob *grown;
	struct glob *glob;
	char folder[PATH_BYTES] = "";
	int status;

	if (list->count == GLOB_MAX)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "more than %d patterns; use wildcards instead", GLOB_MAX);
	if (pattern[0] != '/' && !(names && !strchr(pattern, '/')) &&
	    !getcwd(folder, sizeof(folder)))
		return weir_fail(error, WEIR_ERR_IO, "the working folder of `%s` has no name",
				 pattern);
	grown = realloc(list->globs, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the pattern `%s`", pattern);
	list->globs = grown;
	glob = &grown[list->count++];
	memset(glob, 0, sizeof(*glob));
	glob->text = malloc(strlen(folder) + strlen(pattern) + 2);
	if (!glob->text)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the pattern `%s`", pattern);
	(void)sprintf(glob->text, "%s%s%s", folder, folder[0] ? "/" : "", pattern);
	glob->pattern = strdup(glob->text);
	status = glob->pattern ? glob_split(glob) : WEIR_ERR_MEMORY;
	if (status < 0)
		return weir_fail(error, status, "no memory for the pattern `%s`", pattern);
	if (glob->count == 0)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "`%s` names no file; write a path such as /var/log/app/*.log",
				 pattern);
	return 0;
}

/* The end of the brace group that starts at `open`, or NULL. */
static const char *brace_end(const char *open)
{
	int depth = 0;

	for (const char *at = open; *at; at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '{')
			depth++;
		else if (*at == '}' && --depth == 0)
			return at;
	}
	return NULL;
}

/* The end of the alternative that starts at `at`: its comma or the closing brace. */
static const char *brace_comma(const char *at, const char *close)
{
	int depth = 0;

	for (; at < close; at++) {
		if (*at == '\\')
			at++;
		else if (*at == '{')
			depth++;
		else if (*at == '}')
			depth--;
		else if (*at == ',' && depth == 0)
			return at;
	}
	return close;
}

int glob_add(struct glob_list *list, const char *pattern, int names, struct weir_error *error)
{
	const char *open = pattern;
	const char *close;
	char whole[PATH_BYTES];

	while (*open && *open != '{')
		open += *open == '\\' && open[1] ? 2 : 1;
	close = *open ? brace_end(open) : NULL;
	if (strlen(pattern) >= sizeof(whole))
		return weir_fail(error, WEIR_ERR_INVALID, "a pattern has at most %d bytes",
				 PATH_BYTES - 1);
	if (!close)
		return glob_add_one(list, pattern, names, error);
	for (const char *at = open + 1; at <= close;) {
		const char *end = brace_comma(at, close);
		int status;

		(void)snprintf(whole, sizeof(whole), "%.*s%.*s%s", (int)(open - pattern), pattern,
			       (int)(end - at), at, close + 1);
		status = glob_add(list, whole, names, error);
		if (status < 0)
			return status;
		at = end + 1;
	}
	return 0;
}

void glob_list_done(struct glob_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		free(list->globs[i].pattern);
		free(list->globs[i].text);
		free(list->globs[i].parts);
	}
	free(list->globs);
	memset(list, 0, sizeof(*list));
}
