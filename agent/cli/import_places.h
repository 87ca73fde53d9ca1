// SPDX-License-Identifier: MIT
/* What reads another agent's database of positions; see import_positions.c. */
#ifndef CLI_IMPORT_PLACES_H
#define CLI_IMPORT_PLACES_H

#include <sqlite3.h>

#include "import/import.h"

struct agent;
struct import_place;

/* What has been placed so far. */
struct placing {
	struct import *import;
	const struct import_places *reader;
	struct agent *agent;
	struct import_place **end;
	int is_named; /* the pipeline reads the file that was placed last */
};

struct import_places {
	const char *probe; /* a query that only its database answers */
	/* Places the files of one pipeline; the database is open for reading. */
	int (*place)(struct placing *placing, struct import_pipeline *pipeline, sqlite3 *database,
		     struct weir_error *error);
};

extern const struct import_places import_places_kinesis, import_places_fluent;

/* The file is one of which all before `position` is done with. One that the pipeline does not read is
 * passed over. The empty path says only that there were files before, so others are new. */
int placing_place(struct placing *placing, const struct import_pipeline *pipeline, const char *path,
		  uint64_t position, struct weir_error *error);

#endif
