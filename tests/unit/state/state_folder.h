// SPDX-License-Identifier: MIT
/*
 * A state folder of its own for each test, a collector that a test fills, and the database as the
 * sqlite3 library sees it from outside. Lines logged are counted, not printed.
 */
#ifndef STATE_FOLDER_H
#define STATE_FOLDER_H

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "await.h"
#include "base/clock.h"
#include "base/log.h"
#include "state/state.h"

static atomic_int logged_errors;

void log_line(uint32_t level, const char *origin, const char *code, const char *format, ...)
{
	(void)origin;
	(void)code;
	(void)format;
	if (level == WEIR_LOG_ERROR)
		atomic_fetch_add(&logged_errors, 1);
}

/* What the collector writes: one position, each time it is asked. */
struct collected {
	pthread_mutex_t lock;
	uint8_t id[16];
	const char *output;
	uint64_t position;
	int changed;
	atomic_int asked;
};

struct folder {
	char dir[64];
	struct collected collected;
};

static inline void collect(void *user, struct state_writer *writer)
{
	struct collected *collected = user;

	pthread_mutex_lock(&collected->lock);
	if (collected->changed)
		state_write_position(writer, collected->id, collected->output, collected->position);
	collected->changed = 0;
	pthread_mutex_unlock(&collected->lock);
	atomic_fetch_add(&collected->asked, 1);
}

static inline void collected_set(struct collected *collected, uint8_t id, const char *output,
				 uint64_t position)
{
	pthread_mutex_lock(&collected->lock);
	memset(collected->id, id, sizeof(collected->id));
	collected->output = output;
	collected->position = position;
	collected->changed = 1;
	pthread_mutex_unlock(&collected->lock);
}

static inline int folder_create(void **user)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	strcpy(folder->dir, "/tmp/weir-state-XXXXXX");
	pthread_mutex_init(&folder->collected.lock, NULL);
	atomic_store(&logged_errors, 0);
	*user = folder;
	return mkdtemp(folder->dir) ? 0 : -1;
}

static inline int folder_remove(const char *path, const struct stat *info, int type,
				struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int folder_destroy(void **user)
{
	struct folder *folder = *user;

	nftw(folder->dir, folder_remove, 8, FTW_DEPTH | FTW_PHYS);
	pthread_mutex_destroy(&folder->collected.lock);
	free(folder);
	return 0;
}

static inline struct state *opened(const char *dir)
{
	struct state *state = NULL;
	struct weir_error error = {0};
	int reset = -1;

	if (state_open(dir, &state, &reset, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(reset, 0);
	return state;
}

static inline struct state *started(struct folder *folder)
{
	struct state *state = opened(folder->dir);
	struct weir_error error = {0};

	if (state_start(state, collect, &folder->collected, &error) != 0)
		fail_msg("%s", error.text);
	return state;
}

/* A source whose id is 16 times `id`. */
static inline struct state_source source_of(uint8_t id, const char *name)
{
	struct state_source source = {.pipeline = "web", .input = "tail"};

	memset(source.id, id, sizeof(source.id));
	source.name = weir_slice_of(name);
	source.identity = weir_slice_of("who");
	source.seen_ns = clock_wall_ns();
	return source;
}

static inline void put(struct state *state, uint8_t id, const char *name)
{
	struct state_source source = source_of(id, name);

	assert_int_equal(state_put_source(state, &source, NULL, NULL), 0);
}

static inline void sync_ok(struct state *state)
{
	struct weir_error error = {0};

	if (state_sync(state, &error) != 0)
		fail_msg("%s", error.text);
}

/* One number from the database, through a connection of its own. -1 = no row. */
static inline int64_t query(const char *dir, const char *sql)
{
	char path[128];
	sqlite3 *handle;
	sqlite3_stmt *statement;
	int64_t number = -1;

	snprintf(path, sizeof(path), "%s/state.db", dir);
	assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(handle, 5000);
	assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return number;
}

static inline int stalled(struct state *state)
{
	char text[WEIR_ERROR_TEXT];

	state_stalled(state, text, sizeof(text));
	return text[0] != '\0';
}

#endif
