// SPDX-License-Identifier: MIT
/*
 * What waits to be written, and the transaction that writes it.
 *
 * A batch is filled under the queue's lock and belongs to the committing thread from then on, until
 * a transaction has written all of it: a failed one leaves it as it was, to be tried again.
 */
#ifndef STATE_STATE_COMMIT_H
#define STATE_STATE_COMMIT_H

#include "base/buffer.h"
#include "state/state.h"
#include "state/state_database.h"

/* What is to be done with a source. */
enum state_job_kind { STATE_JOB_PUT, STATE_JOB_CHANGE, STATE_JOB_FORGET };

struct state_job {
	struct state_job *next;
	enum state_job_kind kind;
	struct state_source source;
	void (*done)(void *user);
	void *user;
};

/* A value to set, or to remove when value.size is 0; owner, key and value lie behind it. */
struct state_value {
	struct state_value *next;
	const char *owner;
	struct weir_slice key;
	struct weir_slice value;
};

struct state_position {
	uint8_t source_id[16];
	size_t output; /* offset of its name in writer->names; STATE_NO_OUTPUT: the source is seen */
	uint64_t position;
};

#define STATE_NO_OUTPUT SIZE_MAX

/* What the collector fills. */
struct state_writer {
	struct state_position *positions;
	size_t count, capacity;
	struct buffer names;
	size_t last_name; /* offset of the name used last */
	int incomplete;   /* no memory for some */
	int all;          /* every source is to be noted as seen */
};

/* Memory of the jobs of a batch, with their strings: a start has 100,000 of them, and freed one by one
 * they would leave as many holes in the heap, between what stays. */
struct state_chunk {
	struct state_chunk *next;
	size_t size, used;
	char data[];
};

struct state_batch {
	struct state_chunk *chunks; /* the newest first, each twice the one before it */
	struct state_job *jobs, **jobs_end;
	int awaited; /* somebody is to be told when the jobs are done */
	struct state_value *values;
	struct state_writer writer;
};

struct state_statements {
	sqlite3_stmt *put_source, *change_source, *forget_source, *forget_positions;
	sqlite3_stmt *put_position, *see_source;
	sqlite3_stmt *put_value, *forget_value;
};

int state_statements_prepare(struct state_database *database, struct state_statements *statements,
			     struct weir_error *error);
void state_statements_finalize(struct state_statements *statements);

/* A copy in the batch's memory, not among its jobs yet; what is to be forgotten needs no more of the source
 * than its id. NULL without memory. */
struct state_job *state_job_create(struct state_batch *batch, const struct state_source *source,
				   enum state_job_kind kind);
struct state_value *state_value_create(const char *owner, struct weir_slice key,
				       struct weir_slice value);

int state_batch_is_empty(const struct state_batch *batch);
/* Writes everything in one transaction, with synchronous FULL where sources change. */
int state_batch_write(const struct state_batch *batch, struct state_database *database,
		      struct state_statements *statements, struct weir_error *error);
void state_batch_clear(struct state_batch *batch);

#endif
