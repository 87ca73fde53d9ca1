// SPDX-License-Identifier: MIT
/*
 * Values of plugins. A put waits in the queue, at most one per key; a get looks at what waits, then
 * at what is being committed, then at the database. What was put is thus found at every moment.
 */
#include <stdlib.h>
#include <weir/plugin.h>

#include "state/state_internal.h"

static int slice_same(struct weir_slice a, struct weir_slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static struct state_value **value_find(struct state_value **list, const char *owner,
				       struct weir_slice key)
{
	while (*list && !(strcmp((*list)->owner, owner) == 0 && slice_same((*list)->key, key)))
		list = &(*list)->next;
	return list;
}

int state_put_value(struct state *state, const char *owner, struct weir_slice key,
		    struct weir_slice value)
{
	struct state_value *put, **place, *old;

	if (state->readonly)
		return WEIR_ERR_STATE;
	if (key.size > STATE_KEY_MAX || value.size > STATE_VALUE_MAX)
		return WEIR_ERR_INVALID;
	put = state_value_create(owner, key, value);
	if (!put)
		return WEIR_ERR_MEMORY;
	pthread_mutex_lock(&state->lock);
	place = value_find(&state->queued.values, owner, key);
	old = *place;
	put->next = old ? old->next : NULL;
	*place = put;
	pthread_mutex_unlock(&state->lock);
	free(old);
	state_arm(state);
	return 0;
}

static int64_t value_copy(struct weir_slice value, void *buffer, size_t buffer_size)
{
	size_t size = value.size < buffer_size ? value.size : buffer_size;

	if (size)
		memcpy(buffer, value.data, size);
	return value.size ? (int64_t)value.size : WEIR_ERR_NOT_FOUND;
}

static int64_t value_read(struct state *state, const char *owner, struct weir_slice key,
			  void *buffer, size_t buffer_size)
{
	sqlite3_stmt *statement = NULL;
	int64_t size = WEIR_ERR_NOT_FOUND;
	int failed;

	pthread_mutex_lock(&state->database_lock);
	failed = state_database_prepare(
		&state->database, "SELECT value FROM plugin_values WHERE owner = ?1 AND key = ?2",
		&statement, NULL);
	if (!failed) {
		int status;

		sqlite3_bind_text(statement, 1, owner, -1, SQLITE_STATIC);
		if (key.size)
			sqlite3_bind_blob64(statement, 2, key.data, key.size, SQLITE_STATIC);
		else
			sqlite3_bind_zeroblob(statement, 2, 0);
		status = sqlite3_step(statement);
		if (status == SQLITE_ROW) {
			struct weir_slice value = {sqlite3_column_blob(statement, 0), 0};

			value.size = (uint64_t)sqlite3_column_bytes(statement, 0);
			size = value_copy(value, buffer, buffer_size);
		} else if (status != SQLITE_DONE) {
			failed = WEIR_ERR_IO;
		}
	}
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&state->database_lock);
	return failed ? WEIR_ERR_IO : size;
}

int64_t state_get_value(struct state *state, const char *owner, struct weir_slice key, void *buffer,
			size_t buffer_size)
{
	struct state_value *waiting;
	int64_t size = 0;

	pthread_mutex_lock(&state->lock);
	waiting = *value_find(&state->queued.values, owner, key);
	if (!waiting)
		waiting = *value_find(&state->flight.values, owner, key);
	if (waiting)
		size = value_copy(waiting->value, buffer, buffer_size);
	pthread_mutex_unlock(&state->lock);
	return size ? size : value_read(state, owner, key, buffer, buffer_size);
}
