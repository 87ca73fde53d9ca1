// SPDX-License-Identifier: MIT
/*
 * sources    who is read: a random id, and the input's own bytes to know it again
 * positions  per source and output: everything before the position has an outcome
 * inputs, outputs  what has been part of a pipeline before
 * plugin_values    small durable values of plugin instances
 * resets     when a corrupt database was replaced by this one
 *
 * The version is PRAGMA user_version, set in the transaction that makes the tables.
 */
#include "state/state_schema.h"

#include <weir/plugin.h>

#include "base/clock.h"
#include "state/state.h"

#define EXPIRY_NS ((int64_t)STATE_EXPIRY_DAYS * 86400 * NS_PER_SECOND)

static const char schema[] =
	"CREATE TABLE sources (id BLOB PRIMARY KEY, pipeline TEXT NOT NULL, input TEXT NOT NULL,"
	" name TEXT NOT NULL, identity BLOB NOT NULL, seen_ns INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX sources_by_input ON sources (pipeline, input);"
	"CREATE TABLE positions (source_id BLOB NOT NULL, output TEXT NOT NULL,"
	" position INTEGER NOT NULL, PRIMARY KEY (source_id, output)) WITHOUT ROWID;"
	"CREATE TABLE inputs (pipeline TEXT NOT NULL, input TEXT NOT NULL, first_ns INTEGER NOT "
	"NULL,"
	" PRIMARY KEY (pipeline, input)) WITHOUT ROWID;"
	"CREATE TABLE outputs (pipeline TEXT NOT NULL, output TEXT NOT NULL,"
	" first_ns INTEGER NOT NULL, PRIMARY KEY (pipeline, output)) WITHOUT ROWID;"
	"CREATE TABLE plugin_values (owner TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
	" PRIMARY KEY (owner, key)) WITHOUT ROWID;"
	"CREATE TABLE resets (at_ns INTEGER NOT NULL);";

static int schema_create(struct state_database *database, int reset, struct weir_error *error)
{
	char finish[128];
	int failed;

	snprintf(finish, sizeof(finish), "PRAGMA user_version = %d; COMMIT", STATE_SCHEMA_VERSION);
	failed = state_database_run(database, "BEGIN IMMEDIATE", error);
	if (!failed)
		failed = state_database_run(database, schema, error);
	if (!failed && reset) {
		char record[96];

		snprintf(record, sizeof(record), "INSERT INTO resets VALUES (%lld)",
			 (long long)clock_wall_ns());
		failed = state_database_run(database, record, error);
	}
	if (!failed)
		failed = state_database_run(database, finish, error);
	return failed;
}

static int schema_version(struct state_database *database, int64_t *ret_version,
			  struct weir_error *error)
{
	int failed = state_database_number(database, "PRAGMA user_version", ret_version, error);

	if (failed)
		return failed;
	if (*ret_version > STATE_SCHEMA_VERSION)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"%s was written by a newer weir (schema %lld, this one knows %d): install "
			"that version again, or set state_dir to another folder",
			database->path, (long long)*ret_version, STATE_SCHEMA_VERSION);
	return 0;
}

static int schema_foreign(const struct state_database *database, struct weir_error *error)
{
	return weir_fail(error, WEIR_ERR_REFUSED,
			 "%s is not a state database of weir: move it away, or set state_dir to "
			 "another folder",
			 database->path);
}

static int schema_tables(struct state_database *database, int64_t *ret_tables,
			 struct weir_error *error)
{
	return state_database_number(database, "SELECT count(*) FROM sqlite_schema", ret_tables,
				     error);
}

int state_schema_check(struct state_database *database, struct weir_error *error)
{
	int64_t version = 0, tables = 0;
	int failed = schema_version(database, &version, error);

	if (!failed && version < 1)
		failed = schema_tables(database, &tables, error);
	if (failed || version >= 1)
		return failed;
	if (tables)
		return schema_foreign(database, error);
	return weir_fail(error, WEIR_ERR_NOT_FOUND,
			 "there is no state in %s yet: no pipeline has run with this state_dir",
			 database->path);
}

int state_schema_prepare(struct state_database *database, int reset, struct weir_error *error)
{
	int64_t version = 0, tables = 0;
	int failed = schema_version(database, &version, error);

	if (failed || version == STATE_SCHEMA_VERSION)
		return failed;
	failed = schema_tables(database, &tables, error);
	if (failed)
		return failed;
	return tables ? schema_foreign(database, error) : schema_create(database, reset, error);
}

/*
 * The newest sight of any source is the database's own time. Against the wall clock, an agent that
 * stood still for a month, or whose files did, would forget where it was and read everything again.
 * A clock that once ran ahead does no harm either: time is the smaller of the two.
 */
int state_schema_expire(struct state_database *database, struct weir_error *error)
{
	int64_t now_ns = clock_wall_ns();
	char sql[512];

	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE;"
		 "DELETE FROM sources WHERE seen_ns <"
		 " (SELECT min(max(seen_ns), %lld) FROM sources) - %lld;"
		 "DELETE FROM positions WHERE source_id NOT IN (SELECT id FROM sources);"
		 "DELETE FROM resets WHERE at_ns < %lld;"
		 "COMMIT",
		 (long long)now_ns, (long long)EXPIRY_NS, (long long)(now_ns - EXPIRY_NS));
	return state_database_run(database, sql, error);
}
