// SPDX-License-Identifier: MIT
/*
 * `weir dead replay`: keeps the files, runs the letters of each target, and takes those that are done
 * with out of the files.
 *
 *   letters ──by target──▶ replay (pipeline/replay.c) ──▶ output ──yes──▶ out of the file
 *                                                           └──no, never──▶ a new kept file
 *
 * A target is an output that refused letters, or a whole pipeline for those that died before. When a
 * run is over, in whatever way, each letter before the position that was acknowledged has an outcome:
 * delivered, dropped by a rule, or durable in the new file. Only then is it taken out of the old one,
 * by rename. Killed before, the command sends again what it had sent, and loses nothing.
 */
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/dead.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/temporary.h"
#include "pipeline/replay.h"

#define STATE_FOLDER ".weir-replay-"

/* Where letters go together. */
struct target {
	const struct config_pipeline *pipeline;
	const struct config_stage *output; /* NULL = all of them */
	int with_filters;
};

struct replaying {
	struct dead *dead;
	sigset_t signals;
	struct scratch scratch;
	struct target *targets;
	size_t target_count;
	const struct target *at;        /* the one that runs */
	const struct replay_file *file; /* the one that is rewritten */
	struct progress progress;
	struct replay_counts sum;
	uint64_t selected, removed;
	uint64_t homeless; /* letters whose pipeline or output is gone */
	int stopped;
};

/* ---- targets ------------------------------------------------------------------------------------- */

static const struct config_stage *stage_named(const struct config_stage *stages, size_t count,
					      struct weir_slice name)
{
	for (size_t i = 0; i < count; i++)
		if (weir_slice_equals(name, stages[i].name))
			return &stages[i];
	return NULL;
}

static const struct config_pipeline *pipeline_of(const struct config *config,
						 const struct letter *letter)
{
	for (size_t i = 0; i < config->pipeline_count; i++)
		if (weir_slice_equals(letter->pipeline, config->pipelines[i].name) &&
		    !config->pipelines[i].broken)
			return &config->pipelines[i];
	return NULL;
}

/* 0 when there is nowhere to send it. Letters of older versions don't tell the kind of their stage. */
static int target_of(const struct config *config, const struct letter *letter,
		     struct target *ret_target)
{
	const struct config_pipeline *pipeline = pipeline_of(config, letter);
	int by_output = weir_slice_equals(letter->kind, "output");

	if (!pipeline || !dead_stage(pipeline))
		return 0;
	*ret_target = (struct target){.pipeline = pipeline, .with_filters = 1};
	if (!by_output && letter->kind.size)
		return 1;
	ret_target->output = stage_named(pipeline->outputs, pipeline->output_count, letter->stage);
	if (ret_target->output)
		ret_target->with_filters = letter->record.size == 0;
	return ret_target->output || !by_output;
}

static int same_target(const struct target *a, const struct target *b)
{
	return a->pipeline == b->pipeline && a->output == b->output &&
	       a->with_filters == b->with_filters;
}

static int note_target(void *user, const char *path, const struct letter_line *line,
		       const struct letter *letter)
{
	struct replaying *replaying = user;
	struct target target, *targets;

	(void)path;
	(void)line;
	if (!letter)
		return 0;
	replaying->selected++;
	if (!target_of(replaying->dead->config, letter, &target)) {
		replaying->homeless++;
		return 0;
	}
	for (size_t i = 0; i < replaying->target_count; i++)
		if (same_target(&replaying->targets[i], &target))
			return 0;
	targets = realloc(replaying->targets, (replaying->target_count + 1) * sizeof(*targets));
	if (!targets)
		return WEIR_ERR_MEMORY;
	replaying->targets = targets;
	targets[replaying->target_count++] = target;
	return 0;
}

static int is_wanted(const struct replaying *replaying, const struct letter *letter)
{
	struct target target;

	return dead_wants(&replaying->dead->filter, letter) &&
	       target_of(replaying->dead->config, letter, &target) &&
	       same_target(&target, replaying->at);
}

static int wanted(void *user, const struct letter *letter)
{
	return is_wanted(user, letter);
}

/* ---- one run ------------------------------------------------------------------------------------- */

static int stop_wanted(void *user)
{
	struct replaying *replaying = user;

	return signals_stop_wanted(&replaying->signals);
}

