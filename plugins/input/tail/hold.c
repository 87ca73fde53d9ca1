// SPDX-License-Identifier: MIT
#include "hold.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scan.h"

/* Files whose beginning is compared with that of one new file, at most. */
#define SUSPECTS_MAX 16
/* Files that begin like it and can't be its original, at most, before no more are looked at. */
#define PASSED_OVER_MAX 256

#define COPY_NO 0    /* the two differ */
#define COPY_MAYBE 1 /* the same so far */
#define COPY_STAYS 2 /* the same, and the original has grown since */

struct candidate {
	const char *path;
	struct opened *opened;
	uint64_t size;
	uint64_t quiet_ns; /* since it last grew */
};

struct suspect {
	struct identity identity;
	char *path;
};

struct suspects {
	struct catalog *catalog;
	const struct candidate *candidate;
	struct suspect list[SUSPECTS_MAX];
	uint32_t count, passed_over;
};

/* No copy is older than its original; and what is rotated already is not truncated any more, though with
 * much text it may have been copied for another reason. */
static int may_be_original(const struct suspects *suspects, const struct lookalike *found)
{
	const struct candidate *candidate = suspects->candidate;
	int64_t birth_ns = candidate->opened->place.birth_ns;

	if (birth_ns && birth_ns < found->identity->birth_ns)
		return 0;
	return candidate->size >= IDENTITY_HEAD_STRONG ||
	       tail_options_match(&suspects->catalog->options, found->path);
}

static int suspect_add(void *user, const struct lookalike *found)
{
	struct suspects *suspects = user;
	struct suspect *suspect = &suspects->list[suspects->count];

	if (!may_be_original(suspects, found))
		return ++suspects->passed_over == PASSED_OVER_MAX;
	suspect->identity = *found->identity;
	suspect->path = strdup(found->path);
	suspects->count += suspect->path != NULL;
	return suspects->count == SUSPECTS_MAX;
}

/* The files as which the candidate begins, as far as memory can tell. */
static void find_suspects(struct catalog *catalog, const struct candidate *candidate,
			  struct suspects *ret_suspects)
{
	const struct opened *opened = candidate->opened;
	const struct lookalikes *lookalikes;

	ret_suspects->catalog = catalog;
	ret_suspects->candidate = candidate;
	ret_suspects->count = ret_suspects->passed_over = 0;
	pthread_mutex_lock(&catalog->lock);
	lookalikes = catalog_lookalikes_locked(catalog);
	if (lookalikes)
		lookalikes_by_head(lookalikes, opened->head, opened->head_size, suspect_add,
				   ret_suspects);
	if (lookalikes && ret_suspects->count < SUSPECTS_MAX)
		lookalikes_by_stem(lookalikes, candidate->path, opened->head_size, suspect_add,
				   ret_suspects);
	pthread_mutex_unlock(&catalog->lock);
}

/* True when [at, at + size) is the same in both. */
static int same_range(int a, int b, uint64_t at, size_t size)
{
	uint8_t left[IDENTITY_HEAD_MAX], right[IDENTITY_HEAD_MAX];

	return file_read_at(&a, left, size, at) == (int64_t)size &&
	       file_read_at(&b, right, size, at) == (int64_t)size && memcmp(left, right, size) == 0;
}

/* Still the file that it was, and not truncated while it was read. */
static int still_whole(int fd, const struct suspect *suspect, uint64_t size)
{
	struct statx status;

	return file_status(fd, "", &status) == 0 && status.stx_size >= size &&
	       identity_head_matches(&suspect->identity, file_read_at, &fd);
}

