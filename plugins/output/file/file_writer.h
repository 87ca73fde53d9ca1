// SPDX-License-Identifier: MIT
/*
 * Writes groups of deliveries to the live file and reports their outcomes.
 *
 *     group  [ reported | on the disk | written | to be written ]
 *                       ^ settled               ^ at
 *
 * A delivery is reported when all of it is on the disk (with `sync: false`: in the page cache). When
 * a sync fails the file is cut back to what is on the disk and the rest is written again: the kernel
 * may have forgotten the pages that it could not write. When a write fails the output stalls, says
 * why, and tries again every second. Nothing is given up.
 */
#ifndef FILE_WRITER_H
#define FILE_WRITER_H

#include "file_gzip.h"
#include "file_live.h"
#include "file_path.h"
#include "file_rotation.h"
#include "file_settings.h"

struct file_writer {
	const struct weir_services *host;
	struct weir_context *context;
	const struct file_settings *settings;
	struct delivery_queue *queue;
	struct file_rotation rotation;
	struct file_gzip *gzip; /* NULL = finished files stay as they are */
	struct weir_metric *bytes, *rotations;

	/* The thread's own, once it runs. */
	struct file_live live;
	char path[FILE_PATH_SIZE]; /* of the live file */
	struct delivery_group group;
	struct delivery_cursor at, settled;
	uint64_t settled_size; /* of the live file */
	size_t reported;       /* deliveries of the group */
	int stalled;
	struct delivery_chunk chunk;
};

/* Opens the file of this moment; fails with a sentence where only the user can help. */
int32_t file_writer_open(struct file_writer *writer, struct weir_error *error);
/* The thread: until the queue is stopped. */
void file_writer_run(void *writer);

#endif
