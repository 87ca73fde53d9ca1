// SPDX-License-Identifier: MIT
/*
 * The patterns run as one automaton whose state is the set of (pattern, next component). A folder
 * is opened only if some next component has a wildcard or is the last one; a literal component is
 * stepped into without looking around. ** does not follow links to folders, a named component and *
 * do.
 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk_state {
	const struct glob *glob;
	uint32_t part;
};

struct walk_set {
	struct walk_state *states;
	uint32_t count, capacity;
};

struct walker {
	const struct walk_calls *calls;
	void *user;
	uint32_t depth;
	char path[PATH_MAX];
};

static void set_add(struct walk_set *set, const struct glob *glob, uint32_t part)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (set->states[i].glob == glob && set->states[i].part == part)
			return;
	if (set->count == set->capacity) {
		uint32_t wanted = set->capacity ? set->capacity * 2 : 16;
		struct walk_state *grown = realloc(set->states, wanted * sizeof(*grown));

		if (!grown)
			return; /* seen again by the next pass */
		set->states = grown;
		set->capacity = wanted;
	}
	set->states[set->count++] = (struct walk_state){glob, part};
	if (glob_part_any(glob->parts[part]) && part + 1 < glob->count)
		set_add(set, glob, part + 1);
}

static const char *state_part(const struct walk_state *state)
{
	return state->glob->parts[state->part];
}

static int state_last(const struct walk_state *state)
{
	return state->part + 1 == state->glob->count;
}

/* The states after stepping into `name`; `link` when it is a symbolic link. */
static struct walk_set set_step(const struct walk_set *set, const char *name, int link)
{
	struct walk_set next = {0};

	for (uint32_t i = 0; i < set->count; i++) {
		const struct walk_state *state = &set->states[i];

		if (glob_part_any(state_part(state))) {
			if (name[0] != '.' && !link)
				set_add(&next, state->glob, state->part);
		} else if (!state_last(state) && glob_part_match(state_part(state), name)) {
			set_add(&next, state->glob, state->part + 1);
		}
	}
	return next;
}

static int set_matches_file(const struct walk_set *set, const char *name)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (state_last(&set->states[i]) &&
		    glob_part_match(state_part(&set->states[i]), name))
			return 1;
	return 0;
}

static void walk_folder(struct walker *walker, const struct walk_set *set);

/* Steps into the folder `name`, if it is one. */
static void walk_into(struct walker *walker, const struct walk_set *set, const char *name, int link)
{
	size_t length = strlen(walker->path);
	struct walk_set next;

	if (length + strlen(name) + 2 > sizeof(walker->path) || walker->depth == WALK_DEPTH_MAX)
		return;
	next = set_step(set, name, link);
	if (next.count) {
		(void)sprintf(walker->path + length, "%s%s", length > 1 ? "/" : "", name);
		walker->depth++;
		walk_folder(walker, &next);
		walker->depth--;
		walker->path[length] = 0;
	}
	free(next.states);
}

static int entry_is_folder(int fd, const struct dirent *entry, int *ret_link)
{
	struct stat status;

	*ret_link = entry->d_type == DT_LNK;
	if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	if (entry->d_type == DT_UNKNOWN) {
		if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
		*ret_link = S_ISLNK(status.st_mode);
	}
	return fstatat(fd, entry->d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

/* Something that a pattern names, whatever it is. */
static void walk_named(struct walker *walker, const char *name)
{
	const struct walk_entry found = {.name = name, .matches = 1};

	walker->calls->entry(walker->user, walker->path, &found);
}

static void walk_entries(struct walker *walker, const struct walk_set *set, int files, DIR *folder)
{
	struct dirent *entry;
	int link;

	while ((entry = readdir(folder))) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (entry_is_folder(dirfd(folder), entry, &link)) {
			walk_into(walker, set, name, link);
			/* A folder in place of a file is for the user to know. */
			if (files && set_matches_file(set, name))
				walk_named(walker, name);
		} else if (files) {
			const struct walk_entry found = {.name = name,
							 .inode = link ? 0 : entry->d_ino,
							 .regular = entry->d_type == DT_REG,
							 .matches = set_matches_file(set, name)};

			walker->calls->entry(walker->user, walker->path, &found);
		}
	}
}

/* Steps into each literal component without listing the folder, and has the folder watched for those
 * that are not there yet, or that are links, which may be switched. */
static void walk_literal(struct walker *walker, const struct walk_set *set, int fd)
{
	int watched = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		const char *name = state_part(&set->states[i]);
		struct stat status;
		int there = fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
		int seen = !glob_part_literal(name);

		for (uint32_t k = 0; k < i; k++)
			seen |= strcmp(state_part(&set->states[k]), name) == 0;
		if (seen)
			continue;
		if ((!there || S_ISLNK(status.st_mode)) && !watched++) {
			walker->calls->folder(walker->user, walker->path, 0);
			/* It may have come before it was watched for. */
			there = fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
		}
		if (there && state_last(&set->states[i]))
			walk_named(walker, name);
		else if (there)
			walk_into(walker, set, name, 0);
	}
}

/* A folder that may be passed through, but not listed (mode 0711). */
static void walk_unlisted(struct walker *walker, const struct walk_set *set)
{
	int fd = open(walker->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	walk_literal(walker, set, fd);
	(void)close(fd);
}

static void walk_listed(struct walker *walker, const struct walk_set *set, int files)
{
	int fd = open(walker->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (folder) {
		walker->calls->folder(walker->user, walker->path, files);
		walk_entries(walker, set, files, folder);
		(void)closedir(folder);
		return;
	}
	if (errno != ENOENT && errno != ENOTDIR)
		walker->calls->refused(walker->user, walker->path, errno);
	if (fd >= 0)
		(void)close(fd);
	else
		walk_unlisted(walker, set);
}

static void walk_folder(struct walker *walker, const struct walk_set *set)
{
	int wild = 0, files = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		files |= state_last(&set->states[i]);
		wild |= !glob_part_literal(state_part(&set->states[i]));
	}
	if (files || wild)
		walk_listed(walker, set, files);
	else
		walk_unlisted(walker, set);
}

int walk_path(const char *folder, const char *name, char *ret_path, size_t size)
{
	int length = snprintf(ret_path, size, "%s/%s", folder[1] ? folder : "", name);

	return length > 0 && (size_t)length < size;
}

void walk(const struct glob_list *patterns, const struct walk_calls *calls, void *user)
{
	struct walker walker = {.calls = calls, .user = user, .path = "/"};
	struct walk_set start = {0};

	for (uint32_t i = 0; i < patterns->count; i++)
		set_add(&start, &patterns->globs[i], 0);
	walk_folder(&walker, &start);
	free(start.states);
}
