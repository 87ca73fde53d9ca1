// SPDX-License-Identifier: MIT
/* `weir dead list` and `weir dead show`: read only, and change no file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch/json.h"
#include "cli/cli.h"
#include "cli/dead.h"
#include "cli/terminal.h"

#define STAGE_WIDTH 16
#define REASON_WIDTH 24

/* Letters of one pipeline, stage and reason. */
struct pile {
	char *pipeline, *stage, *reason;
	uint64_t count, bytes;
	int64_t first_ns, last_ns; /* 0 = unknown */
};

struct listing {
	struct pile *piles;
	size_t count;
	uint64_t damaged;
	size_t compressed;
};

static int same(struct weir_slice slice, const char *text)
{
	return weir_slice_equals(slice, text);
}

static struct pile *pile_of(struct listing *listing, const struct letter *letter)
{
	struct pile *piles, *pile;

	for (size_t i = 0; i < listing->count; i++) {
		pile = &listing->piles[i];
		if (same(letter->pipeline, pile->pipeline) && same(letter->stage, pile->stage) &&
		    same(letter->reason, pile->reason))
			return pile;
	}
	piles = realloc(listing->piles, (listing->count + 1) * sizeof(*piles));
	if (!piles)
		return NULL;
	listing->piles = piles;
	pile = &piles[listing->count];
	*pile = (struct pile){.pipeline = strndup(letter->pipeline.data, letter->pipeline.size),
			      .stage = strndup(letter->stage.data, letter->stage.size),
			      .reason = strndup(letter->reason.size ? letter->reason.data : "",
						letter->reason.size)};
	listing->count++;
	return pile->pipeline && pile->stage && pile->reason ? pile : NULL;
}

static int count_letter(void *user, const char *path, const struct letter_line *line,
			const struct letter *letter)
{
	struct listing *listing = user;
	struct pile *pile;

	(void)path;
	if (!letter) {
		listing->damaged++;
		return 0;
	}
	pile = pile_of(listing, letter);
	if (!pile)
		return WEIR_ERR_MEMORY;
	pile->count++;
	pile->bytes += line->end - line->start;
	if (letter->time_ns && (!pile->first_ns || letter->time_ns < pile->first_ns))
		pile->first_ns = letter->time_ns;
	if (letter->time_ns > pile->last_ns)
		pile->last_ns = letter->time_ns;
	return 0;
}

/* Calls for all letters of all places. */
static int scan(const struct dead *dead, const struct dead_scan *scan_how, size_t *ret_compressed,
		struct weir_error *error)
{
	int status = 0;

	*ret_compressed = 0;
	for (size_t i = 0; status == 0 && i < dead->place_count; i++) {
		struct letter_files files;

		status = letter_files_find(dead->places[i].pattern, &files, error);
		if (status < 0)
			break;
		*ret_compressed += files.compressed;
		status = dead_scan_files(dead, &files, scan_how, error);
		letter_files_done(&files);
	}
	return status;
}

static int compare_piles(const void *a, const void *b)
{
	const struct pile *x = a, *y = b;
	int order = strcmp(x->pipeline, y->pipeline);

	if (!order)
		order = strcmp(x->stage, y->stage);
	return order ? order : strcmp(x->reason, y->reason);
}

/* ---- list ---------------------------------------------------------------------------------------- */

static void show_pile(const struct pile *pile)
{
	char first[TERMINAL_TIME_SIZE], last[TERMINAL_TIME_SIZE];

	printf("  ");
	terminal_text(weir_slice_of(pile->stage));
	printf("%*s",
	       (int)(strlen(pile->stage) < STAGE_WIDTH ? STAGE_WIDTH - strlen(pile->stage) : 1),
	       "");
	terminal_text(weir_slice_of(pile->reason));
	printf("%*s%8" PRIu64 "  %9.1f KiB",
	       (int)(strlen(pile->reason) < REASON_WIDTH ? REASON_WIDTH - strlen(pile->reason) : 1),
	       "", pile->count, (double)pile->bytes / 1024);
	if (pile->last_ns) {
		terminal_format_time(pile->first_ns, first);
		terminal_format_time(pile->last_ns, last);
		printf("  %s%s to %s%s", terminal_style(TERMINAL_DIM), first, last,
		       terminal_style(TERMINAL_PLAIN));
	}
	printf("\n");
}

static void say_none(const struct dead *dead)
{
	printf("No dead letters%s.\n", dead_filter_is_set(&dead->filter) ? " like that" : "");
}

