// SPDX-License-Identifier: MIT
/*
 * A line is made whole in one buffer and written with one write(2), so that lines of several
 * threads, and of several processes that append to one file, never mix.
 *
 *   - `lock` guards everything but `level`, which is read without it: a line more or less at the
 *     moment of a change does no harm.
 *   - Text from outside can't forge lines: control characters are escaped, and in JSON what is not
 *     UTF-8 becomes U+FFFD.
 *   - Memory is fixed. When the table of limits is full, the entry whose window is oldest goes.
 *   - errno survives a call.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <weir/plugin.h>

#include "base/clock.h"
#include "base/printable.h"
#include "base/secrets.h"

#define LOG_TEXT_MAX 4096 /* bytes of one message; the rest is cut and marked */
#define LOG_LIMITS 256    /* pairs of origin and code that are limited at a time */
#define LOG_PROBES 8

/* Every byte of a message may become six, plus the frame. */
#define LOG_LINE_MAX (6 * (LOG_TEXT_MAX + 512) + 256)

static const char *const level_names[] = {"?", "error", "warning", "info", "debug"};
#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

struct log_limit {
	uint64_t key;       /* hash of origin and code; 0 = free */
	uint64_t window_ns; /* when its window began */
	uint32_t passed;
	uint32_t left_out;
};

static struct {
	pthread_mutex_t lock;
	_Atomic uint32_t level;
	uint32_t format;
	int fd;
	void (*before)(void);
	void (*after)(void);
	int (*sink)(void *user, uint32_t level, const char *origin, const char *code,
		    const char *text);
	void *sink_user;
	uint64_t counts[LEVELS];
	struct log_limit limits[LOG_LIMITS];
	struct log_recent recent[LOG_RECENT]; /* a ring */
	size_t recent_count;                  /* of all that ever went into it */
	char line[LOG_LINE_MAX];
	size_t size;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .level = WEIR_LOG_INFO,
	    .format = LOG_TEXT,
	    .fd = STDERR_FILENO};

/* ---- limits ---- */

static uint64_t limit_key(const char *origin, const char *code)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

	for (; *origin; origin++)
		hash = (hash ^ (uint8_t)*origin) * UINT64_C(1099511628211);
	hash = (hash ^ 0xff) * UINT64_C(1099511628211);
	for (; code && *code; code++)
		hash = (hash ^ (uint8_t)*code) * UINT64_C(1099511628211);
	return hash ? hash : 1;
}

static struct log_limit *limit_find(uint64_t key)
{
	struct log_limit *oldest = NULL;

	for (uint64_t i = 0; i < LOG_PROBES; i++) {
		struct log_limit *limit = &logger.limits[(key + i) % LOG_LIMITS];

		if (limit->key == key)
			return limit;
		if (!oldest ||
		    (oldest->key && (!limit->key || limit->window_ns < oldest->window_ns)))
			oldest = limit;
	}
	*oldest = (struct log_limit){.key = key};
	return oldest;
}

/* False when the line is one too many; else how many were left out before it. */
static int limit_passes(const char *origin, const char *code, uint32_t *ret_left_out)
{
	struct log_limit *limit = limit_find(limit_key(origin, code));
	uint64_t now = clock_monotonic_ns();

	if (now - limit->window_ns >= LOG_WINDOW * (uint64_t)NS_PER_SECOND) {
		limit->window_ns = now;
		limit->passed = 0;
	}
	if (limit->passed == LOG_BURST) {
		limit->left_out++;
		return 0;
	}
	limit->passed++;
	*ret_left_out = limit->left_out;
	limit->left_out = 0;
	return 1;
}

/* ---- what was said of late ---- */

static void remember(uint32_t level, const char *origin, const char *code, const char *text)
{
	struct log_recent *line = &logger.recent[logger.recent_count++ % LOG_RECENT];

	line->wall_ns = clock_wall_ns();
	line->level = level;
	snprintf(line->origin, sizeof(line->origin), "%s", origin);
	snprintf(line->code, sizeof(line->code), "%s", code ? code : "");
	snprintf(line->text, sizeof(line->text), "%s", text);
}

size_t log_recent(struct log_recent ret_lines[LOG_RECENT])
{
	size_t count;

	pthread_mutex_lock(&logger.lock);
	count = logger.recent_count < LOG_RECENT ? logger.recent_count : LOG_RECENT;
	for (size_t i = 0; i < count; i++)
		ret_lines[i] = logger.recent[(logger.recent_count - 1 - i) % LOG_RECENT];
	pthread_mutex_unlock(&logger.lock);
	return count;
}

const char *log_level_name(uint32_t level)
{
	return level < LEVELS ? level_names[level] : level_names[0];
}

/* ---- making a line ---- */

