// SPDX-License-Identifier: MIT
/*
 * Opening, in this order: file, integrity, schema, expiry. A file that SQLite can't read is set aside
 * and a new one is begun.
 */
#include "state/state_database.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "state/state_aside.h"
#include "state/state_schema.h"

/* How long a statement waits for another program's lock, such as an open sqlite3 shell's. */
#define DATABASE_BUSY_MS 1000

/* Between two tries of a reader in that time. */
#define DATABASE_PAUSE_MS 20

/* The WAL file is cut back to this after a checkpoint; SQLite checkpoints about every 4 MiB. */
#define DATABASE_JOURNAL_LIMIT "4194304"

/* Pages in memory, in KiB with the minus. A start over 10,000 files fills SQLite's own default, 2 MB, and
 * it stays so: this saves 1.4 MB of RSS there. */
#define DATABASE_CACHE "-512"

static int database_corrupt(int status)
{
	return (status & 0xff) == SQLITE_CORRUPT || (status & 0xff) == SQLITE_NOTADB;
}

int state_database_error(const struct state_database *database, int status,
			 struct weir_error *error)
{
	int reason = database->handle ? sqlite3_system_errno(database->handle) : 0;
	const char *path = database->path;

	switch (status & 0xff) {
	case SQLITE_FULL:
		return weir_fail(error, WEIR_ERR_IO,
				 "the disk that holds %s is full: free some space on it", path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return weir_fail(
			error, WEIR_ERR_IO,
			"%s is locked by another program: close it (a sqlite3 shell, a backup)",
			path);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return weir_fail(
			error, WEIR_ERR_IO,
			"can't write %s%s%s: give the user that runs weir write access to it and "
			"to its folder",
			path, reason ? ": " : "", reason ? strerror(reason) : "");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return weir_fail(
			error, WEIR_ERR_STATE,
			"%s is damaged: restart the agent, which sets it aside and goes on as "
			"on_corrupt_state says",
			path);
	case SQLITE_NOMEM:
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for %s", path);
	case SQLITE_IOERR:
		return weir_fail(error, WEIR_ERR_IO,
				 "can't read or write %s: %s; look at that disk", path,
				 reason ? strerror(reason) : sqlite3_errstr(status));
	default:
		return weir_fail(error, WEIR_ERR_INTERNAL, "%s: %s", path,
				 database->handle ? sqlite3_errmsg(database->handle)
						  : sqlite3_errstr(status));
	}
}

int state_database_run(struct state_database *database, const char *sql, struct weir_error *error)
{
	int status = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
	int failed;

	if (status == SQLITE_OK)
		return 0;
	failed = state_database_error(database, status, error);
	if (!sqlite3_get_autocommit(database->handle))
		sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
	return failed;
}

int state_database_prepare(struct state_database *database, const char *sql,
			   sqlite3_stmt **ret_statement, struct weir_error *error)
{
	int status = sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
					ret_statement, NULL);

	return status == SQLITE_OK ? 0 : state_database_error(database, status, error);
}

int state_database_number(struct state_database *database, const char *sql, int64_t *ret_number,
			  struct weir_error *error)
{
	sqlite3_stmt *statement = NULL;
	int failed = state_database_prepare(database, sql, &statement, error);
	int status;

	if (failed)
		return failed;
	status = sqlite3_step(statement);
	if (status == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	else
		failed = state_database_error(database, status, error);
	sqlite3_finalize(statement);
	return failed;
}

int state_database_sync_full(struct state_database *database, int full, struct weir_error *error)
{
	int failed;

	if (database->full == full)
		return 0;
	failed = state_database_run(
		database, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
		error);
	if (!failed)
		database->full = full;
	return failed;
}

int state_database_in_place(struct state_database *database, struct weir_error *error)
{
	int moved = 0;

	sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (!moved)
		return 0;
	return weir_fail(
		error, WEIR_ERR_IO,
		"%s was removed or replaced while the agent runs: put it back, with its -wal "
		"and -shm; after a restart without it, files are read as at a first run",
		database->path);
}

static int database_names(const char *dir, struct state_database *database,
			  struct weir_error *error)
{
	database->dir = strdup(dir);
	if (!database->dir || asprintf(&database->path, "%s/state.db", dir) < 0) {
		database->path = NULL;
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to open the state database");
	}
	return 0;
}

/* PRAGMA quick_check answers "ok", or one line per fault; what can't be read at all fails. */
static int database_check(struct state_database *database, int *ret_corrupt,
			  struct weir_error *error)
{
	sqlite3_stmt *statement = NULL;
	int status =
		sqlite3_prepare_v2(database->handle, "PRAGMA quick_check(1)", -1, &statement, NULL);

