// SPDX-License-Identifier: MIT
/*
 * Kinesis Agent's positions, so that a move loses and repeats nothing. It knows one file of each flow, by
 * device and inode, and how much of it has been sent. On disk now:
 *
 *   that file, under whatever name   is continued at its offset
 *   files written to before it       were sent: they are known at their end
 *   files written to after it        are left alone, and so read from their beginning
 */
#include "cli/import_positions.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/load.h"
#include "cli/test_ends.h"
#include "pipeline/agent.h"

/* How long to wait for an agent that still writes its checkpoints, in milliseconds. */
#define BUSY_MS 5000

struct checkpoint {
	char path[PATH_MAX];
	uint64_t inode;
	int64_t modified_ms;
	uint64_t offset;
};

struct placing {
	struct import *import;
	struct agent *agent;
	struct import_place **end;
};

/* ---- the other agent's file ---- */

/* What Java prints of device and inode: (dev=801,ino=1234). */
static uint64_t inode_of(const char *text)
{
	const char *at = text ? strstr(text, "ino=") : NULL;

	return at ? strtoull(at + 4, NULL, 10) : 0;
}

static void read_row(sqlite3_stmt *row, struct checkpoint *ret_checkpoint)
{
	const char *path = (const char *)sqlite3_column_text(row, 0);
	int64_t offset = sqlite3_column_int64(row, 3);

	snprintf(ret_checkpoint->path, sizeof(ret_checkpoint->path), "%s", path ? path : "");
	ret_checkpoint->inode = inode_of((const char *)sqlite3_column_text(row, 1));
	ret_checkpoint->modified_ms = sqlite3_column_int64(row, 2);
	ret_checkpoint->offset = offset > 0 ? (uint64_t)offset : 0;
}