static int tick(void *user, struct agent *agent)
{
	struct replaying *replaying = user;

	progress_update(&replaying->progress, agent);
	replaying->stopped = stop_wanted(replaying);
	return !replaying->stopped;
}

static int stays(void *user, const struct letter_line *line)
{
	struct replaying *replaying = user;
	struct letter letter;
	int goes = line->whole && line->end <= replaying->file->done &&
		   letter_read(&replaying->scratch, line->text, &letter) == 0 &&
		   is_wanted(replaying, &letter);

	replaying->removed += (uint64_t)goes;
	scratch_reset(&replaying->scratch);
	return !goes;
}

static struct replay_file *replay_files(const struct letter_files *kept)
{
	struct replay_file *files = calloc(kept->count + 1, sizeof(*files));

	for (size_t i = 0; files && i < kept->count; i++) {
		struct stat info;

		files[i].path = kept->paths[i];
		if (stat(kept->paths[i], &info) == 0)
			files[i].size = (uint64_t)info.st_size;
	}
	return files;
}

static int take_out(struct replaying *replaying, const struct replay_file *files, size_t count,
		    struct weir_error *error)
{
	int status = 0;

	for (size_t i = 0; i < count; i++) {
		replaying->file = &files[i];
		if (files[i].done > 0 && files[i].size > 0 && status == 0)
			status = letter_file_rewrite(files[i].path, stays, replaying, error);
	}
	return status;
}

static void add_counts(struct replay_counts *sum, const struct replay_counts *counts)
{
	sum->read += counts->read;
	sum->delivered += counts->delivered;
	sum->dead += counts->dead;
	sum->dropped += counts->dropped;
	sum->unrouted += counts->unrouted;
}

static int run_target(struct replaying *replaying, const struct letter_files *kept,
		      const char *letters_path, const char *state_dir, struct weir_error *error)
{
	struct dead *dead = replaying->dead;
	const struct target *target = replaying->at;
	struct replay replay = {.config = dead->config,
				.registry = dead->registry,
				.pipeline = target->pipeline,
				.output = target->output,
				.with_filters = target->with_filters,
				.letters = dead_stage(target->pipeline),
				.letters_path = letters_path,
				.state_dir = state_dir,
				.wanted = wanted,
				.user = replaying,
				.files = replay_files(kept),
				.file_count = kept->count};
	const struct replay_watch watch = {tick, stop_wanted, replaying};
	struct weir_error run_error = {0};
	struct replay_counts counts;
	int status, taken;

	if (!replay.files)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to replay");
	status = replay_run(&replay, &watch, &counts, &run_error);
	add_counts(&replaying->sum, &counts);
	/* What has an outcome is taken out, however the run ended. */
	taken = take_out(replaying, replay.files, kept->count, error);
	if (status < 0 && error)
		*error = run_error;
	free(replay.files);
	return status < 0 ? status : taken;
}

/* ---- one place ----------------------------------------------------------------------------------- */

/* A folder beside the kept files; those of commands that were killed go. To be freed. */
static char *make_state_dir(const char *beside, struct weir_error *error)
{
	const char *slash = strrchr(beside, '/');
	int length = slash ? (int)(slash - beside) + 1 : 0;
	glob_t old = {0};
	char *path, *made = NULL;

	if (asprintf(&path, "%.*s" STATE_FOLDER "*", length, beside) < 0)
		path = NULL;
	if (path && glob(path, 0, NULL, &old) == 0)
		for (size_t i = 0; i < old.gl_pathc; i++)
			temporary_remove(old.gl_pathv[i]);
	globfree(&old);
	free(path);
	if (asprintf(&path, "%.*s" STATE_FOLDER "XXXXXX", length, beside) < 0)
		path = NULL;
	if (path)
		made = mkdtemp(path);
	if (!made) {
		weir_fail(error, WEIR_ERR_IO, "can't make a folder beside %s", beside);
		free(path);
	}
	return made;
}

static void remove_if_empty(const char *path)
{
	struct stat info;

	if (stat(path, &info) == 0 && info.st_size == 0)
		unlink(path);
}

static int run_targets(struct replaying *replaying, const struct letter_files *kept,
		       struct weir_error *error)
{
	char *letters_path = letter_files_next(kept);
	int status = 0;