static int compare(const struct candidate *candidate, const struct suspect *suspect)
{
	size_t tail = candidate->size < IDENTITY_TAIL_MAX ? candidate->size : IDENTITY_TAIL_MAX;
	int fd = file_open(suspect->path);
	struct identity place;
	struct statx status;
	int answer = COPY_NO;

	if (fd < 0)
		return COPY_MAYBE; /* it has just vanished: its reader will look for a copy */
	if (file_status(fd, "", &status) == 0) {
		file_identify(&status, &place);
		if (!identity_same_file(&place, &suspect->identity) ||
		    !identity_head_matches(&suspect->identity, file_read_at, &fd))
			answer =
				COPY_MAYBE; /* truncated or replaced, and its reader does not know yet */
		else if (status.stx_size >= candidate->size &&
			 same_range(fd, candidate->opened->fd, 0, candidate->opened->head_size) &&
			 same_range(fd, candidate->opened->fd, candidate->size - tail, tail))
			answer = status.stx_size > candidate->size &&
						 candidate->quiet_ns >= HOLD_GROWTH_NS
					 ? COPY_STAYS
					 : COPY_MAYBE;
		else if (!still_whole(fd, suspect, status.stx_size))
			answer = COPY_MAYBE; /* truncated just now: this is why they differ */
	}
	(void)close(fd);
	return answer;
}

static int may_be_copy(struct catalog *catalog, struct candidate *candidate)
{
	struct suspects suspects;
	int answer = COPY_NO;

	if (candidate->size == 0)
		return COPY_MAYBE; /* a copy begins empty, too, and there is nothing to read yet */
	if (opened_take_head(candidate->opened) < 0 ||
	    candidate->opened->head_size < opened_head_wanted(candidate->opened))
		return COPY_MAYBE; /* truncated since it was opened */
	find_suspects(catalog, candidate, &suspects);
	for (uint32_t i = 0; i < suspects.count; i++) {
		if (answer == COPY_NO)
			answer = compare(candidate, &suspects.list[i]);
		free(suspects.list[i].path);
	}
	return answer;
}

static struct held **held_find(struct catalog *catalog, const char *path)
{
	struct held **at = &catalog->held;

	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	return at;
}

int hold_has(struct catalog *catalog, const char *path)
{
	const struct held *held = *held_find(catalog, path);

	return held && held->size > 0;
}

static struct held *held_new(struct catalog *catalog, const char *path)
{
	size_t size = strlen(path) + 1;
	struct held *held = calloc(1, sizeof(*held) + size);

	if (!held)
		return NULL;
	memcpy(held->path, path, size);
	held->since_ns = held->grown_ns = catalog->host->monotonic_ns();
	held->next = catalog->held;
	catalog->held = held;
	return held;
}

static void held_drop(struct catalog *catalog, const char *path)
{
	struct held **at = held_find(catalog, path);
	struct held *held = *at;

	if (held) {
		*at = held->next;
		free(held);
	}
}

static void set_alarm(struct catalog *catalog)
{
	int any = 0;

	/* An empty file is told of by the watcher when it is no longer empty. */
	for (const struct held *held = catalog->held; held; held = held->next)
		any |= held->size > 0;
	if (any && !atomic_load(&catalog->stopped))
		(void)catalog->host->timer_set(catalog->context, TIMER_HELD, HOLD_LOOK_NS);
	catalog->host->metric_add(catalog->metrics.held, any);
}

int hold_file(struct catalog *catalog, const char *path, struct opened *opened)
{
	uint64_t size = opened->status.stx_size;
	struct held **at = held_find(catalog, path);
	struct held *held = *at ? *at : held_new(catalog, path);
	struct candidate candidate = {.path = path, .opened = opened, .size = size};
	uint64_t now = catalog->host->monotonic_ns();
	int answer;

	if (!held)
		return HOLD_NEW;
	if (!identity_same_file(&held->identity, &opened->place)) {
		held->identity = opened->place;
		held->since_ns = held->grown_ns = now;
		held->size = size;
	} else if (size != held->size) {
		held->size = size;
		held->grown_ns = now;
	}
	candidate.quiet_ns = now - held->grown_ns;
	answer = may_be_copy(catalog, &candidate);
	if (answer == COPY_MAYBE && (size == 0 || candidate.quiet_ns < HOLD_NS)) {
		set_alarm(catalog);
		return HOLD_WAIT;
	}
	held_drop(catalog, path);
	return answer == COPY_NO ? HOLD_NEW : HOLD_COPY;
}

void hold_settle(struct catalog *catalog)
{
	struct held *next;

	for (struct held *held = catalog->held; held; held = next) {
		char *path = strdup(held->path);

		next = held->next;
		if (!path)
			return;
		if (!scan_new(catalog, path))
			held_drop(catalog, path);
		free(path);
	}
	set_alarm(catalog);
}
