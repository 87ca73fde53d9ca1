// SPDX-License-Identifier: MIT
/* The positions of the agent whose configuration was imported. */
#ifndef CLI_IMPORT_POSITIONS_H
#define CLI_IMPORT_POSITIONS_H

#include "import/import.h"

struct import_place {
	const char *pipeline, *path;
	uint64_t position;
	struct import_place *next;
};

struct import_places;

/* Reads the other agent's positions by its reader, and writes them into the state folder of the configuration at
 * config_path for the pipeline files of `folder`. What was found is listed, in the import's memory. */
int import_positions(struct import *import, const struct import_places *reader,
		     const char *config_path, const char *folder, struct import_place **ret_places,
		     struct weir_error *error);

#endif
