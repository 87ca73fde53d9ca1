// SPDX-License-Identifier: MIT
/* `weir dead drop`: keeps the files, and rewrites each without the letters that go. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dead.h"

struct dropping {
	const struct dead *dead;
	struct scratch scratch;
	uint64_t dropped, damaged;
};

static int stays(void *user, const struct letter_line *line)
{
	struct dropping *dropping = user;
	const struct dead *dead = dropping->dead;
	struct letter letter;
	int whole = line->whole && letter_read(&dropping->scratch, line->text, &letter) == 0;
	int goes = dead->all || (whole && dead_wants(&dead->filter, &letter));

	dropping->dropped += goes && whole;
	dropping->damaged += goes && !whole;
	scratch_reset(&dropping->scratch);
	return !goes;
}

/* Ends the scan at the first one. */
static int found_one(void *user, const char *path, const struct letter_line *line,
		     const struct letter *letter)
{
	const struct dropping *dropping = user;

	(void)path;
	(void)line;
	return letter || dropping->dead->all;
}

static int drop_at(struct dropping *dropping, const struct dead_place *place,
		   struct weir_error *error)
{
	struct dead_scan how = {.call = found_one, .user = dropping};
	struct letter_files files;
	int lock, status;

	status = letter_files_lock(place->pattern, &lock, error);
	if (status < 0)
		return status == WEIR_ERR_NOT_FOUND ? 0 : status;
	status = letter_files_find(place->pattern, &files, error);
	if (status == 0) {
		status = dead_scan_files(dropping->dead, &files, &how, error);
		letter_files_done(&files);
	}
	if (status > 0) {
		status = letter_files_keep(place->pattern, &files, error);
		for (size_t i = 0; status == 0 && i < files.count; i++)
			status = letter_file_rewrite(files.paths[i], stays, dropping, error);
		letter_files_done(&files);
	}
	close(lock);
	return status;
}

int dead_drop(struct dead *dead)
{
	struct dropping dropping = {.dead = dead, .scratch = {.limit = DEAD_SCRATCH_MAX}};
	struct weir_error error = {0};
	int status = 0;

	for (size_t i = 0; status == 0 && i < dead->place_count; i++)
		status = drop_at(&dropping, &dead->places[i], &error);
	scratch_done(&dropping.scratch);
	if (dead->json)
		printf("{\"dropped\":%" PRIu64 ",\"damaged\":%" PRIu64 "}\n", dropping.dropped,
		       dropping.damaged);
	else
		printf("%" PRIu64 " dead letters dropped\n", dropping.dropped);
	return status < 0 ? cli_fail("dead", &error) : CLI_OK;
}
