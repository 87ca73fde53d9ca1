// SPDX-License-Identifier: MIT
/*
 * Fluent Bit's positions: the `DB` of a tail input has a row for every file, by inode, with how much of it
 * has been read. Newer ones note a hash of what stands before that, too. On disk now, in the folders
 * of those files:
 *
 *   a file with a row, under whatever name   is continued at its offset
 *   the same, but shorter or another text    was truncated: it is read from its beginning
 *   rotated, and made after the last row     was never seen: it is read from its beginning, too
 *   any other                                is left alone, and so a new one if `paths` names it
 *
 * The columns are those of plugins/in_tail/tail_sql.h there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "cli/import_places.h"

/* Of what is hashed before an offset: FLB_TAIL_DB_OFFSET_MARKER_SIZE of plugins/in_tail/tail_file.c. */
#define MARKER_SIZE_MAX 32
/* What was made so long before the last row was written may have been seen: clocks of files are coarse. */
#define SEEN_S 1
/* More rows than any agent can follow files. */
#define ROWS_MAX 10000000

struct row {
	char *name;
	uint64_t inode, offset, marker;
	size_t marker_size; /* 0 = none was noted */
	int is_placed;
};

struct move {
	struct placing *placing;
	struct import_pipeline *pipeline;
	struct row *rows; /* by inode */
	size_t count;
	int64_t seen_s; /* when it last wrote to its database */
	struct weir_error *error;
};

/* ---- rows ---- */

/* Of rows with one inode the newest counts, as it does there. */
static int next_row(sqlite3_stmt *statement, int has_marker, struct move *move)
{
	uint64_t inode = (uint64_t)sqlite3_column_int64(statement, 2);
	const char *name = (const char *)sqlite3_column_text(statement, 0);
	int64_t offset = sqlite3_column_int64(statement, 1);
	struct row *grown = move->rows;

	if (!name || name[0] != '/' || (move->count && move->rows[move->count - 1].inode == inode))
		return 0;
	if ((move->count & (move->count - 1)) == 0)
		grown = realloc(move->rows, (move->count ? move->count * 2 : 1) * sizeof(*grown));
	if (grown)
		move->rows = grown;
	name = grown && move->count < ROWS_MAX ? strdup(name) : NULL;
	if (!name)
		return weir_fail(move->error, WEIR_ERR_MEMORY, "no memory for the positions in %s",
				 move->pipeline->positions);
	grown[move->count++] = (struct row){
		.name = (char *)(uintptr_t)name,
		.inode = inode,
		.offset = offset > 0 ? (uint64_t)offset : 0,
		.marker = has_marker ? (uint64_t)sqlite3_column_int64(statement, 3) : 0,
		.marker_size = has_marker ? (size_t)sqlite3_column_int64(statement, 4) : 0,
	};
	return 0;
}

static int read_rows(sqlite3 *database, struct move *move)
{
	static const char with_marker[] =
		"SELECT name, offset, inode, offset_marker, offset_marker_size "
		"FROM in_tail_files ORDER BY inode, id DESC";
	static const char without[] =
		"SELECT name, offset, inode FROM in_tail_files ORDER BY inode, id DESC";
	sqlite3_stmt *statement = NULL;
	int has_marker =
		sqlite3_prepare_v2(database, with_marker, -1, &statement, NULL) == SQLITE_OK;
	int step = SQLITE_OK, status = 0;

	if (!has_marker)
		(void)sqlite3_prepare_v2(database, without, -1, &statement, NULL);
	while (status == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW)
		status = next_row(statement, has_marker, move);
	if (status == 0 && step != SQLITE_DONE)
		status =
			weir_fail(move->error, WEIR_ERR_IO, "the positions in %s can't be read: %s",
				  move->pipeline->positions, sqlite3_errmsg(database));
	sqlite3_finalize(statement);
	return status;
}

static int by_inode(const void *key, const void *item)
{
	uint64_t one = *(const uint64_t *)key, other = ((const struct row *)item)->inode;

	return (one > other) - (one < other);
}

static struct row *find_row(const struct move *move, uint64_t inode)
{
	return move->count ? bsearch(&inode, move->rows, move->count, sizeof(*move->rows), by_inode)
			   : NULL;
}

/* ---- files ---- */

/* 0 when what stands before the offset is not what was read. */
static int has_its_text(const struct row *row, const char *path)
{
	char text[MARKER_SIZE_MAX];
	size_t size = row->marker_size;
	ssize_t got;
	int fd;

	if (size == 0 || size > sizeof(text) || size > row->offset)
		return 1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 1; /* whoever opens it to follow it says why */
	got = pread(fd, text, size, (off_t)(row->offset - size));
	(void)close(fd);
	return got == (ssize_t)size && XXH3_64bits(text, size) == row->marker;
}