static void list_for_people(const struct dead *dead, const struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		const char *pipeline = listing->piles[i].pipeline;

		if (i == 0 || strcmp(pipeline, listing->piles[i - 1].pipeline) != 0) {
			printf("%s%s", i ? "\n" : "", terminal_style(TERMINAL_BOLD));
			terminal_text(weir_slice_of(pipeline));
			printf("%s\n", terminal_style(TERMINAL_PLAIN));
		}
		show_pile(&listing->piles[i]);
	}
	if (!listing->count)
		say_none(dead);
	if (listing->damaged)
		printf("%" PRIu64 " damaged lines, which are left as they are.\n",
		       listing->damaged);
	if (listing->compressed)
		printf("%zu compressed files are not counted: gunzip them.\n", listing->compressed);
}

static void list_for_programs(const struct listing *listing)
{
	struct buffer out = {0};

	buffer_text(&out, "{\"letters\":[");
	for (size_t i = 0; i < listing->count; i++) {
		const struct pile *pile = &listing->piles[i];

		buffer_text(&out, i ? ",{\"pipeline\":" : "{\"pipeline\":");
		json_append_string(&out, weir_slice_of(pile->pipeline));
		json_append_member(&out, "stage", pile->stage);
		json_append_member(&out, "reason", pile->reason);
		buffer_printf(&out, ",\"count\":%" PRIu64 ",\"bytes\":%" PRIu64, pile->count,
			      pile->bytes);
		if (pile->last_ns) {
			buffer_text(&out, ",\"first\":");
			json_append_timestamp(&out, pile->first_ns);
			buffer_text(&out, ",\"last\":");
			json_append_timestamp(&out, pile->last_ns);
		}
		buffer_text(&out, "}");
	}
	buffer_printf(&out, "],\"damaged\":%" PRIu64 ",\"compressed\":%zu}", listing->damaged,
		      listing->compressed);
	puts(buffer_cstr(&out));
	buffer_done(&out);
}

int dead_list(struct dead *dead)
{
	struct listing listing = {0};
	struct dead_scan how = {.call = count_letter, .user = &listing, .live = 1};
	struct weir_error error = {0};
	int status = scan(dead, &how, &listing.compressed, &error);

	if (status == 0) {
		if (listing.count)
			qsort(listing.piles, listing.count, sizeof(*listing.piles), compare_piles);
		if (dead->json)
			list_for_programs(&listing);
		else
			list_for_people(dead, &listing);
	}
	for (size_t i = 0; i < listing.count; i++) {
		free(listing.piles[i].pipeline);
		free(listing.piles[i].stage);
		free(listing.piles[i].reason);
	}
	free(listing.piles);
	return status < 0 ? cli_fail("dead", &error) : CLI_OK;
}

/* ---- show ---------------------------------------------------------------------------------------- */

struct showing {
	const struct dead *dead;
	uint64_t shown;
};

static void show_for_people(const struct letter *letter)
{
	char when[TERMINAL_TIME_SIZE] = "at an unknown time";

	if (letter->time_ns)
		terminal_format_time(letter->time_ns, when);
	printf("%s%s%s  ", terminal_style(TERMINAL_DIM), when, terminal_style(TERMINAL_PLAIN));
	terminal_text(letter->pipeline);
	printf("/");
	terminal_text(letter->stage);
	printf("  %s", terminal_style(TERMINAL_BOLD));
	terminal_text(letter->reason);
	printf("%s: ", terminal_style(TERMINAL_PLAIN));
	terminal_text(letter->error);
	printf("\n  %s", terminal_style(TERMINAL_DIM));
	terminal_text(letter->source);
	printf(":%" PRIu64 "%s\n  ", letter->position, terminal_style(TERMINAL_PLAIN));
	terminal_text(letter->record.size ? letter->record : letter->line);
	printf("\n");
}

static int show_letter(void *user, const char *path, const struct letter_line *line,
		       const struct letter *letter)
{
	struct showing *showing = user;

	(void)path;
	if (!letter)
		return 0;
	if (!showing->dead->json) {
		show_for_people(letter);
	} else {
		fwrite(line->text.data, 1, line->text.size, stdout);
		putchar('\n');
	}
	return ++showing->shown == showing->dead->limit; /* ends the scan */
}

int dead_show(struct dead *dead)
{
	struct showing showing = {.dead = dead};
	struct dead_scan how = {.call = show_letter, .user = &showing, .live = 1};
	struct weir_error error = {0};
	size_t compressed;
	int status = scan(dead, &how, &compressed, &error);

	if (status == 0 && !showing.shown && !dead->json)
		say_none(dead);
	return status < 0 ? cli_fail("dead", &error) : CLI_OK;
}
