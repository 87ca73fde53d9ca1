// SPDX-License-Identifier: MIT
/*
 * Kinesis Agent's positions. It knows one file of each flow, by device and inode, and how much of it has
 * been sent. On disk now:
 *
 *   that file, under whatever name   is continued at its offset
 *   files written to before it       were sent: they are known at their end
 *   files written to after it        are left alone, and so read from their beginning
 */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/import_places.h"

struct checkpoint {
	char path[PATH_MAX];
	uint64_t inode;
	int64_t modified_ms;
	uint64_t offset;
};

/* ---- the other agent's file ---- */

/* What Java prints of device and inode: (dev=801,ino=1234). */
static uint64_t inode_of(const char *text)
{
	const char *at = text ? strstr(text, "ino=") : NULL;

	return at ? strtoull(at + 4, NULL, 10) : 0;
}

static void read_row(sqlite3_stmt *row, struct checkpoint *ret_checkpoint)
{
	const char *path = (const char *)sqlite3_column_text(row, 0);
	int64_t offset = sqlite3_column_int64(row, 3);

	snprintf(ret_checkpoint->path, sizeof(ret_checkpoint->path), "%s", path ? path : "");
	ret_checkpoint->inode = inode_of((const char *)sqlite3_column_text(row, 1));
	ret_checkpoint->modified_ms = sqlite3_column_int64(row, 2);
	ret_checkpoint->offset = offset > 0 ? (uint64_t)offset : 0;
}

/* 1 with the newest checkpoint of a flow, 0 when there is none. */
static int find_checkpoint(sqlite3 *database, const char *flow, struct checkpoint *ret_checkpoint)
{
	static const char query[] =
		"SELECT path, fileId, lastModifiedTime, offset FROM FILE_CHECKPOINTS "
		"WHERE flow = ? ORDER BY lastUpdated DESC LIMIT 1";
	sqlite3_stmt *statement = NULL;
	int found = 0;

	if (sqlite3_prepare_v2(database, query, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(statement, 1, flow, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		read_row(statement, ret_checkpoint);
		found = 1;
	}
	sqlite3_finalize(statement);
	return found;
}

/* ---- files ---- */

static int64_t modified_ms(const struct stat *status)
{
	return (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

static int place_file(struct placing *placing, struct import_pipeline *pipeline,
		      const struct checkpoint *checkpoint, const char *path, int *ret_found,
		      struct weir_error *error)
{
	struct stat status;
	uint64_t size;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	size = (uint64_t)status.st_size;
	if (status.st_ino == checkpoint->inode) {
		*ret_found = 1;
		if (checkpoint->offset <= size)
			return placing_place(placing, pipeline, path, checkpoint->offset, error);
		import_note(placing->import, pipeline, IMPORT_DIFFERS, 0,
			    "%s is shorter than what was sent of it, so it was truncated and is "
			    "read from its beginning",
			    path);
		return placing_place(placing, pipeline, path, 0, error);
	}
	if (modified_ms(&status) > checkpoint->modified_ms)
		return 0;
	return placing_place(placing, pipeline, path, size, error);
}

static int place_folder(struct placing *placing, struct import_pipeline *pipeline,
			const struct checkpoint *checkpoint, struct weir_error *error)
{
	struct dirent **names;
	int count = scandir(pipeline->folder, &names, NULL, alphasort);
	int found = 0;
	/* No file at all: only that there were some. */
	int status = placing_place(placing, pipeline, "", 0, error);

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", pipeline->folder[1] ? pipeline->folder : "",
			 names[i]->d_name);
		if (status == 0)
			status = place_file(placing, pipeline, checkpoint, path, &found, error);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (status == 0 && !found)
		import_note(
			placing->import, pipeline, IMPORT_DIFFERS, 0,
			"the file that was read last, %s, is gone; what was written after it is "
			"read from its beginning",
			checkpoint->path);
	return status;
}

static int place_pipeline(struct placing *placing, struct import_pipeline *pipeline,
			  sqlite3 *database, struct weir_error *error)
{
	struct checkpoint checkpoint;

	if (find_checkpoint(database, pipeline->positions_key, &checkpoint))
		return place_folder(placing, pipeline, &checkpoint, error);
	import_note(placing->import, pipeline, IMPORT_DIFFERS, 0,
		    "there is no position of it yet, so it begins as a new one");
	return 0;
}

const struct import_places import_places_kinesis = {
	.probe = "SELECT flow FROM FILE_CHECKPOINTS",
	.place = place_pipeline,
};