static int place_known(const struct move *move, struct row *row, const char *path, uint64_t size)
{
	struct import *import = move->placing->import;
	int truncated = row->offset > size || !has_its_text(row, path);
	int status;

	row->is_placed = 1;
	status = placing_place(move->placing, move->pipeline, path, truncated ? 0 : row->offset,
			       move->error);
	if (status < 0)
		return status;
	if (truncated && move->placing->is_named)
		import_note(import, move->pipeline, IMPORT_DIFFERS, 0,
			    "%s is not what was read of it, so it was truncated and is read from "
			    "its beginning",
			    path);
	/* Under the name that it is known by there it may belong to another input. */
	if (!move->placing->is_named && row->offset < size && strcmp(path, row->name) != 0)
		import_note(import, move->pipeline, IMPORT_LOST, 0,
			    "%s was %s, and has been read to %llu of its %llu bytes: under its new "
			    "name it is not followed",
			    path, row->name, (unsigned long long)row->offset,
			    (unsigned long long)size);
	return 0;
}

static int place_file(const struct move *move, const char *path)
{
	struct statx file;
	struct row *row;

	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &file) < 0 ||
	    !S_ISREG(file.stx_mode))
		return 0;
	row = find_row(move, file.stx_ino);
	if (row)
		return row->is_placed ? 0 : place_known(move, row, path, file.stx_size);
	if (!(file.stx_mask & STATX_BTIME) || file.stx_btime.tv_sec + SEEN_S < move->seen_s)
		return 0;
	return placing_place(move->placing, move->pipeline, path, 0, move->error);
}

static int place_folder(const struct move *move, const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	int status = 0;

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		int size = snprintf(path, sizeof(path), "%s%s", folder, names[i]->d_name);

		if (status == 0 && size > 0 && (size_t)size < sizeof(path))
			status = place_file(move, path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return status;
}

/* ---- all of them ---- */

static int by_text(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Each folder once, with its slash. */
static int place_folders(const struct move *move)
{
	char **folders = calloc(move->count + 1, sizeof(*folders));
	int status = folders ? 0 : weir_fail(move->error, WEIR_ERR_MEMORY, "no memory");
	size_t count = 0;

	for (size_t i = 0; i < move->count && status == 0; i++) {
		const char *name = move->rows[i].name;

		folders[count] = strndup(name, (size_t)(strrchr(name, '/') - name) + 1);
		if (!folders[count++])
			status = weir_fail(move->error, WEIR_ERR_MEMORY, "no memory");
	}
	if (status == 0)
		qsort(folders, count, sizeof(*folders), by_text);
	for (size_t i = 0; i < count && status == 0; i++)
		if (i == 0 || strcmp(folders[i], folders[i - 1]) != 0)
			status = place_folder(move, folders[i]);
	for (size_t i = 0; i < count; i++)
		free(folders[i]);
	free(folders);
	return status;
}

static void note_gone(const struct move *move)
{
	const struct row *first = NULL;
	size_t gone = 0;

	for (size_t i = 0; i < move->count; i++) {
		if (move->rows[i].is_placed)
			continue;
		first = first ? first : &move->rows[i];
		gone++;
	}
	if (gone)
		import_note(
			move->placing->import, move->pipeline, IMPORT_DIFFERS, 0,
			"%zu of its files %s gone or compressed, %s%s; what had not been read of "
			"%s is not continued",
			gone, gone == 1 ? "is" : "are", first->name, gone == 1 ? "" : " the first",
			gone == 1 ? "it" : "them");
}

static int64_t written_s(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_mtim.tv_sec : 0;
}

/* When the database or its write-ahead log was written to. */
static int64_t last_seen_s(const char *path)
{
	char log[PATH_MAX];
	int64_t one = written_s(path), other;

	snprintf(log, sizeof(log), "%s-wal", path);
	other = written_s(log);
	return one > other ? one : other;
}

static int place_pipeline(struct placing *placing, struct import_pipeline *pipeline,
			  sqlite3 *database, struct weir_error *error)
{
	struct move move = {.placing = placing,
			    .pipeline = pipeline,
			    .seen_s = last_seen_s(pipeline->positions),
			    .error = error};
	int status = read_rows(database, &move);

	if (status == 0)
		status = placing_place(placing, pipeline, "", 0, error);
	if (status == 0)
		status = place_folders(&move);
	if (status == 0)
		note_gone(&move);
	for (size_t i = 0; i < move.count; i++)
		free(move.rows[i].name);
	free(move.rows);
	return status;
}

const struct import_places import_places_fluent = {
	.probe = "SELECT name, offset, inode FROM in_tail_files",
	.place = place_pipeline,
};
