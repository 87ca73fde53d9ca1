// SPDX-License-Identifier: MIT
/*
 * Patterns of paths, split at the slashes:
 *
 *   *  any bytes, ?  one byte, [a-z] [!a-z]  a set, \x  x itself: within one component, and never
 *   a leading dot unless the pattern has it there; **  alone in a component: any folders, also none.
 *   {a,b} is expanded before, into one pattern each.
 *
 * Pure but for glob_add(), which makes a relative pattern absolute. One thread at a time.
 */
#ifndef TAIL_GLOB_H
#define TAIL_GLOB_H

#include <weir/abi.h>

/* Patterns that one `paths` or `exclude` may expand to. */
#define GLOB_MAX 1024

struct glob {
	char *pattern;      /* as it is written, made absolute */
	char *text;         /* the parts point into it */
	const char **parts; /* components; a final ** has become two: ** and * */
	uint32_t count;
};

/* Zeroed memory is an empty list. */
struct glob_list {
	struct glob *globs;
	uint32_t count;
};

/* Adds a pattern; a pattern without a slash is kept as a name when `names` is set. */
int glob_add(struct glob_list *list, const char *pattern, int names, struct weir_error *error);
void glob_list_done(struct glob_list *list);

/* One component. */
int glob_part_match(const char *part, const char *name);
/* True when the component has no wildcard (and no escape). */
int glob_part_literal(const char *part);
/* True when the component is **. */
int glob_part_any(const char *part);
/* An absolute path; a one-component glob made with `names` matches the last component. */
int glob_match(const struct glob *glob, const char *path);
int glob_list_match(const struct glob_list *list, const char *path);

#endif
