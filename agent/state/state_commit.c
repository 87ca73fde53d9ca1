// SPDX-License-Identifier: MIT
/*
 * One transaction per batch. Sources come before positions, and a position is written only where its
 * source is known: one that was collected just before its source was forgotten does not outlive it.
 */
#include "state/state_commit.h"

#include <stdlib.h>
#include <weir/plugin.h>

#include "base/clock.h"

/* Bytes of the first chunk of a batch, and of each at most: beyond malloc's threshold, so that those of a
 * burst go back to the system. */
#define CHUNK_FIRST ((size_t)1 << 10)
#define CHUNK_MAX ((size_t)256 << 10)

/* Room for positions that is kept for the next commit. */
#define POSITIONS_KEPT 256

int state_statements_prepare(struct state_database *database, struct state_statements *statements,
			     struct weir_error *error)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} all[] = {
		{&statements->put_source,
		 "INSERT INTO sources (id, pipeline, input, name, identity, seen_ns)"
		 " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET"
		 " name = coalesce(nullif(?4, ''), name),"
		 " identity = coalesce(nullif(?5, x''), identity), seen_ns = ?6"},
		{&statements->change_source,
		 "UPDATE sources SET name = coalesce(nullif(?2, ''), name),"
		 " identity = coalesce(nullif(?3, x''), identity), seen_ns = ?4 WHERE id = ?1"},
		{&statements->forget_source, "DELETE FROM sources WHERE id = ?1"},
		{&statements->forget_positions, "DELETE FROM positions WHERE source_id = ?1"},
		{&statements->put_position,
		 "INSERT INTO positions (source_id, output, position) SELECT ?1, ?2, ?3"
		 " WHERE EXISTS (SELECT 1 FROM sources WHERE id = ?1)"
		 " ON CONFLICT (source_id, output) DO UPDATE SET position = ?3"},
		{&statements->see_source, "UPDATE sources SET seen_ns = ?2 WHERE id = ?1"},
		{&statements->put_value,
		 "INSERT INTO plugin_values (owner, key, value) VALUES (?1, ?2, ?3)"
		 " ON CONFLICT (owner, key) DO UPDATE SET value = ?3"},
		{&statements->forget_value,
		 "DELETE FROM plugin_values WHERE owner = ?1 AND key = ?2"},
	};
	int failed = 0;

	for (size_t i = 0; !failed && i < sizeof(all) / sizeof(all[0]); i++)
		failed = state_database_prepare(database, all[i].sql, all[i].statement, error);
	return failed;
}

void state_statements_finalize(struct state_statements *statements)
{
	sqlite3_finalize(statements->put_source);
	sqlite3_finalize(statements->change_source);
	sqlite3_finalize(statements->forget_source);
	sqlite3_finalize(statements->forget_positions);
	sqlite3_finalize(statements->put_position);
	sqlite3_finalize(statements->see_source);
	sqlite3_finalize(statements->put_value);
	sqlite3_finalize(statements->forget_value);
}

/* Copies `size` bytes and a NUL to *end, moves it on, and returns the copy. */
static const char *copied(char **end, const void *data, size_t size)
{
	char *copy = *end;

	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	*end = copy + size + 1;
	return copy;
}

static void *chunk_take(struct state_batch *batch, size_t size)
{
	struct state_chunk *chunk = batch->chunks;
	size_t wanted = chunk ? 2 * chunk->size : CHUNK_FIRST;

	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->used < size) {
		if (wanted > CHUNK_MAX)
			wanted = CHUNK_MAX;
		if (wanted < size)
			wanted = size;
		chunk = malloc(sizeof(*chunk) + wanted);
		if (!chunk)
			return NULL;
		*chunk = (struct state_chunk){batch->chunks, wanted, 0};
		batch->chunks = chunk;
	}
	chunk->used += size;
	return chunk->data + chunk->used - size;
}