/* 1 with the newest checkpoint of a flow, 0 when there is none. */
static int find_checkpoint(sqlite3 *database, const char *flow, struct checkpoint *ret_checkpoint)
{
	static const char query[] =
		"SELECT path, fileId, lastModifiedTime, offset FROM FILE_CHECKPOINTS "
		"WHERE flow = ? ORDER BY lastUpdated DESC LIMIT 1";
	sqlite3_stmt *statement = NULL;
	int found = 0;

	if (sqlite3_prepare_v2(database, query, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(statement, 1, flow, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		read_row(statement, ret_checkpoint);
		found = 1;
	}
	sqlite3_finalize(statement);
	return found;
}

static int open_database(const char *path, sqlite3 **ret_database, struct weir_error *error)
{
	int status = sqlite3_open_v2(path, ret_database, SQLITE_OPEN_READONLY, NULL);
	sqlite3_stmt *probe = NULL;

	sqlite3_busy_timeout(*ret_database, BUSY_MS);
	if (status == SQLITE_OK)
		status = sqlite3_prepare_v2(*ret_database, "SELECT flow FROM FILE_CHECKPOINTS", -1,
					    &probe, NULL);
	sqlite3_finalize(probe);
	if (status == SQLITE_OK)
		return 0;
	weir_fail(error, WEIR_ERR_IO, "the positions in %s can't be read: %s", path,
		  sqlite3_errmsg(*ret_database));
	sqlite3_close(*ret_database);
	return WEIR_ERR_IO;
}

/* ---- files ---- */

static int64_t modified_ms(const struct stat *status)
{
	return (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

static int place(struct placing *placing, const char *pipeline, const char *path, uint64_t position,
		 struct weir_error *error)
{
	struct config_memory *memory = placing->import->memory;
	struct import_place *noted;
	int status = agent_place(placing->agent, pipeline, path, position, error);

	if (status < 0)
		return status == WEIR_ERR_NOT_FOUND ? 0 : status;
	noted = config_alloc(memory, sizeof(*noted));
	if (!noted)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	*noted = (struct import_place){pipeline, config_copy(memory, path, strlen(path)), position,
				       NULL};
	*placing->end = noted;
	placing->end = &noted->next;
	return 0;
}

static int place_file(struct placing *placing, struct import_pipeline *pipeline,
		      const struct checkpoint *checkpoint, const char *path, int *ret_found,
		      struct weir_error *error)
{
	struct stat status;
	uint64_t size;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	size = (uint64_t)status.st_size;
	if (status.st_ino == checkpoint->inode) {
		*ret_found = 1;
		if (checkpoint->offset <= size)
			return place(placing, pipeline->name, path, checkpoint->offset, error);
		import_note(placing->import, pipeline, IMPORT_DIFFERS, 0,
			    "%s is shorter than what was sent of it, so it was truncated and is "
			    "read from its beginning",
			    path);
		return place(placing, pipeline->name, path, 0, error);
	}
	if (modified_ms(&status) > checkpoint->modified_ms)
		return 0;
	return place(placing, pipeline->name, path, size, error);
}

static int place_folder(struct placing *placing, struct import_pipeline *pipeline,
			const struct checkpoint *checkpoint, struct weir_error *error)
{
	struct dirent **names;
	int count = scandir(pipeline->folder, &names, NULL, alphasort);
	int found = 0;
	/* No file at all: only that there were some. */
	int status = place(placing, pipeline->name, "", 0, error);

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", pipeline->folder[1] ? pipeline->folder : "",
			 names[i]->d_name);
		if (status == 0)
			status = place_file(placing, pipeline, checkpoint, path, &found, error);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (status == 0 && !found)
		import_note(
			placing->import, pipeline, IMPORT_DIFFERS, 0,
			"the file that was read last, %s, is gone; what was written after it is "
			"read from its beginning",
			checkpoint->path);
	return status;
}

static int place_all(struct placing *placing, sqlite3 *database, struct weir_error *error)
{
	int status = 0;

	for (struct import_pipeline *pipeline = placing->import->pipelines; pipeline && status == 0;
	     pipeline = pipeline->next) {
		struct checkpoint checkpoint;

		if (!pipeline->positions_key)
			continue;
		if (find_checkpoint(database, pipeline->positions_key, &checkpoint))
			status = place_folder(placing, pipeline, &checkpoint, error);
		else
			import_note(placing->import, pipeline, IMPORT_DIFFERS, 0,
				    "there is no position of it yet, so it begins as a new one");
	}
	return status;
}

/* ---- an agent that only knows files ---- */

static int never(void *user)
{
	(void)user;
	return 0;
}

/* The outputs by their names, which positions are kept under, without what they do. */
static int without_outputs(struct config *config, struct test_collect_options *options)
{
	for (size_t p = 0; p < config->pipeline_count; p++) {
		struct config_pipeline *pipeline = &config->pipelines[p];

		for (size_t i = 0; i < pipeline->output_count; i++) {
			pipeline->outputs[i].plugin = &test_collect_plugin;
			pipeline->outputs[i].options = &options->node;
		}
		for (size_t i = 0; i < pipeline->dead_letter_count; i++) {
			pipeline->dead_letter[i].plugin = &test_collect_plugin;
			pipeline->dead_letter[i].options = &options->node;
		}
	}
	return 0;
}

static int load(const struct import *import, struct config *config, struct registry *registry,
		const char *folder, struct weir_error *error)
{
	int status = 0;

	for (const struct import_pipeline *pipeline = import->pipelines; pipeline && status == 0;
	     pipeline = pipeline->next) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s.yaml", folder, pipeline->name);
		status = config_load_pipeline(config, registry, path, error);
	}
	if (status == 0 && config_errors(config)) {
		const struct config_problem *first = &config->problems[0];

		status = weir_fail(error, WEIR_ERR_INVALID,
				   "positions are not taken over, because of %s:%u: %s",
				   first->path, first->line, first->text);
	}
	return status;
}

/* The state folder belongs to the service's user, and so shall what is made in it. */
static int become_owner(const char *state_dir)
{
	struct stat status;

	return geteuid() != 0 || stat(state_dir, &status) < 0 ||
	       (setegid(status.st_gid) == 0 && seteuid(status.st_uid) == 0);
}

static int run(struct placing *placing, struct config *config, struct registry *registry,
	       sqlite3 *database, struct weir_error *error)
{
	int status = agent_create(config, registry, 0, &placing->agent, error);

	if (status == 0)
		status = agent_start_placing(placing->agent, error);
	if (status == 0)
		status = place_all(placing, database, error);
	if (placing->agent)
		agent_stop(placing->agent, never, NULL);
	agent_destroy(placing->agent);
	return status;
}

static int load_and_run(struct placing *placing, const char *config_path, const char *folder,
			sqlite3 *database, struct weir_error *error)
{
	struct test_collect_options options = {.records = NULL};
	struct registry *registry = NULL;
	struct config *config = NULL;
	int status = config_load(config_path, &config, error);

	if (status == 0)
		status = cli_offer_plugins(config, &registry, error);
	if (status == 0)
		status = load(placing->import, config, registry, folder, error);
	if (status == 0)
		status = without_outputs(config, &options);
	if (status == 0 && !become_owner(config->state_dir))
		status = weir_fail(error, WEIR_ERR_IO, "can't become the owner of %s: %s",
				   config->state_dir, strerror(errno));
	if (status == 0)
		status = run(placing, config, registry, database, error);
	cli_unload(config, registry);
	return status;
}

int import_positions(struct import *import, const char *config_path, const char *folder,
		     struct import_place **ret_places, struct weir_error *error)
{
	struct placing placing = {.import = import, .end = ret_places};
	uid_t user = geteuid();
	gid_t group = getegid();
	sqlite3 *database;
	int status = open_database(import->positions, &database, error);

	*ret_places = NULL;
	if (status < 0)
		return status;
	status = load_and_run(&placing, config_path, folder, database, error);
	sqlite3_close(database);
	if (geteuid() != user && (seteuid(user) < 0 || setegid(group) < 0))
		status = weir_fail(error, WEIR_ERR_IO, "can't become user %u again", user);
	return status;
}
