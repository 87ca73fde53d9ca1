// SPDX-License-Identifier: MIT
/*
 * Positions of another agent, so that a move loses and repeats nothing. An agent of ours that only knows
 * files takes them from whoever reads that agent's database (import_places_*.c), and writes them down.
 */
#include "cli/import_positions.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/import_places.h"
#include "cli/load.h"
#include "cli/test_ends.h"
#include "pipeline/agent.h"

/* How long to wait for an agent that still writes its positions, in milliseconds. */
#define BUSY_MS 5000

/* ---- places ---- */

int placing_place(struct placing *placing, const struct import_pipeline *pipeline, const char *path,
		  uint64_t position, struct weir_error *error)
{
	struct config_memory *memory = placing->import->memory;
	struct import_place *noted;
	int status = agent_place(placing->agent, pipeline->name, path, position, error);

	placing->is_named = status == 0;
	if (status < 0)
		return status == WEIR_ERR_NOT_FOUND ? 0 : status;
	noted = config_alloc(memory, sizeof(*noted));
	if (!noted)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	*noted = (struct import_place){pipeline->name, config_copy(memory, path, strlen(path)),
				       position, NULL};
	*placing->end = noted;
	placing->end = &noted->next;
	return 0;
}

/* ---- their databases ---- */

static int open_database(const char *path, const char *probe_query, sqlite3 **ret_database,
			 struct weir_error *error)
{
	int status = sqlite3_open_v2(path, ret_database, SQLITE_OPEN_READONLY, NULL);
	sqlite3_stmt *probe = NULL;

	sqlite3_busy_timeout(*ret_database, BUSY_MS);
	if (status == SQLITE_OK)
		status = sqlite3_prepare_v2(*ret_database, probe_query, -1, &probe, NULL);
	sqlite3_finalize(probe);
	if (status == SQLITE_OK)
		return 0;
	weir_fail(error, WEIR_ERR_IO, "the positions in %s can't be read: %s", path,
		  sqlite3_errmsg(*ret_database));
	sqlite3_close(*ret_database);
	return WEIR_ERR_IO;
}

static int place_all(struct placing *placing, struct weir_error *error)
{
	int status = 0;

	for (struct import_pipeline *pipeline = placing->import->pipelines; pipeline && status == 0;
	     pipeline = pipeline->next) {
		sqlite3 *database;

		if (!pipeline->positions)
			continue;
		status = open_database(pipeline->positions, placing->reader->probe, &database,
				       error);
		if (status < 0)
			continue;
		status = placing->reader->place(placing, pipeline, database, error);
		sqlite3_close(database);
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
	       struct weir_error *error)
{
	int status = agent_create(config, registry, 0, &placing->agent, error);

	if (status == 0)
		status = agent_start_placing(placing->agent, error);
	if (status == 0)
		status = place_all(placing, error);
	if (placing->agent)
		agent_stop(placing->agent, never, NULL);
	agent_destroy(placing->agent);
	return status;
}

static int load_and_run(struct placing *placing, const char *config_path, const char *folder,
			struct weir_error *error)
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
		status = run(placing, config, registry, error);
	cli_unload(config, registry);
	return status;
}

int import_positions(struct import *import, const struct import_places *reader,
		     const char *config_path, const char *folder, struct import_place **ret_places,
		     struct weir_error *error)
{
	struct placing placing = {.import = import, .reader = reader, .end = ret_places};
	uid_t user = geteuid();
	gid_t group = getegid();
	int status;

	*ret_places = NULL;
	status = load_and_run(&placing, config_path, folder, error);
	if (geteuid() != user && (seteuid(user) < 0 || setegid(group) < 0))
		status = weir_fail(error, WEIR_ERR_IO, "can't become user %u again", user);
	return status;
}
