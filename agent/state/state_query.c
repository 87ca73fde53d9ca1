// SPDX-License-Identifier: MIT
/* What the database knows, read a row at a time. Strings handed to callbacks live for the call. */
#include <stdlib.h>
#include <weir/plugin.h>

#include "base/clock.h"
#include "state/state_internal.h"

static const char *column_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? (const char *)text : "";
}

static struct weir_slice column_slice(sqlite3_stmt *statement, int column)
{
	struct weir_slice slice = {sqlite3_column_blob(statement, column), 0};

	slice.size = (uint64_t)sqlite3_column_bytes(statement, column);
	return slice;
}

/* A statement of which each row is taken, with the database locked until query_end(). */
static int query_begin(struct state *state, const char *sql, sqlite3_stmt **ret_statement,
		       struct weir_error *error)
{
	*ret_statement = NULL;
	pthread_mutex_lock(&state->database_lock);
	return state_database_prepare(&state->database, sql, ret_statement, error);
}

/* Until there are no more, or take() returns 0. */
static int query_rows(struct state *state, sqlite3_stmt *statement,
		      int (*take)(sqlite3_stmt *statement, const void *call), const void *call,
		      struct weir_error *error)
{
	int status;

	while ((status = sqlite3_step(statement)) == SQLITE_ROW)
		if (!take(statement, call))
			return 0;
	return status == SQLITE_DONE ? 0 : state_database_error(&state->database, status, error);
}

static void query_end(struct state *state, sqlite3_stmt *statement)
{
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&state->database_lock);
}

struct source_call {
	int (*call)(void *user, const struct state_source *source);
	void *user;
};

static int take_source(sqlite3_stmt *statement, const void *to)
{
	const struct source_call *each = to;
	struct state_source source = {
		.pipeline = column_text(statement, 1),
		.input = column_text(statement, 2),
		.name = column_slice(statement, 3),
		.identity = column_slice(statement, 4),
		.seen_ns = sqlite3_column_int64(statement, 5),
	};
	struct weir_slice id = column_slice(statement, 0);

	if (id.size != sizeof(source.id))
		return 1;
	memcpy(source.id, id.data, sizeof(source.id));
	return each->call(each->user, &source) == 0;
}

int state_each_source(struct state *state, const char *pipeline, const char *input,
		      int (*call)(void *user, const struct state_source *source), void *user,
		      struct weir_error *error)
{
	sqlite3_stmt *statement;
	int failed = query_begin(state,
				 "SELECT id, pipeline, input, name, identity, seen_ns"
				 " FROM sources WHERE (?1 IS NULL OR pipeline = ?1)"
				 " AND (?2 IS NULL OR input = ?2)"
				 " ORDER BY pipeline, input, name, id",
				 &statement, error);

	if (!failed) {
		sqlite3_bind_text(statement, 1, pipeline, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, input, -1, SQLITE_STATIC);
		failed = query_rows(state, statement, take_source,
				    &(struct source_call){call, user}, error);
	}
	query_end(state, statement);
	return failed;
}

struct position_call {
	int (*call)(void *user, const char *output, uint64_t position);
	void *user;
};

static int take_position(sqlite3_stmt *statement, const void *to)
{
	const struct position_call *each = to;

	return each->call(each->user, column_text(statement, 0),
			  (uint64_t)sqlite3_column_int64(statement, 1)) == 0;
}

int state_each_position(struct state *state, const uint8_t source_id[16],
			int (*call)(void *user, const char *output, uint64_t position), void *user,
			struct weir_error *error)
{
	sqlite3_stmt *statement;
	int failed = query_begin(state,
				 "SELECT output, position FROM positions"
				 " WHERE source_id = ?1 ORDER BY output",
				 &statement, error);

	if (!failed) {
		sqlite3_bind_blob(statement, 1, source_id, 16, SQLITE_STATIC);
		failed = query_rows(state, statement, take_position,
				    &(struct position_call){call, user}, error);
	}
	query_end(state, statement);
	return failed;
}

struct pipeline_position_call {
	int (*call)(void *user, const uint8_t source_id[16], const char *output, uint64_t position);
	void *user;
};

static int take_pipeline_position(sqlite3_stmt *statement, const void *to)
{
	const struct pipeline_position_call *each = to;
	struct weir_slice id = column_slice(statement, 0);

	return id.size != 16 ||
	       each->call(each->user, (const uint8_t *)id.data, column_text(statement, 1),
			  (uint64_t)sqlite3_column_int64(statement, 2)) == 0;
}

int state_positions_of(struct state *state, const char *pipeline,
		       int (*call)(void *user, const uint8_t source_id[16], const char *output,
				   uint64_t position),
		       void *user, struct weir_error *error)
{
	sqlite3_stmt *statement;
	int failed = query_begin(state,
				 "SELECT source_id, output, position FROM sources"
				 " JOIN positions ON source_id = id WHERE pipeline = ?1",
				 &statement, error);

	if (!failed) {
		sqlite3_bind_text(statement, 1, pipeline, -1, SQLITE_STATIC);
		failed = query_rows(state, statement, take_pipeline_position,
				    &(struct pipeline_position_call){call, user}, error);
	}
	query_end(state, statement);
	return failed;
}

static int row_exists(struct state *state, const char *sql, const char *first, const char *second)
{
	sqlite3_stmt *statement;
	int exists = 0;

	if (query_begin(state, sql, &statement, NULL) == 0) {
		sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
		exists = sqlite3_step(statement) == SQLITE_ROW;
	}
	query_end(state, statement);
	return exists;
}

int state_seen(struct state *state, const char *pipeline, const char *input)
{
	return row_exists(state, "SELECT 1 FROM inputs WHERE pipeline = ?1 AND input = ?2",
			  pipeline, input);
}

int state_output_seen(struct state *state, const char *pipeline, const char *output)
{
	return row_exists(state, "SELECT 1 FROM outputs WHERE pipeline = ?1 AND output = ?2",
			  pipeline, output);
}

int state_concerned(struct state *state, const char *pipeline, const char *input)
{
	return row_exists(state,
			  "SELECT 1 WHERE EXISTS (SELECT 1 FROM resets) AND NOT EXISTS"
			  " (SELECT 1 FROM inputs WHERE pipeline = ?1 AND input = ?2)",
			  pipeline, input);
}

/* Rare and small: written at once, durable when it returns. */
static int mark(struct state *state, const char *sql, const char *first, const char *second,
		struct weir_error *error)
{
	sqlite3_stmt *statement = NULL;
	int failed, status;

	if (state->readonly)
		return weir_fail(error, WEIR_ERR_STATE,
				 "the state database is open for reading only");
	pthread_mutex_lock(&state->database_lock);
	failed = state_database_sync_full(&state->database, 1, error);
	if (!failed)
		failed = state_database_prepare(&state->database, sql, &statement, error);
	if (!failed) {
		sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
		sqlite3_bind_int64(statement, 3, clock_wall_ns());
		status = sqlite3_step(statement);
		if (status != SQLITE_DONE)
			failed = state_database_error(&state->database, status, error);
	}
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&state->database_lock);
	return failed;
}

int state_mark_seen(struct state *state, const char *pipeline, const char *input,
		    struct weir_error *error)
{
	return mark(state, "INSERT OR IGNORE INTO inputs VALUES (?1, ?2, ?3)", pipeline, input,
		    error);
}

int state_mark_output_seen(struct state *state, const char *pipeline, const char *output,
			   struct weir_error *error)
{
	return mark(state, "INSERT OR IGNORE INTO outputs VALUES (?1, ?2, ?3)", pipeline, output,
		    error);
}