struct state_job *state_job_create(struct state_batch *batch, const struct state_source *source,
				   enum state_job_kind kind)
{
	int whole = kind != STATE_JOB_FORGET;
	size_t pipeline = whole ? strlen(source->pipeline) : 0;
	size_t input = whole ? strlen(source->input) : 0;
	size_t texts = whole ? pipeline + input + source->name.size + source->identity.size + 4 : 0;
	struct state_job *job = chunk_take(batch, sizeof(*job) + texts);
	char *end;

	if (!job)
		return NULL;
	*job = (struct state_job){.kind = kind, .source = *source};
	if (!whole)
		return job;
	end = (char *)(job + 1);
	job->source.pipeline = copied(&end, source->pipeline, pipeline);
	job->source.input = copied(&end, source->input, input);
	job->source.name.data = copied(&end, source->name.data, source->name.size);
	job->source.identity.data = copied(&end, source->identity.data, source->identity.size);
	return job;
}

struct state_value *state_value_create(const char *owner, struct weir_slice key,
				       struct weir_slice value)
{
	size_t owner_size = strlen(owner);
	struct state_value *put = malloc(sizeof(*put) + owner_size + key.size + value.size + 3);
	char *end;

	if (!put)
		return NULL;
	*put = (struct state_value){.key = key, .value = value};
	end = (char *)(put + 1);
	put->owner = copied(&end, owner, owner_size);
	put->key.data = copied(&end, key.data, key.size);
	put->value.data = copied(&end, value.data, value.size);
	return put;
}

/* Runs a statement with its parameters bound, and makes it ready for the next time. */
static int write_row(struct state_database *database, sqlite3_stmt *statement,
		     struct weir_error *error)
{
	int status = sqlite3_step(statement);
	int failed = status == SQLITE_DONE ? 0 : state_database_error(database, status, error);

	sqlite3_reset(statement);
	return failed;
}

