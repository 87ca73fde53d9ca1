// SPDX-License-Identifier: MIT
/*
 * The agent's own log: the only mutable global. Lines go to stderr, or to the file that is set.
 *
 * Each line has a level, an origin ("pipeline/plugin", or a folder of the agent) and, where it is
 * worth documenting, a stable code. Lines with the same origin and code are limited to
 * LOG_BURST in LOG_WINDOW seconds; what was left out is counted in the next line that passes.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <weir/services.h>

#define LOG_BURST 10
#define LOG_WINDOW 10

#define LOG_TEXT 1 /* TIME LEVEL ORIGIN [CODE] TEXT */
#define LOG_JSON 2

/* Levels are WEIR_LOG_*; lines above `level` are left out. path NULL = stderr. */
int log_setup(uint32_t level, uint32_t format, const char *path, struct weir_error *error);
/* Keeps lines off a terminal line that is being redrawn: called before and after each line. */
void log_hooks(void (*before)(void), void (*after)(void));
int log_enabled(uint32_t level);
/* From now on every line goes there, and nowhere else if it answers 1. The call may not log. */
void log_sink(int (*sink)(void *user, uint32_t level, const char *origin, const char *code,
			  const char *text),
	      void *user);
void log_line(uint32_t level, const char *origin, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Warnings and errors of late, at most so many; longer texts are cut. */
#define LOG_RECENT 32

struct log_recent {
	int64_t wall_ns;
	uint32_t level;
	char origin[96], code[40], text[400];
};

/* Copies them, the newest first; returns how many. */
size_t log_recent(struct log_recent ret_lines[LOG_RECENT]);
const char *log_level_name(uint32_t level);
/* Between the two no other thread is at the log, nor writes to it: for a fork(). */
void log_hold(void);
void log_let_go(void);
/* For tests and the status page: how many lines of this level were written since the start. */
uint64_t log_count(uint32_t level);

#endif
