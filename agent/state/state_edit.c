// SPDX-License-Identifier: MIT
/* Changes by hand, while no agent runs: each is durable when it returns. */
#include <weir/plugin.h>

#include "state/state_internal.h"

/* One statement with the source's id as ?1, in a transaction of its own with synchronous FULL. */
static int edit(struct state *state, const char *sql, const uint8_t source_id[16],
		const char *output, uint64_t position, struct weir_error *error)
{
	sqlite3_stmt *statement = NULL;
	int failed, status;

	if (state->readonly || state->started)
		return weir_fail(error, WEIR_ERR_STATE, "the state can't be changed by hand now");
	failed = state_database_sync_full(&state->database, 1, error);
	if (!failed)
		failed = state_database_prepare(&state->database, sql, &statement, error);
	if (failed)
		return failed;
	sqlite3_bind_blob(statement, 1, source_id, 16, SQLITE_STATIC);
	if (output) {
		sqlite3_bind_text(statement, 2, output, -1, SQLITE_STATIC);
		sqlite3_bind_int64(statement, 3, (sqlite3_int64)position);
	}
	status = sqlite3_step(statement);
	if (status != SQLITE_DONE)
		failed = state_database_error(&state->database, status, error);
	sqlite3_finalize(statement);
	return failed;
}

int state_set_position(struct state *state, const uint8_t source_id[16], const char *output,
		       uint64_t position, struct weir_error *error)
{
	return edit(state, "INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3)", source_id,
		    output, position, error);
}

int state_remove_source(struct state *state, const uint8_t source_id[16], struct weir_error *error)
{
	/* The source last: cut off in between, it has no positions, and those are no harm. */
	int failed = edit(state, "DELETE FROM positions WHERE source_id = ?1", source_id, NULL, 0,
			  error);

	return failed ? failed
		      : edit(state, "DELETE FROM sources WHERE id = ?1", source_id, NULL, 0, error);
}