	if (status == SQLITE_OK)
		status = sqlite3_step(statement);
	*ret_corrupt = database_corrupt(status) ||
		       (status == SQLITE_ROW &&
			strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0);
	if (status != SQLITE_ROW && !*ret_corrupt)
		status = state_database_error(database, status, error);
	else
		status = 0;
	sqlite3_finalize(statement);
	return status;
}

static int database_connect(struct state_database *database, int *ret_corrupt,
			    struct weir_error *error)
{
	int status = sqlite3_open_v2(database->path, &database->handle,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	*ret_corrupt = 0;
	if (status == SQLITE_OK) {
		sqlite3_extended_result_codes(database->handle, 1);
		sqlite3_busy_timeout(database->handle, DATABASE_BUSY_MS);
		status = sqlite3_exec(database->handle,
				      "PRAGMA journal_mode = WAL;"
				      "PRAGMA journal_size_limit = " DATABASE_JOURNAL_LIMIT ";"
				      "PRAGMA temp_store = MEMORY;"
				      "PRAGMA cache_size = " DATABASE_CACHE ";"
				      "PRAGMA synchronous = FULL",
				      NULL, NULL, NULL);
	}
	database->full = 1;
	*ret_corrupt = database_corrupt(status);
	if (*ret_corrupt)
		return 0;
	if (status != SQLITE_OK)
		return state_database_error(database, status, error);
	return database_check(database, ret_corrupt, error);
}

static void database_disconnect(struct state_database *database)
{
	sqlite3_close(database->handle);
	database->handle = NULL;
}

int state_database_open(const char *dir, struct state_database *ret_database, int *ret_reset,
			struct weir_error *error)
{
	struct state_database database = {0};
	int corrupt = 0;
	int failed = database_names(dir, &database, error);

	*ret_reset = 0;
	if (!failed)
		failed = database_connect(&database, &corrupt, error);
	if (!failed && corrupt) {
		database_disconnect(&database);
		failed = state_aside_move(dir, database.path, error);
		if (!failed)
			failed = database_connect(&database, &corrupt, error);
		if (!failed && corrupt)
			failed = state_database_error(&database, SQLITE_CORRUPT, error);
	}
	if (!failed) {
		*ret_reset = state_aside_marked(database.path);
		failed = state_schema_prepare(&database, *ret_reset, error);
	}
	if (!failed)
		failed = state_schema_expire(&database, error);
	if (!failed && *ret_reset && state_aside_unmark(database.path))
		failed = weir_fail(error, WEIR_ERR_IO, "can't remove %s.reset: %s; remove it",
				   database.path, strerror(errno));
	if (failed)
		state_database_close(&database);
	else
		*ret_database = database;
	return failed;
}

/* The path as a URI: the three characters that would end or change it are escaped. */
static char *uri_of(const char *path)
{
	char *uri = malloc(3 * strlen(path) + sizeof("file:?immutable=1"));
	char *end;

	if (!uri)
		return NULL;
	end = stpcpy(uri, "file:");
	for (; *path; path++) {
		if (strchr("%?#", *path))
			end += sprintf(end, "%%%02X", (unsigned char)*path);
		else
			*end++ = *path;
	}
	strcpy(end, "?immutable=1");
	return uri;
}

/*
 * A database in WAL mode needs its -shm file even for reading. Where that can't be made (a folder
 * without write access) and no -wal holds anything newer, the file can be read as it is.
 */
static int readonly_connect(struct state_database *database, int immutable)
{
	char *uri = immutable ? uri_of(database->path) : strdup(database->path);
	int status = SQLITE_NOMEM;

	if (uri)
		status = sqlite3_open_v2(uri, &database->handle,
					 SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	free(uri);
	if (status == SQLITE_OK) {
		sqlite3_extended_result_codes(database->handle, 1);
		sqlite3_busy_timeout(database->handle, DATABASE_BUSY_MS);
		status = sqlite3_exec(database->handle, "SELECT count(*) FROM sqlite_schema", NULL,
				      NULL, NULL);
	}
	return status;
}

static int wal_exists(const struct state_database *database)
{
	char *path = NULL;
	int exists = asprintf(&path, "%s-wal", database->path) < 0 || access(path, F_OK) == 0;

	free(path);
	return exists;
}

/* While an agent starts or stops, its -wal and -shm come and go: a failure may be of this moment. */
static int readonly_connect_patiently(struct state_database *database)
{
	const struct timespec pause = {0, DATABASE_PAUSE_MS * 1000000L};
	int status = SQLITE_ERROR;

	for (int i = 0; i < DATABASE_BUSY_MS / DATABASE_PAUSE_MS; i++) {
		status = readonly_connect(database, 0);
		if (status != SQLITE_OK && access(database->dir, W_OK) < 0 &&
		    !wal_exists(database)) {
			database_disconnect(database);
			status = readonly_connect(database, 1);
		}
		if ((status & 0xff) != SQLITE_CANTOPEN && (status & 0xff) != SQLITE_IOERR)
			break;
		if (i + 1 < DATABASE_BUSY_MS / DATABASE_PAUSE_MS)
			database_disconnect(database);
		nanosleep(&pause, NULL);
	}
	return status;
}

int state_database_open_readonly(const char *dir, struct state_database *ret_database,
				 struct weir_error *error)
{
	struct state_database database = {0};
	int failed = database_names(dir, &database, error);
	int status;

	if (!failed && access(database.path, R_OK) < 0)
		failed = errno == ENOENT ? weir_fail(error, WEIR_ERR_NOT_FOUND,
						     "there is no %s yet: no pipeline has run with "
						     "this state_dir",
						     database.path)
					 : weir_fail(error, WEIR_ERR_IO,
						     "can't read %s: %s; run this as the user that "
						     "runs weir, or as "
						     "root",
						     database.path, strerror(errno));
	if (!failed) {
		status = readonly_connect_patiently(&database);
		failed = status == SQLITE_OK ? state_schema_check(&database, error)
					     : state_database_error(&database, status, error);
	}
	if (failed)
		state_database_close(&database);
	else
		*ret_database = database;
	return failed;
}

void state_database_close(struct state_database *database)
{
	database_disconnect(database);
	free(database->path);
	free(database->dir);
	database->path = NULL;
	database->dir = NULL;
}