static void put(const char *data, size_t size)
{
	if (size > LOG_LINE_MAX - logger.size)
		size = LOG_LINE_MAX - logger.size;
	memcpy(logger.line + logger.size, data, size);
	logger.size += size;
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

static void put_control(uint8_t byte, int json)
{
	char escaped[8];

	if (byte == '\n' || byte == '\t')
		put_text(byte == '\n' ? "\\n" : "\\t");
	else if (snprintf(escaped, sizeof(escaped), json ? "\\u%04x" : "\\x%02x", byte) > 0)
		put_text(escaped);
}

static void put_escaped(const char *text, size_t size, int json)
{
	for (size_t i = 0; i < size;) {
		uint8_t byte = (uint8_t)text[i];
		size_t length = json ? printable_utf8(text + i, size - i)
				     : printable_length(text + i, size - i);

		if (byte < 0x20 || byte == 0x7f || (length == 0 && !json))
			put_control(byte, json);
		else if (json && (byte == '"' || byte == '\\'))
			put((char[]){'\\', (char)byte}, 2);
		else if (length == 0 && json)
			put_text("\xef\xbf\xbd");
		else
			put(text + i, length ? length : 1);
		i += length ? length : 1;
	}
}

static void put_time(void)
{
	int64_t now = clock_wall_ns();
	time_t seconds = now / NS_PER_SECOND;
	struct tm utc;
	char text[40];
	size_t size;

	gmtime_r(&seconds, &utc);
	size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + size, sizeof(text) - size, ".%03dZ",
		 (int)(now % NS_PER_SECOND / NS_PER_MS));
	put_text(text);
}

static void make_json(uint32_t level, const char *origin, const char *code, const char *text,
		      uint32_t left_out)
{
	char number[48];

	snprintf(number, sizeof(number), "\",\"left_out\":%" PRIu32 "}\n", left_out);
	put_text("{\"time\":\"");
	put_time();
	put_text("\",\"level\":\"");
	put_text(level_names[level]);
	put_text("\",\"origin\":\"");
	put_escaped(origin, strlen(origin), 1);
	if (code) {
		put_text("\",\"code\":\"");
		put_escaped(code, strlen(code), 1);
	}
	put_text("\",\"text\":\"");
	put_escaped(text, strlen(text), 1);
	put_text(left_out ? number : "\"}\n");
}

static void make_text(uint32_t level, const char *origin, const char *code, const char *text,
		      uint32_t left_out)
{
	char number[64];

	snprintf(number, sizeof(number), " (%" PRIu32 " like it were left out)\n", left_out);
	put_time();
	put_text(" ");
	put_text(level_names[level]);
	put_text(" ");
	put_escaped(origin, strlen(origin), 0);
	if (code) {
		put_text(" [");
		put_escaped(code, strlen(code), 0);
		put_text("]");
	}
	put_text(" ");
	put_escaped(text, strlen(text), 0);
	put_text(left_out ? number : "\n");
}

static void write_line(void)
{
	size_t done = 0;

	while (done < logger.size) {
		ssize_t size = write(logger.fd, logger.line + done, logger.size - done);

		if (size < 0 && errno != EINTR)
			return; /* nowhere left to say so */
		if (size > 0)
			done += (size_t)size;
	}
}

/* ---- public ---- */

int log_setup(uint32_t level, uint32_t format, const char *path, struct weir_error *error)
{
	int fd = STDERR_FILENO;

	if (path)
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "cannot open the log %s: %s", path,
				 strerror(errno));
	pthread_mutex_lock(&logger.lock);
	if (logger.fd != STDERR_FILENO)
		close(logger.fd);
	logger.fd = fd;
	logger.format = format;
	atomic_store_explicit(&logger.level, level, memory_order_relaxed);
	pthread_mutex_unlock(&logger.lock);
	return 0;
}

/* The hooks run under the logger's lock and must not log. */
void log_hooks(void (*before)(void), void (*after)(void))
{
	pthread_mutex_lock(&logger.lock);
	logger.before = before;
	logger.after = after;
	pthread_mutex_unlock(&logger.lock);
}

void log_sink(int (*sink)(void *user, uint32_t level, const char *origin, const char *code,
			  const char *text),
	      void *user)
{
	pthread_mutex_lock(&logger.lock);
	logger.sink = sink;
	logger.sink_user = user;
	pthread_mutex_unlock(&logger.lock);
}

int log_enabled(uint32_t level)
{
	return level <= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

void log_line(uint32_t level, const char *origin, const char *code, const char *format, ...)
{
	char text[LOG_TEXT_MAX];
	int saved_errno = errno;
	uint32_t left_out = 0;
	va_list args;
	int size;

	if (level == 0 || level >= LEVELS || !log_enabled(level))
		return;
	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size < 0)
		text[0] = '\0';
	else if ((size_t)size >= sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	secrets_mask(text, strlen(text));
	pthread_mutex_lock(&logger.lock);
	if ((!logger.sink || !logger.sink(logger.sink_user, level, origin, code, text)) &&
	    limit_passes(origin, code, &left_out)) {
		logger.size = 0;
		(logger.format == LOG_JSON ? make_json : make_text)(level, origin, code, text,
								    left_out);
		if (logger.before)
			logger.before();
		write_line();
		if (logger.after)
			logger.after();
		logger.counts[level]++;
		if (level <= WEIR_LOG_WARNING)
			remember(level, origin, code, text);
	}
	pthread_mutex_unlock(&logger.lock);
	errno = saved_errno;
}

void log_hold(void)
{
	pthread_mutex_lock(&logger.lock);
}

void log_let_go(void)
{
	pthread_mutex_unlock(&logger.lock);
}

uint64_t log_count(uint32_t level)
{
	uint64_t count;

	pthread_mutex_lock(&logger.lock);
	count = level < LEVELS ? logger.counts[level] : 0;
	pthread_mutex_unlock(&logger.lock);
	return count;
}