	if (!letters_path)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for names");
	for (size_t i = 0; status == 0 && !replaying->stopped && i < replaying->target_count; i++) {
		char *state_dir = make_state_dir(letters_path, error);

		if (!state_dir) {
			status = WEIR_ERR_IO;
			break;
		}
		replaying->at = &replaying->targets[i];
		status = run_target(replaying, kept, letters_path, state_dir, error);
		temporary_remove(state_dir);
		free(state_dir);
	}
	remove_if_empty(letters_path);
	free(letters_path);
	return status;
}

static int note_targets(struct replaying *replaying, const struct letter_files *files,
			struct weir_error *error)
{
	struct dead_scan how = {.call = note_target, .user = replaying};

	replaying->target_count = 0;
	return dead_scan_files(replaying->dead, files, &how, error);
}

/* Whether there is anything to do, before a file is kept for it. */
static int look(struct replaying *replaying, const struct dead_place *place,
		struct weir_error *error)
{
	struct letter_files files;
	int status = letter_files_find(place->pattern, &files, error);

	if (status < 0)
		return status;
	status = note_targets(replaying, &files, error);
	letter_files_done(&files);
	return status;
}

/* The letters are counted again in what is kept: an agent may have written more of them. */
static int keep_and_run(struct replaying *replaying, const struct dead_place *place,
			struct weir_error *error)
{
	struct letter_files kept;
	int status = letter_files_keep(place->pattern, &kept, error);

	if (status < 0)
		return status;
	status = note_targets(replaying, &kept, error);
	if (status == 0 && kept.count)
		status = run_targets(replaying, &kept, error);
	letter_files_done(&kept);
	return status;
}

static int replay_at(struct replaying *replaying, const struct dead_place *place,
		     struct weir_error *error)
{
	uint64_t selected = replaying->selected, homeless = replaying->homeless;
	int lock, status;

	status = letter_files_lock(place->pattern, &lock, error);
	if (status < 0)
		return status == WEIR_ERR_NOT_FOUND ? 0 : status;
	status = look(replaying, place, error);
	if (status == 0 && replaying->target_count) {
		replaying->selected = selected;
		replaying->homeless = homeless;
		status = keep_and_run(replaying, place, error);
	}
	close(lock);
	return status;
}

/* ---- the command --------------------------------------------------------------------------------- */

static void report(const struct replaying *replaying)
{
	const struct replay_counts *sum = &replaying->sum;
	uint64_t left = replaying->selected - replaying->removed;

	if (replaying->dead->json) {
		printf("{\"replayed\":%" PRIu64 ",\"delivered\":%" PRIu64
		       ",\"dead_lettered\":%" PRIu64 ",\"dropped\":%" PRIu64
		       ",\"unrouted\":%" PRIu64 ",\"left\":%" PRIu64 ",\"homeless\":%" PRIu64 "}\n",
		       replaying->removed, sum->delivered, sum->dead, sum->dropped, sum->unrouted,
		       left, replaying->homeless);
		return;
	}
	printf("%" PRIu64 " dead letters replayed: %" PRIu64 " delivered, %" PRIu64
	       " dead-lettered again, %" PRIu64 " dropped by rule, %" PRIu64 " not routed\n",
	       replaying->removed, sum->delivered, sum->dead, sum->dropped, sum->unrouted);
	if (left)
		printf("%" PRIu64 " stay", left);
	if (replaying->homeless)
		printf(", %" PRIu64 " of them because their pipeline or output is gone or broken",
		       replaying->homeless);
	if (left)
		printf("\n");
}

int dead_replay(struct dead *dead)
{
	struct replaying replaying = {.dead = dead, .scratch = {.limit = DEAD_SCRATCH_MAX}};
	struct weir_error error = {0};
	int status;

	signals_block(&replaying.signals, 0);
	status = log_setup(WEIR_LOG_WARNING, dead->config->log_format, NULL, &error);
	progress_start(&replaying.progress, dead->quiet || !isatty(STDERR_FILENO));
	for (size_t i = 0; status == 0 && !replaying.stopped && i < dead->place_count; i++)
		status = replay_at(&replaying, &dead->places[i], &error);
	progress_end(&replaying.progress, NULL);
	scratch_done(&replaying.scratch);
	free(replaying.targets);
	report(&replaying);
	if (status < 0)
		return cli_fail("dead", &error);
	return replaying.selected > replaying.removed ? CLI_LEFT_OVER : CLI_OK;
}