/* Everything bound outlives the step, so nothing is copied. */
static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *statement, int index, const void *data, size_t size)
{
	if (size)
		sqlite3_bind_blob64(statement, index, data, size, SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob(statement, index, 0);
}

static int write_by_id(struct state_database *database, sqlite3_stmt *statement,
		       const uint8_t id[16], struct weir_error *error)
{
	bind_blob(statement, 1, id, 16);
	return write_row(database, statement, error);
}

static int write_source(struct state_database *database, struct state_statements *statements,
			const struct state_source *source, struct weir_error *error)
{
	sqlite3_stmt *put = statements->put_source;

	bind_blob(put, 1, source->id, 16);
	bind_text(put, 2, source->pipeline);
	bind_text(put, 3, source->input);
	sqlite3_bind_text64(put, 4, source->name.data, source->name.size, SQLITE_STATIC,
			    SQLITE_UTF8);
	bind_blob(put, 5, source->identity.data, source->identity.size);
	sqlite3_bind_int64(put, 6, source->seen_ns);
	return write_row(database, put, error);
}

static int write_change(struct state_database *database, struct state_statements *statements,
			const struct state_source *source, struct weir_error *error)
{
	sqlite3_stmt *change = statements->change_source;

	bind_blob(change, 1, source->id, 16);
	sqlite3_bind_text64(change, 2, source->name.data, source->name.size, SQLITE_STATIC,
			    SQLITE_UTF8);
	bind_blob(change, 3, source->identity.data, source->identity.size);
	sqlite3_bind_int64(change, 4, source->seen_ns);
	return write_row(database, change, error);
}

static int write_forget(struct state_database *database, struct state_statements *statements,
			const uint8_t id[16], struct weir_error *error)
{
	int failed = write_by_id(database, statements->forget_source, id, error);

	if (!failed)
		failed = write_by_id(database, statements->forget_positions, id, error);
	return failed;
}

static int write_seen(struct state_database *database, struct state_statements *statements,
		      const uint8_t id[16], int64_t now_ns, struct weir_error *error)
{
	sqlite3_bind_int64(statements->see_source, 2, now_ns);
	return write_by_id(database, statements->see_source, id, error);
}

static int write_position(struct state_database *database, struct state_statements *statements,
			  const struct state_writer *writer, const struct state_position *at,
			  struct weir_error *error)
{
	sqlite3_stmt *put = statements->put_position;

	bind_blob(put, 1, at->source_id, 16);
	bind_text(put, 2, writer->names.data + at->output);
	sqlite3_bind_int64(put, 3, (int64_t)at->position);
	return write_row(database, put, error);
}

static int write_positions(struct state_database *database, struct state_statements *statements,
			   const struct state_writer *writer, struct weir_error *error)
{
	int64_t now_ns = writer->count ? clock_wall_ns() : 0;
	int failed = 0;

	for (size_t i = 0; !failed && i < writer->count; i++)
		failed = writer->positions[i].output == STATE_NO_OUTPUT
				 ? write_seen(database, statements, writer->positions[i].source_id,
					      now_ns, error)
				 : write_position(database, statements, writer,
						  &writer->positions[i], error);
	return failed;
}

static int write_job(struct state_database *database, struct state_statements *statements,
		     const struct state_job *job, struct weir_error *error)
{
	switch (job->kind) {
	case STATE_JOB_PUT:
		return write_source(database, statements, &job->source, error);
	case STATE_JOB_CHANGE:
		return write_change(database, statements, &job->source, error);
	default:
		return write_forget(database, statements, job->source.id, error);
	}
}

static int write_value(struct state_database *database, struct state_statements *statements,
		       const struct state_value *value, struct weir_error *error)
{
	sqlite3_stmt *put = value->value.size ? statements->put_value : statements->forget_value;

	bind_text(put, 1, value->owner);
	bind_blob(put, 2, value->key.data, value->key.size);
	if (value->value.size)
		bind_blob(put, 3, value->value.data, value->value.size);
	return write_row(database, put, error);
}

static int write_batch(const struct state_batch *batch, struct state_database *database,
		       struct state_statements *statements, struct weir_error *error)
{
	int failed = 0;

	for (const struct state_job *job = batch->jobs; !failed && job; job = job->next)
		failed = write_job(database, statements, job, error);
	if (!failed)
		failed = write_positions(database, statements, &batch->writer, error);
	for (const struct state_value *value = batch->values; !failed && value; value = value->next)
		failed = write_value(database, statements, value, error);
	return failed;
}

int state_batch_is_empty(const struct state_batch *batch)
{
	return !batch->jobs && !batch->values && batch->writer.count == 0;
}

int state_batch_write(const struct state_batch *batch, struct state_database *database,
		      struct state_statements *statements, struct weir_error *error)
{
	int failed = state_database_in_place(database, error);

	if (!failed)
		failed = state_database_sync_full(database, batch->jobs != NULL, error);
	if (!failed)
		failed = state_database_run(database, "BEGIN IMMEDIATE", error);
	if (failed)
		return failed;
	failed = write_batch(batch, database, statements, error);
	if (!failed)
		return state_database_run(database, "COMMIT", error);
	if (!sqlite3_get_autocommit(database->handle))
		state_database_run(database, "ROLLBACK", NULL);
	return failed;
}

void state_batch_clear(struct state_batch *batch)
{
	batch->jobs = NULL;
	while (batch->chunks) {
		struct state_chunk *next = batch->chunks->next;

		free(batch->chunks);
		batch->chunks = next;
	}
	while (batch->values) {
		struct state_value *next = batch->values->next;

		free(batch->values);
		batch->values = next;
	}
	batch->writer.count = 0;
	batch->writer.all = 0;
	if (batch->writer.capacity > POSITIONS_KEPT) {
		free(batch->writer.positions);
		batch->writer.positions = NULL;
		batch->writer.capacity = 0;
	}
	batch->writer.incomplete = 0;
	buffer_clear(&batch->writer.names);
}
