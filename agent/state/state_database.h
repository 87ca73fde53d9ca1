// SPDX-License-Identifier: MIT
/*
 * The database file: opened, checked, brought to the present schema, or set aside when corrupt.
 *
 * What SQLite reports becomes a sentence with a remedy here and nowhere else.
 */
#ifndef STATE_STATE_DATABASE_H
#define STATE_STATE_DATABASE_H

#include <sqlite3.h>
#include <weir/abi.h>

struct state_database {
	sqlite3 *handle;
	char *dir;
	char *path;
	int full; /* synchronous is FULL now, else NORMAL */
};

/* Fills error with what went wrong in the last call, in words; returns its code, never 0. */
int state_database_error(const struct state_database *database, int status,
			 struct weir_error *error);
int state_database_run(struct state_database *database, const char *sql, struct weir_error *error);
int state_database_prepare(struct state_database *database, const char *sql,
			   sqlite3_stmt **ret_statement, struct weir_error *error);
/* The first column of the first row. */
int state_database_number(struct state_database *database, const char *sql, int64_t *ret_number,
			  struct weir_error *error);
/* Fails when the file is no longer at its path: what is written to it would be gone with the process. */
int state_database_in_place(struct state_database *database, struct weir_error *error);
/* FULL: a commit is on the disk when it returns. NORMAL: it may be lost by a power cut, whole. */
int state_database_sync_full(struct state_database *database, int full, struct weir_error *error);

/* Opens for writing. *ret_reset is 1 when a corrupt one was set aside. */
int state_database_open(const char *dir, struct state_database *ret_database, int *ret_reset,
			struct weir_error *error);
int state_database_open_readonly(const char *dir, struct state_database *ret_database,
				 struct weir_error *error);
void state_database_close(struct state_database *database);

#endif
