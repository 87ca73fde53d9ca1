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

static const char alive_key[] = "alive";

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

void rotated_note(const struct catalog *catalog)
{
	uint64_t now = htole64((uint64_t)catalog->host->wall_ns());
	struct weir_slice value = {(const char *)&now, sizeof(now)};

	(void)catalog->host->state_set(catalog->context, weir_slice_of(alive_key), value);
}

void rotated_start(struct catalog *catalog, int first)
{
	struct weir_source_state state = {.struct_size = sizeof(state)};
	uint64_t alive = 0;

	catalog->since_ns = catalog->host->wall_ns();
	if (first)
		return;
	if (catalog->host->state_get(catalog->context, weir_slice_of(alive_key), &alive,
				     sizeof(alive)) == sizeof(alive))
		catalog->since_ns = (int64_t)le64toh(alive);
	else
		catalog->since_ns = 0;
	for (uint32_t i = 0; catalog->host->source_known(catalog->context, i, &state) == 0; i++)
		if (state.seen_ns > catalog->since_ns)
			catalog->since_ns = state.seen_ns;
	/* With nothing to go by, nothing counts as unseen. */
	if (catalog->since_ns == 0)
		catalog->since_ns = catalog->host->wall_ns();
	else
		catalog->since_ns -= TICK_NS;
}
