// SPDX-License-Identifier: MIT
/*
 * read(): fills one block of a file's text, marks its records, and decides what becomes of the
 * file. Serialised per file by the host; runs for different files at once.
 */
#ifndef TAIL_READER_H
#define TAIL_READER_H

#include "catalog.h"

int32_t reader_read(struct catalog *catalog, struct file *file, struct weir_batch *batch,
		    struct weir_error *error);

#endif
