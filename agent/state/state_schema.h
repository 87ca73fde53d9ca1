// SPDX-License-Identifier: MIT
/* The tables, their version, and the expiry of sources that are gone for good. */
#ifndef STATE_STATE_SCHEMA_H
#define STATE_STATE_SCHEMA_H

#include "state/state_database.h"

/* Refuses a newer schema and what is no state database; makes the tables in an empty file.
 * `reset`: the file takes the place of a corrupt one, and says so from now on. */
int state_schema_prepare(struct state_database *database, int reset, struct weir_error *error);
/* Checks the version only. */
int state_schema_check(struct state_database *database, struct weir_error *error);
/* Deletes sources that were not seen for STATE_EXPIRY_DAYS of the database's own time. */
int state_schema_expire(struct state_database *database, struct weir_error *error);

#endif
