// SPDX-License-Identifier: MIT
#include "rotated.h"

#include <ctype.h>
#include <endian.h>
#include <limits.h>
#include <string.h>

#include "compressed.h"

#define NS_PER_SECOND INT64_C(1000000000)
/* The times of files come from a clock that is behind by up to one tick of the kernel's, of which there are
 * 100 a second at least: what was made just after the input last looked may seem older. */
#define TICK_NS (NS_PER_SECOND / 100)

/* When all that there was had been seen. */
static const char alive_key[] = "alive";
/* When an input last looked, if it stopped in good order: its sources may have been committed since. */
static const char stopped_key[] = "stopped";

int rotated_name(const struct catalog *catalog, const char *path)
{
	char live[PATH_MAX];
	size_t length = strlen(path);
	size_t at = (size_t)(strrchr(path, '/') - path) + 1;

	if (length >= sizeof(live) || glob_list_match(&catalog->options.exclude, path))
		return 0;
	memcpy(live, path, length + 1);
	for (; at + 1 < length; at++) {
		if (!strchr(".-_", path[at]) || !isdigit((unsigned char)path[at + 1]))
			continue;
		live[at] = 0;
		if (tail_options_match(&catalog->options, live))
			return 1;
		live[at] = path[at];
	}
	return 0;
}

static int64_t ns_of(const struct statx_timestamp *time)
{
	return time->tv_sec * NS_PER_SECOND + time->tv_nsec;
}

int rotated_unseen(const struct catalog *catalog, const char *path, const struct statx *status)
{
	/* While the agent runs, what is compressed was followed before. */
	if (compressed_suffix(path) && (catalog->appeared || !compressed_name(path)))
		return 0;
	return (status->stx_mask & STATX_BTIME) && ns_of(&status->stx_btime) > catalog->since_ns &&
	       ns_of(&status->stx_mtime) > catalog->since_ns && rotated_name(catalog, path);
}

static void note_now(const struct catalog *catalog, const char *key)
{
	uint64_t now = htole64((uint64_t)catalog->host->wall_ns());
	struct weir_slice value = {(const char *)&now, sizeof(now)};

	(void)catalog->host->state_set(catalog->context, weir_slice_of(key), value);
}

/* 0 = never. */
static int64_t noted(const struct catalog *catalog, const char *key)
{
	uint64_t noted = 0;

	return catalog->host->state_get(catalog->context, weir_slice_of(key), &noted,
					sizeof(noted)) == sizeof(noted)
		       ? (int64_t)le64toh(noted)
		       : 0;
}

void rotated_note(const struct catalog *catalog)
{
	note_now(catalog, alive_key);
}

void rotated_stop(const struct catalog *catalog)
{
	note_now(catalog, stopped_key);
}

void rotated_looked(const struct catalog *catalog)
{
	(void)catalog->host->state_set(catalog->context, weir_slice_of(stopped_key),
				       weir_slice_of(""));
}

/* When an input that was killed looked last, as far as it is known: whatever was committed then was seen. What
 * was noted before a source was forgotten is not taken back by a tick: its file may have been compressed in
 * that very moment, and nothing else tells that this was read. */
static int64_t last_committed(const struct catalog *catalog)
{
	struct weir_source_state state = {.struct_size = sizeof(state)};
	int64_t last = noted(catalog, alive_key);

	for (uint32_t i = 0; catalog->host->source_known(catalog->context, i, &state) == 0; i++)
		if (state.seen_ns - TICK_NS > last)
			last = state.seen_ns - TICK_NS;
	return last;
}

void rotated_start(struct catalog *catalog, int first)
{
	int64_t stopped = first ? 0 : noted(catalog, stopped_key);
	int64_t committed = first || stopped ? 0 : last_committed(catalog);

	if (stopped)
		catalog->since_ns = stopped - TICK_NS;
	else /* with nothing to go by, nothing counts as unseen */
		catalog->since_ns = committed ? committed : catalog->host->wall_ns();
}
